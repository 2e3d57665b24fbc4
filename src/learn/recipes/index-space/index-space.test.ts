import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Encoder, type RowKind, rowKinds } from '../../../bundle/index.ts';
import { Rng, Tensor } from '../../../engine/core/index.ts';
import type { KindRows } from '../../calibrate/trials.ts';
import { codeOffsets, codeQuestions } from './code-questions.ts';
import { itemVectors } from './item-vectors.ts';
import type { IndexItem } from './items.ts';
import { hashTasks, makeIndex } from './make-index.ts';
import { indexSpaceSettings } from './settings.ts';
import { queriesOf, type SplitVectors, splitVectors } from './splits.ts';

const folder = mkdtempSync(join(tmpdir(), 'sensorium-index-space-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const dim = 256;

/** Things of 30 concepts around a mean of their own kind. */
function things(kind: string, split: string, count: number): KindRows {
  const rng = new Rng(`${kind} ${split}`);
  const mean = new Rng(kind).fillNormal(new Float32Array(dim), 0.05);
  const concepts = Array.from({ length: count }, () => `${split} ${rng.integer(30)}`);
  const data = new Float32Array(count * dim);
  concepts.forEach((concept, row) => {
    const centre = new Rng(concept);
    let square = 0;
    for (let d = 0; d < dim; d++) {
      const scale = 1 / (1 + d / 8);
      const value = scale * (centre.normal() + 0.4 * rng.normal()) + mean[d]!;
      data[row * dim + d] = value;
      square += value * value;
    }
    for (let d = 0; d < dim; d++) data[row * dim + d]! /= Math.sqrt(square);
  });
  return { concepts, vectors: new Tensor('float32', [count, dim], data) };
}

function split(name: string): SplitVectors {
  const rows = Object.fromEntries(rowKinds.map((kind, i) => [kind, things(kind, name, 60 + 20 * i)]));
  return {
    rows: rows as Record<RowKind, KindRows>,
    texts: { en: things('en', name, 40), zh: things('zh', name, 30) },
  };
}

describe('makeIndex', () => {
  it('makes codes and a calibration, and chooses the projection that keeps most neighbours', async () => {
    const settings = indexSpaceSettings({
      numRowsPerKind: 80,
      numIterations: 5,
      codes: { ...indexSpaceSettings().codes, numSteps: 4, numQueries: 8, numCandidates: 4, numNearest: 10 },
      calibration: { numQueries: 20, numHits: 4, libraries: [{ size: 150, count: 1 }, { count: 1 }] },
    });
    const made = await makeIndex({
      settings,
      training: split('train'),
      validation: split('validation'),
      spaceId: 'test',
      runDirectory: folder,
      runtime: { numThreads: 1 },
    });
    expect(made.projection).toHaveLength(256 * dim);
    expect(Object.keys(made.recall)).toEqual(['random', 'pca', 'itq', 'learned']);
    for (const value of Object.values(made.recall)) expect(value).toBeLessThanOrEqual(made.recall[made.chosen]!);
    // Four kinds of rows, two libraries, two who ask, four projections.
    expect(made.measured).toHaveLength(64);
    expect(made.calibration.cutoff).toBeGreaterThan(0);
    expect(made.calibration.pairs['text-en'].image.standing).toBeGreaterThan(0);
  });
});

describe('hashTasks', () => {
  it('lets every kind be looked for by its like, by other files and by texts, each less its own mean', () => {
    const training = split('train');
    const offsets = codeOffsets(training);
    const tasks = hashTasks(training, offsets);
    // Texts that ask are not of the kind of texts that are found.
    expect(tasks).toHaveLength(17);
    expect(tasks.filter(({ isOwn }) => isOwn)).toHaveLength(4);
    for (const { isOwn, queryOffset, rowOffset } of tasks) expect(queryOffset === rowOffset).toBe(isOwn);
    const texts = tasks.filter(({ queryOffset }) => queryOffset === offsets['text-query']);
    expect(texts.map(({ queries }) => queries.shape)).toEqual(Array(4).fill([70, dim]));
    const [first] = training.rows.audio.vectors.data;
    const mean =
      training.rows.audio.vectors.data.filter((_, i) => i % dim === 0).reduce((sum, value) => sum + value, 0) / 80;
    expect(offsets.audio[0]).toBeCloseTo(mean, 6);
    expect(offsets.audio[0]).not.toBeCloseTo(first!, 6);
  });
});

describe('codeQuestions and queriesOf', () => {
  it('ask with held-out things alone, each knowing its own row', () => {
    const [training, validation] = [split('train'), split('validation')];
    const questions = codeQuestions(validation, training, 10, 1);
    expect(questions).toHaveLength(16);
    for (const { rows, queries, own, library, rowKind } of questions) {
      const count = validation.rows[rowKind].concepts.length;
      expect(rows.shape[0]).toBe(library === 'held-out' ? count : 2 * count);
      own?.forEach((row, i) => {
        expect(queries.data.slice(i * dim, (i + 1) * dim)).toEqual(rows.data.slice(row * dim, (row + 1) * dim));
      });
    }
    const asked = queriesOf(validation, 10, 1);
    expect(asked.map(({ kind, concepts }) => [kind, concepts.length])).toEqual([
      ['text-en', 40],
      ['text-zh', 30],
      ['image', 10],
      ['audio', 10],
      ['video', 10],
    ]);
    for (const { kind, own, concepts } of asked) {
      own?.forEach((row, i) => {
        expect(validation.rows[kind as RowKind].concepts[row]).toBe(concepts[i]);
      });
    }
  });
});

describe('splitVectors', () => {
  it('encodes the things of one split, parts rows from queries, and encodes nothing twice', async () => {
    const path = join(folder, 'red.svg');
    writeFileSync(
      path,
      '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8" fill="#f00"/></svg>',
    );
    const calls: string[] = [];
    const encoder = countingEncoder(calls);
    const shared = { concept: 'red', split: 'test', use: 'both' } as const;
    const items: IndexItem[] = [
      { ...shared, kind: 'image', id: 'a', path },
      { ...shared, kind: 'image', id: 'b', path, split: 'train' },
      { ...shared, kind: 'video', id: 'a', path, motion: { name: 'grows', seed: 'x' } },
      { ...shared, kind: 'text', id: 'en red', language: 'en', text: 'red', use: 'query' },
      { ...shared, kind: 'text', id: 'zh 红', language: 'zh', text: '红', use: 'query' },
      { ...shared, kind: 'text', id: 'en colour', language: 'en', text: 'a colour', use: 'row' },
    ];
    const options = { cacheDirectory: join(folder, 'cache') };
    const { rows, texts } = await splitVectors(encoder, items, 'test', options);
    expect(rowKinds.map((kind) => rows[kind].concepts.length)).toEqual([1, 0, 1, 1]);
    // What the encoder gives is the mean of what it got: a picture of red, a clip with some red in it, a text's length.
    expect(rows.image.vectors.data[0]).toBeCloseTo(85, 0);
    expect(rows.text.vectors.data[0]).toBe(8);
    expect([texts.en.vectors.data[0], texts.zh.vectors.data[0]]).toEqual([3, 1]);
    expect(rows.audio.vectors.shape).toEqual([0, 2]);
    const before = calls.length;
    expect(before).toBe(4);
    await splitVectors(encoder, items, 'test', options);
    expect(calls).toHaveLength(before);
    await itemVectors(encoder, items.slice(1, 2), options);
    expect(calls).toHaveLength(before + 1);
  });
});

/** An encoder whose vectors tell what it was given. */
function countingEncoder(calls: string[]): Encoder {
  const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
  const give = async (what: string, numbers: readonly number[]) => {
    calls.push(what);
    return new Tensor('float32', [numbers.length, 2], Float32Array.from(numbers.flatMap((value) => [value, 1])));
  };
  return {
    id: 'counting',
    dim: 2,
    languages: ['en', 'zh'],
    modalities: ['text', 'image', 'audio', 'video'],
    pictureView: { size: 8, padding: 0 },
    audioView: { sampleRateHz: 16000, maxSeconds: 1 },
    videoView: { numFrames: 2, size: 8, padding: 0 },
    encodeTexts: (all) =>
      give(
        'texts',
        all.map(({ length }) => length),
      ),
    encodePictures: (all) =>
      give(
        'pictures',
        all.map(({ data }) => mean(data)),
      ),
    encodeAudio: (all) => give('sounds', all.map(mean)),
    encodeVideos: (all) =>
      give(
        'clips',
        all.map(({ data }) => mean(data)),
      ),
    prepare: async () => {},
    close: async () => {},
  };
}
