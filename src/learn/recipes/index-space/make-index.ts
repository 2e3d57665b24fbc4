/** @file Codes and calibration out of the vectors of a space, before they go into a bundle. D: dimension of the space; K: bits. */
import type { Calibration, CodeSide } from '../../../bundle/index.ts';
import { rowKinds } from '../../../bundle/index.ts';
import type { OnProgress } from '../../../engine/core/index.ts';
import type { RuntimeOptions } from '../../../engine/runtime/index.ts';
import { fitCalibration } from '../../calibrate/fit-calibration.ts';
import { stackRows } from '../../data/features.ts';
import { type HashTask, learnProjection } from '../../hash/learn-projection.ts';
import { type CodeResult, measureCodes } from '../../hash/measure-codes.ts';
import { Products } from '../../hash/products.ts';
import { baselineProjections } from './baselines.ts';
import { codeOffsets, codeQuestions, meanRecall } from './code-questions.ts';
import { hashSettings, type IndexSpaceSettings } from './settings.ts';
import { type SplitVectors, splitTrials } from './splits.ts';

/** What `makeIndex` needs. */
export interface MakeIndexOptions {
  readonly settings: IndexSpaceSettings;
  readonly training: SplitVectors;
  readonly validation: SplitVectors;
  /** Names the space, so that no run goes on in another. */
  readonly spaceId: string;
  /** Folder of checkpoint and log. */
  readonly runDirectory: string;
  readonly runtime?: RuntimeOptions;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** What was made. */
export interface MadeIndex {
  /** `[K, D]` */
  readonly projection: Float32Array;
  readonly offsets: Readonly<Record<CodeSide, Float32Array>>;
  readonly calibration: Calibration;
  /** Which projection it is: the one with the highest mean recall on validation. */
  readonly chosen: string;
  /** Mean recall@10 within 100 by Hamming distance on validation, by projection. */
  readonly recall: Readonly<Record<string, number>>;
  readonly measured: readonly CodeResult[];
}

/** Learns a projection, chooses between it and those that need no gradients, and calibrates scores. */
export async function makeIndex(options: MakeIndexOptions): Promise<MadeIndex> {
  const { settings, training, validation, runtime = {} } = options;
  const { seed, calibration } = settings;
  const products = await Products.open(runtime);
  try {
    const offsets = codeOffsets(training);
    const baselines = await baselineProjections(training, offsets, { ...settings, runtime }, products);
    const learned = await learn(options, offsets, baselines.itq);
    const projections: Readonly<Record<string, Float32Array>> = { ...baselines, learned };
    const questions = codeQuestions(validation, training, calibration.numQueries, seed);
    const measured: CodeResult[] = [];
    for (const [name, projection] of Object.entries(projections)) {
      measured.push(...(await measureCodes(name, projection, offsets, questions, products)));
    }
    const recall = Object.fromEntries(
      Object.keys(projections).map((name) => [name, meanRecall(measured.filter((row) => row.projection === name))]),
    );
    const chosen = Object.keys(recall).reduce((best, name) => (recall[name]! > recall[best]! ? name : best));
    const trials = await splitTrials(validation, calibration, seed, products);
    return {
      projection: projections[chosen]!,
      offsets,
      calibration: fitCalibration(trials),
      chosen,
      recall,
      measured,
    };
  } finally {
    await products.close();
  }
}

/** Trains the projection, from that of ITQ. */
async function learn(
  { settings, training, spaceId, runDirectory, runtime = {}, onProgress, signal }: MakeIndexOptions,
  offsets: Readonly<Record<CodeSide, Float32Array>>,
  start: Float32Array,
): Promise<Float32Array> {
  const { seed, items, numRowsPerKind, numIterations } = settings;
  const codes = { ...settings.codes, seed };
  const { projection } = await learnProjection({
    tasks: hashTasks(training, offsets),
    start,
    settings: codes,
    settingsHash: hashSettings(codes, items, numRowsPerKind, numIterations, spaceId),
    runDirectory,
    runtime,
    ...(onProgress ? { onProgress } : {}),
    ...(signal ? { signal } : {}),
  });
  return projection;
}

/** Rows of each kind are looked for by their like, by files of other kinds, and by texts. */
export function hashTasks(
  { rows, texts }: SplitVectors,
  offsets: Readonly<Record<CodeSide, Float32Array>>,
): HashTask[] {
  const askers = {
    image: rows.image.vectors,
    audio: rows.audio.vectors,
    video: rows.video.vectors,
    'text-query': stackRows([texts.en.vectors, texts.zh.vectors]),
  } as const;
  return rowKinds.flatMap((kind) => {
    const shared = { rows: rows[kind].vectors, rowOffset: offsets[kind] };
    const own: HashTask = { ...shared, queries: shared.rows, queryOffset: offsets[kind], isOwn: true };
    const others = Object.entries(askers).flatMap(([asker, queries]): HashTask[] =>
      asker === kind ? [] : [{ ...shared, queries, queryOffset: offsets[asker as CodeSide], isOwn: false }],
    );
    return [own, ...others];
  });
}
