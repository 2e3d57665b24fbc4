/** @file What the questions about stamps ask, on a folder made for the test. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stampsSettings, stampsTask } from './index.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sensorium-stamps-'));
  for (const kind of ['animals', 'food', 'vehicles']) {
    const folder = join(directory, 'debian/tuxpaint-stamps-default/usr/share/tuxpaint/stamps', kind);
    mkdirSync(folder, { recursive: true });
    for (let i = 0; i < 30; i++) {
      const word = String.fromCharCode(97 + (i % 26)) + kind + i;
      for (const ending of ['.png', '_desc_fr.ogg', '_desc_ru.ogg', '_desc_da.ogg']) {
        writeFileSync(join(folder, word + ending), '');
      }
    }
  }
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('stampsTask', () => {
  it('asks for the kind of every stamp', () => {
    const { name, classes, about } = stampsTask(stampsSettings({ directory }));
    expect(name).toBe('stamps');
    expect(classes).toEqual(['animals', 'food', 'vehicles']);
    const counts = [...about.join(' ').matchAll(/(\d+) stamps in (\d+) families \((\d+) recordings\)/g)].map((found) =>
      found.slice(1).map(Number),
    );
    const sums = [0, 1, 2].map((column) => counts.reduce((sum, row) => sum + row[column]!, 0));
    // Thirty files a kind share twenty-six first words.
    expect(sums).toEqual([90, 78, 270]);
  });

  it('asks for kind and language of four kinds in three languages', () => {
    const { name, classes } = stampsTask(stampsSettings({ directory, question: 'kind and language' }));
    expect(name).toBe('voices');
    expect(classes).toEqual(['animals, fr', 'animals, ru', 'food, fr', 'food, ru']);
  });

  it('is another run where the settings are others', () => {
    const [one, other] = [{}, { numViews: 2 }].map((changes) => stampsTask(stampsSettings({ directory, ...changes })));
    expect(JSON.stringify(one!.key)).not.toBe(JSON.stringify(other!.key));
  });
});
