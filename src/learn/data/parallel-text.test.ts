import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MissingDataError } from '../../engine/core/index.ts';
import type { Emoji } from './emoji.ts';
import { parseSynsets, readEmojiNames, readLocaleNames, readSynsets } from './parallel-text.ts';

const folder = mkdtempSync(join(tmpdir(), 'parallel-'));
const write = (path: string, content: unknown) => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), JSON.stringify(content));
};

const emojiOf = (sequence: string, name: string, split: Emoji['split'], keywords: string[] = []): Emoji => ({
  sequence,
  name,
  keywords,
  concept: sequence,
  split,
  isFlag: false,
  otherNames: [],
});

beforeAll(() => {
  const annotations = {
    zh: { '🐈': { tts: ['猫'], default: ['猫', '宠物'] }, '🎸': { tts: ['吉他'] }, '🐕': { tts: ['狗'] } },
    'zh-Hant': { '🐈': { tts: ['貓'], default: ['貓', '寵物'] }, '🎸': { tts: ['吉他'] } },
  };
  for (const [locale, list] of Object.entries(annotations)) {
    write(`cldr-annotations-full/annotations/${locale}/annotations.json`, { annotations: { annotations: list } });
    write(`cldr-annotations-derived-full/annotationsDerived/${locale}/annotations.json`, {
      annotationsDerived: { annotations: {} },
    });
  }
  const names = { en: { FR: 'France', XX: 'XX' }, zh: { FR: '法国', XX: 'XX' }, 'zh-Hant': { FR: '法國' } };
  for (const [locale, territories] of Object.entries(names)) {
    for (const file of ['territories', 'languages', 'scripts']) {
      const content = file === 'territories' ? territories : {};
      write(`cldr-localenames-full/main/${locale}/${file}.json`, {
        main: { [locale]: { localeDisplayNames: { [file]: content } } },
      });
    }
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('readEmojiNames', () => {
  it('pairs names, and lists of keywords, of training concepts alone', () => {
    const emoji = [
      emojiOf('1f408', 'cat', 'train', ['cat', 'pet']),
      emojiOf('1f3b8', 'guitar', 'train', ['music']),
      emojiOf('1f415', 'dog', 'test', ['pet']),
      emojiOf('1f40e', 'horse', 'train'),
    ];
    expect(readEmojiNames(folder, emoji)).toEqual([
      { chinese: ['猫', '貓'], english: ['cat'] },
      { chinese: ['猫，宠物', '貓，寵物'], english: ['cat, pet'] },
      { chinese: ['吉他'], english: ['guitar'] },
    ]);
  });
});

describe('readLocaleNames', () => {
  it('pairs names of one code, where both languages have one', () => {
    expect(readLocaleNames(folder)).toEqual([{ chinese: ['法国', '法國'], english: ['France'] }]);
  });
});

describe('parseSynsets', () => {
  it('reads words and the definition, without the examples', () => {
    const text = [
      '  1 the licence | is no synset',
      '02121620 05 n 02 true_cat 0 cat 0 001 @ 02120997 n 0000 | feline mammal usually having thick soft fur; "cats purr"  ',
      '00001740 00 s 01 able(p) 0 000 | (usually followed by `to\') having the means; "able to swim"  ',
    ].join('\n');
    expect(parseSynsets(text)).toEqual([
      { words: ['true cat', 'cat'], definition: 'feline mammal usually having thick soft fur' },
      { words: ['able'], definition: 'having the means' },
    ]);
  });

  it('says what to do where WordNet is not installed', () => {
    expect(() => readSynsets('/nowhere')).toThrow(MissingDataError);
  });
});
