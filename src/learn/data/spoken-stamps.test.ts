/** @file Spoken stamps from a folder made for the test: what belongs together stays together. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MissingDataError } from '../../engine/core/index.ts';
import { readSpokenStamps } from './spoken-stamps.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sensorium-stamps-'));
  const put = (path: string, text = '') => {
    const whole = join(directory, 'debian/tuxpaint-stamps-default/usr/share/tuxpaint/stamps', path);
    mkdirSync(dirname(whole), { recursive: true });
    writeFileSync(whole, text);
  };
  const stamp = (id: string, text: string, languages = ['es', 'fr']) => {
    put(`${id}.png`);
    put(`${id}.txt`, `${text}\nes.utf8=…\n`);
    for (const language of languages) put(`${id}_desc_${language}.ogg`);
  };
  stamp('animals/cats/lion', 'A lion.');
  stamp('animals/cats/lion-2', 'Another lion.');
  stamp('animals/cats/king_of_beasts', 'A lion.', ['ru', 'xx']);
  stamp('animals/dogs/beagle', 'A dog.');
  stamp('animals/dogs/unheard', 'A dog.', []);
  stamp('symbols/alphabets/a', 'The letter A.');
  stamp('space/moon', 'The moon.');
  put('animals/cats/lion_mirror.png');
  put('animals/dogs/beagle.svg');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('readSpokenStamps', () => {
  it('takes pictures with recordings of the known languages, each once, and no letters', () => {
    const stamps = readSpokenStamps({ directory, minStamps: 1 });
    expect(stamps.map(({ id }) => id)).toEqual([
      'animals/cats/king_of_beasts',
      'animals/cats/lion-2',
      'animals/cats/lion',
      'animals/dogs/beagle',
      'space/moon',
    ]);
    expect(stamps[0]!.recordings.map(({ language }) => language)).toEqual(['ru']);
    expect(stamps[3]!.recordings.map(({ language }) => language)).toEqual(['es', 'fr']);
  });

  it('keeps a family together: the same first word, or the same description, by way of others too', () => {
    const [king, lion, second, dog] = readSpokenStamps({ directory, minStamps: 1 });
    expect(new Set([king, lion, second].map((stamp) => stamp!.family))).toEqual(
      new Set(['animals/cats/king_of_beasts']),
    );
    expect(new Set([king, lion, second].map((stamp) => stamp!.split)).size).toBe(1);
    expect(dog!.family).toBe('animals/dogs/beagle');
  });

  it('leaves small categories out', () => {
    const categories = readSpokenStamps({ directory, minStamps: 2 }).map(({ category }) => category);
    expect(new Set(categories)).toEqual(new Set(['animals']));
  });

  it('says what to do where the package is missing', () => {
    const read = () => readSpokenStamps({ directory: join(directory, 'nowhere') });
    expect(read).toThrow(MissingDataError);
    expect(read).toThrow('run "sensorium data"');
  });
});
