import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultDataDirectory, describeData } from '../../src/learn/data/index.ts';
import { mediaFolder, readSuiteFile } from '../../src/learn/evaluate/suite-file.ts';
import { textImageQuestions } from '../../src/learn/evaluate/text-image-questions.ts';

const items = await readSuiteFile('text-image');
const pictures = mediaFolder('@twemoji/svg');

describe('the suite text-image', () => {
  it('asks about most of Twemoji', () => {
    expect(items.length).toBeGreaterThan(1500);
    expect(items.length).toBeLessThan(2500);
  });

  it('has no text and no picture twice, and none without text', () => {
    for (const language of ['en', 'zh'] as const) {
      const texts = items.map(({ text }) => text[language].toLowerCase().trim());
      expect(new Set(texts).size).toBe(items.length);
      expect(texts).not.toContain('');
    }
    expect(new Set(items.map(({ file }) => file)).size).toBe(items.length);
  });

  it('asks in Chinese, too', () => {
    const chinese = items.filter(({ text }) => /\p{Script=Han}/u.test(text.zh));
    expect(chinese.length).toBeGreaterThan(0.99 * items.length);
    expect(items.find(({ text }) => text.en === 'pizza')?.text.zh).toBe('披萨');
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
      expect(items).toEqual(await textImageQuestions());
    });
  },
);
