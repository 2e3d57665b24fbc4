import { Tokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../engine/core/index.ts';
import { ByteLevelBpe, padTokensWithMask, type TokenizerJson } from './byte-level-bpe.ts';
import { trainByteLevelBpe } from './train-byte-level-bpe.ts';

const texts = [
  'a smiling cat with heart eyes',
  'the cat and the dog smile at the smiling guitar player',
  "it's the cat's guitar, isn't it",
  '微笑的猫和微笑的狗',
  '一只猫在弹吉他',
  '微笑的脸，大笑的猫',
  'números y señales; naïve café',
  '🎸 guitar 吉他 🎸🐱',
];
const json = trainByteLevelBpe(texts, { vocabularySize: 400 });
const tokenizer = new ByteLevelBpe(json);
const exact = new ByteLevelBpe(trainByteLevelBpe(texts, { vocabularySize: 330, normalizers: [] }));
const theirs = new Tokenizer(json as never, {} as never);

const samples = [
  '',
  ' ',
  'Smiling Cat!',
  "the cat's guitar",
  'café  naïve \n\n cafés',
  '微笑的狗在弹吉他。',
  'Ｆｕｌｌ width ½ ﬁ',
  '猫cat猫 123 2024年',
  '🐱👩‍🚀🏴‍☠️ é (e + ◌́)',
  '한국어 русский עברית हिन्दी',
  '\u3000全角\t空白 ',
];

/** Any code points but lone surrogates, which no UTF-8 can hold; mostly of the planes that are used. */
const anyText = fc
  .array(
    fc
      .oneof(
        fc.integer({ min: 0, max: 0x7f }),
        fc.integer({ min: 0, max: 0x1ffff }),
        fc.integer({ min: 0, max: 0x10ffff }),
      )
      .filter((point) => point < 0xd800 || point > 0xdfff),
    { maxLength: 40 },
  )
  .map((points) => String.fromCodePoint(...points));

describe('trainByteLevelBpe', () => {
  it('merges the commonest pair first, and decides equal counts by the tokens', () => {
    // "ab" occurs 4 times; then "abc" 3 times; then nothing twice.
    const { model } = trainByteLevelBpe(['ab', 'abc', 'abc', 'abc'], { vocabularySize: 300, normalizers: [] });
    expect(model.merges).toEqual([
      ['a', 'b'],
      ['ab', 'c'],
    ]);
    const tied = trainByteLevelBpe(['xy xy', 'ab ab'], { vocabularySize: 257, normalizers: [] });
    // Four pairs occur: "ab" twice, "xy" twice; a space before each second word makes pairs that occur once.
    expect(tied.model.merges).toEqual([['a', 'b']]);
  });

  it('does not count overlapping pairs twice over', () => {
    const { model } = trainByteLevelBpe(['aaaa', 'aaaa'], { vocabularySize: 300, normalizers: [] });
    expect(model.merges).toEqual([
      ['a', 'a'],
      ['aa', 'aa'],
    ]);
  });

  it('gives the same tokenizer whatever the order of the texts', () => {
    expect(trainByteLevelBpe([...texts].reverse(), { vocabularySize: 400 })).toEqual(json);
  });

  it('never merges across words, nor Han with other letters', () => {
    for (const token of Object.keys(json.model.vocab)) {
      const id = json.model.vocab[token]!;
      const text = tokenizer.decode([id]);
      expect(/\S\s/.test(text) || (/\p{Script=Han}/u.test(text) && /[a-z]/.test(text))).toBe(false);
    }
  });

  it('refuses a vocabulary that does not hold the bytes', () => {
    expect(() => trainByteLevelBpe(texts, { vocabularySize: 255 })).toThrow('the 256 bytes');
  });
});

describe('ByteLevelBpe', () => {
  it('gives any Unicode text back', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(exact.decode(exact.encode(text))).toBe(text);
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(tokenizer.normalize(text));
      }),
      { seed: 7, numRuns: 150 },
    );
    for (const text of samples) expect(exact.decode(exact.encode(text))).toBe(text);
    expect(exact.decode(exact.encode('\ufeffbom'))).toBe('\ufeffbom');
  });

  it('tokenizes as the tokenizers of Hugging Face do', () => {
    for (const text of [...samples, ...texts]) expect(tokenizer.encode(text)).toEqual([...theirs.encode(text).ids]);
    fc.assert(
      fc.property(
        fc
          .array(fc.constantFrom(..."abcé微笑猫狗的🎸🐱 \n's12,.中カ한ñ"), { maxLength: 30 })
          .map((parts) => parts.join('')),
        (text) => {
          expect(tokenizer.encode(text)).toEqual([...theirs.encode(text).ids]);
        },
      ),
      { seed: 8, numRuns: 150 },
    );
  });

  it('uses what it learned', () => {
    expect(tokenizer.encode('the cat').length).toBeLessThan(4);
    expect(tokenizer.encode('THE CAT')).toEqual(tokenizer.encode('the cat'));
    expect(tokenizer.encode('微笑').length).toBeLessThan(6);
    expect(tokenizer.encode('the cat', 1)).toEqual(tokenizer.encode('the cat').slice(0, 1));
  });

  it('reads a text of 100,000 characters without a space, which a walk over all pairs for each merge would not end', () => {
    const ids = tokenizer.encode('微笑的猫'.repeat(25_000));
    expect(tokenizer.decode(ids)).toBe('微笑的猫'.repeat(25_000));
  });

  it('refuses what is no such tokenizer, and says why', () => {
    const changed = (change: Partial<Record<'vocab' | 'merges' | 'type', unknown>>) => () =>
      new ByteLevelBpe({ ...json, model: { ...json.model, ...change } });
    for (const nothing of [undefined, null, 5, {}, []]) expect(() => new ByteLevelBpe(nothing)).toThrow(FormatError);
    const { vocab, merges } = json.model;
    expect(changed({ type: 'Unigram' })).toThrow('must be BPE, got Unigram');
    expect(changed({ vocab: { ...vocab, a: 100_000 } })).toThrow('count up from 0');
    expect(changed({ vocab: { ...vocab, a: vocab.b } })).toThrow('the same id');
    expect(changed({ merges: [...merges, ['q', 'qqq']] })).toThrow('make a third');
    expect(() => new ByteLevelBpe({ ...json, added_tokens: [{}] })).toThrow('added tokens');
    expect(() => tokenizer.decode([400_000])).toThrow(RangeError);
  });

  it('comes back the same out of its file', () => {
    const read = new ByteLevelBpe(JSON.parse(JSON.stringify(json)) as TokenizerJson);
    for (const text of samples) expect(read.encode(text)).toEqual(tokenizer.encode(text));
  });
});

describe('padTokensWithMask', () => {
  it('fills rows up to the longest, and cuts at the most', () => {
    const { ids, mask } = padTokensWithMask([[5, 6, 7], [], [8]], 2);
    expect(ids.shape).toEqual([3, 2]);
    expect([...ids.data].map(Number)).toEqual([5, 6, 0, 0, 8, 0]);
    expect([...mask.data]).toEqual([1, 1, 0, 0, 1, 0]);
    expect(padTokensWithMask([[]], 9).ids.shape).toEqual([1, 1]);
  });
});
