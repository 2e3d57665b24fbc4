import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultDataDirectory, describeData, evaluationItems, readCatalog } from '../../src/learn/data/index.ts';
import { readTextImageSuite } from '../../src/learn/evaluate/index.ts';

const items = await readTextImageSuite();
const pictures = dirname(createRequire(import.meta.url).resolve('@twemoji/svg/package.json'));

describe('the suite text-image', () => {
  it('asks about most of Twemoji', () => {
    expect(items.length).toBeGreaterThan(1500);
    expect(items.length).toBeLessThan(2500);
  });

  it('has no text and no picture twice, and none without text', () => {
    expect(new Set(items.map(({ text }) => text)).size).toBe(items.length);
    expect(new Set(items.map(({ text }) => text.toLowerCase().trim())).size).toBe(items.length);
    expect(new Set(items.map(({ file }) => file)).size).toBe(items.length);
    expect(items.filter(({ text }) => text.trim() === '')).toEqual([]);
  });

  it('is split in about 70, 15 and 15 of a hundred', () => {
    const share = (split: string) => items.filter((item) => item.split === split).length / items.length;
    expect(Math.abs(share('train') - 0.7)).toBeLessThan(0.05);
    expect(Math.abs(share('validation') - 0.15)).toBeLessThan(0.04);
    expect(Math.abs(share('test') - 0.15)).toBeLessThan(0.04);
    expect(share('train') + share('validation') + share('test')).toBeCloseTo(1, 12);
  });

  it('shows pictures that the installed @twemoji/svg has, and no drawing in two splits', () => {
    const missing = items.filter(({ file }) => !(statSync(join(pictures, file), { throwIfNoEntry: false })?.size ?? 0));
    expect(missing).toEqual([]);
    const splits = new Map<string, Set<string>>();
    for (const { file, split } of items) {
      const drawing = readFileSync(join(pictures, file), 'utf8');
      splits.set(drawing, (splits.get(drawing) ?? new Set()).add(split));
    }
    expect([...splits.values()].filter((own) => own.size > 1)).toEqual([]);
  });
});

describe.skipIf(!describeData(defaultDataDirectory()).complete)(
  'the suite text-image, where the data are installed (npm run data)',
  () => {
    it('is what the catalog gives', async () => {
      const records = await readCatalog({ sources: ['twemoji'] });
      const expected = (['seen', 'validation', 'unseen'] as const).flatMap((question) =>
        evaluationItems(records, question).map(({ path, text }) => ({
          file: basename(path),
          text,
          split: { seen: 'train', validation: 'validation', unseen: 'test' }[question],
        })),
      );
      expect(items).toEqual(expected);
    });
  },
);
