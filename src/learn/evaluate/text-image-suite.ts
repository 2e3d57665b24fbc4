/**
 * @file The suite `text-image`: can texts find pictures by an artist that training never saw, and pictures their texts? For concepts that
 * training saw drawn by others (`seen-concept-unseen-artist`) and for concepts held out from it (`unseen-concept-unseen-artist`),
 * beside a baseline without training: a random projection of the same frozen features.
 *
 * The questions about Twemoji are in `data/suites/text-image.json` (names from CLDR), so that the suite runs without the training data.
 * Queries of the unseen task are the concepts of the test split; its candidates are all held-out concepts, validation's too.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import {
  loadEncoder,
  type Manifest,
  openPictureTower,
  openTextTower,
  readBundle,
  type TextImageEncoder,
} from '../../bundle/index.ts';
import { MissingDataError, type OnProgress, Rng, Tensor } from '../../engine/core/index.ts';
import { renderPicture } from '../../media/index.ts';
import type { ImageOutput } from '../../model/index.ts';
import { stackRows } from '../data/features.ts';
import { joinFeatures } from '../data/join-features.ts';
import { type RetrievalFigures, ranksOf, retrievalFigures } from './retrieval.ts';

/** One picture of the suite and the text that should find it. */
export interface SuiteItem {
  /** File name inside the package of the pictures. */
  readonly file: string;
  readonly text: string;
  readonly split: 'train' | 'validation' | 'test';
}

/** One row of the suite's report. */
export interface SuiteResult extends RetrievalFigures {
  readonly task: string;
  readonly direction: 'text-to-picture' | 'picture-to-text';
  readonly candidates: number;
  /** R@10 of an encoder that guesses. */
  readonly chance: number;
}

/** The report of a suite. */
export interface SuiteReport {
  readonly suite: 'text-image';
  readonly bundle: string;
  readonly results: readonly SuiteResult[];
}

/** Options of `evaluateTextImage`. */
export interface SuiteOptions {
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

const suitePath = fileURLToPath(new URL('../../../data/suites/text-image.json', import.meta.url));
const suiteSchema = z.array(
  z.object({ file: z.string().regex(/^[\w.-]+$/), text: z.string(), split: z.enum(['train', 'validation', 'test']) }),
);

/** The questions of the suite. @throws MissingDataError if the file is not there. */
export async function readTextImageSuite(path: string = suitePath): Promise<SuiteItem[]> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new MissingDataError(`the suite text-image needs ${path}; install Sensorium again`, { cause });
  });
  return suiteSchema.parse(JSON.parse(text));
}

/**
 * Evaluates the bundle in a folder.
 * @throws MissingDataError if the bundle or the pictures of @twemoji/svg are not there; FormatError if the bundle is damaged.
 */
export async function evaluateTextImage(bundleDirectory: string, options: SuiteOptions = {}): Promise<SuiteReport> {
  const { manifest } = await readBundle(bundleDirectory);
  const items = await readTextImageSuite();
  const folder = picturesFolder();
  const trained = await loadEncoder(bundleDirectory);
  const baseline = await randomProjection(manifest.picture, manifest.space.dim);
  try {
    const embedded = await embed(items, folder, [trained, baseline], options);
    const results = tasks.flatMap(({ task, isQuery, isCandidate }) =>
      [trained, baseline].flatMap((encoder, i) =>
        evaluateTask(`${task}${encoder === baseline ? '/random-projection' : ''}`, items, embedded[i]!, {
          isQuery,
          isCandidate,
        }),
      ),
    );
    return { suite: 'text-image', bundle: trained.id, results };
  } finally {
    await Promise.all([trained.close(), baseline.close()]);
  }
}

interface Task {
  readonly task: string;
  isQuery(item: SuiteItem): boolean;
  isCandidate(item: SuiteItem): boolean;
}

const tasks: readonly Task[] = [
  {
    task: 'seen-concept-unseen-artist',
    isQuery: ({ split }) => split === 'train',
    isCandidate: ({ split }) => split === 'train',
  },
  {
    task: 'unseen-concept-unseen-artist',
    isQuery: ({ split }) => split === 'test',
    isCandidate: ({ split }) => split !== 'train',
  },
];

interface Embedded {
  /** `[items, D]` */
  readonly pictures: Tensor<'float32'>;
  /** `[items, D]` */
  readonly texts: Tensor<'float32'>;
}

function evaluateTask(
  task: string,
  items: readonly SuiteItem[],
  { pictures, texts }: Embedded,
  { isQuery, isCandidate }: Omit<Task, 'task'>,
): SuiteResult[] {
  const rows = (keep: (item: SuiteItem) => boolean) => items.flatMap((item, i) => (keep(item) ? [i] : []));
  const [queries, candidates] = [rows(isQuery), rows(isCandidate)];
  const position = new Map(candidates.map((row, i) => [row, i]));
  const answers = queries.map((row) => position.get(row)!);
  const directions = [
    ['text-to-picture', texts, pictures],
    ['picture-to-text', pictures, texts],
  ] as const;
  return directions.map(([direction, from, to]) => ({
    task,
    direction,
    candidates: candidates.length,
    chance: 10 / candidates.length,
    ...retrievalFigures(ranksOf(takeRows(from, queries), takeRows(to, candidates), answers)),
  }));
}

function takeRows(table: Tensor<'float32'>, rows: readonly number[]): Tensor<'float32'> {
  const dim = table.shape[1]!;
  const data = new Float32Array(rows.length * dim);
  rows.forEach((row, i) => {
    data.set(table.data.subarray(row * dim, (row + 1) * dim), i * dim);
  });
  return new Tensor('float32', [rows.length, dim], data);
}

/** Pictures in one batch. */
const batchSize = 32;

/** Every picture rendered once and every text, through each encoder. */
async function embed(
  items: readonly SuiteItem[],
  folder: string,
  encoders: readonly TextImageEncoder[],
  { onProgress, signal }: SuiteOptions,
): Promise<Embedded[]> {
  const parts: Tensor<'float32'>[][] = encoders.map(() => []);
  const view = encoders[0]!.pictureView;
  for (let start = 0; start < items.length; start += batchSize) {
    signal?.throwIfAborted();
    const batch = items.slice(start, start + batchSize);
    const pictures = await Promise.all(batch.map(({ file }) => renderPicture(join(folder, file), view)));
    for (const [i, encoder] of encoders.entries()) parts[i]!.push(await encoder.encodePictures(pictures));
    const done = start + batch.length;
    onProgress?.({ stage: 'encoding pictures', done, total: items.length, unit: 'pictures' });
  }
  const texts = items.map(({ text }) => text);
  return Promise.all(
    encoders.map(async (encoder, i) => ({
      pictures: stackRows(parts[i]!),
      texts: await encoder.encodeTexts(texts),
    })),
  );
}

/**
 * The pretrained towers under random projections: what is known without training. A trained tower's own pretrained form stands for it, and
 * MobileNetV2 for a tower that was trained from nothing.
 */
async function randomProjection(picture: Manifest['picture'], dim: number): Promise<TextImageEncoder> {
  const { tower, size } = picture;
  const [variant, outputs] =
    tower === 'vision-transformer'
      ? (['mobilenet-v2-mid', ['pooled']] as const)
      : ([tower, picture.outputs as readonly ImageOutput[]] as const);
  const pictureTower = await openPictureTower({ variant, size, outputs });
  const textTower = await openTextTower('embedding');
  return {
    id: 'random-projection',
    dim,
    pictureView: { size: picture.size, padding: picture.padding },
    encodePictures: async (pictures) =>
      project(joinFeatures(await pictureTower.run(pictures), outputs), dim, 'picture'),
    encodeTexts: async (texts) => project(await textTower.run(texts), dim, 'text'),
    async close() {
      await Promise.all([pictureTower.close(), textTower.close()]);
    },
  };
}

function project(features: Tensor<'float32'>, dim: number, seed: string): Tensor<'float32'> {
  const [numRows, width] = features.shape as [number, number];
  const matrix = new Rng(seed).fillNormal(new Float32Array(width * dim));
  const result = new Float32Array(numRows * dim);
  for (let row = 0; row < numRows; row++) {
    const out = result.subarray(row * dim, (row + 1) * dim);
    for (let i = 0; i < width; i++) {
      const value = features.data[row * width + i]!;
      for (let d = 0; d < dim; d++) out[d]! += value * matrix[i * dim + d]!;
    }
    const length = Math.hypot(...out);
    for (let d = 0; d < dim; d++) out[d]! /= length;
  }
  return new Tensor('float32', [numRows, dim], result);
}

function picturesFolder(): string {
  try {
    const manifest = createRequire(import.meta.url).resolve('@twemoji/svg/package.json');
    return dirname(manifest);
  } catch (cause) {
    throw new MissingDataError('the suite text-image needs the package @twemoji/svg; run: npm install @twemoji/svg', {
      cause,
    });
  }
}
