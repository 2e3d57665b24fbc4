/**
 * @file A projection whose signs keep neighbourhoods, learned by gradients: the order of rows by code is taught by their order by exact cosine, query by query, as a
 * distribution over hard candidates (the cosine-preserving and ranking losses of supervised hashing, with the vectors themselves as the teacher). Signs
 * pass gradients as tanh does (straight-through, arXiv:1308.3432). Bits are kept balanced and unlike each other (Spectral Hashing's two conditions).
 *
 * S: queries in a batch; M: rows; D: dimension; K: bits.
 */
import { join } from 'node:path';
import { type OnProgress, type Rng, scalar, Tensor } from '../../engine/core/index.ts';
import {
  add,
  constant,
  div,
  exp,
  fusedMatMul,
  logSoftmax,
  mul,
  reduceMean,
  reduceSum,
  sign,
  softmax,
  spec,
  sqrt,
  square,
  stopGradient,
  sub,
  tanh,
  type Value,
} from '../../engine/graph/index.ts';
import type { RuntimeOptions } from '../../engine/runtime/index.ts';
import { adamW, compileTrainStep, warmupCosine } from '../../engine/train/index.ts';
import { type TrainResult, train } from '../train/train.ts';
import { nearestRows } from './neighbours.ts';

/** Queries that look for rows of one kind, and how both are centred before their signs are taken. */
export interface HashTask {
  /** Unit vectors `[Q, D]` and `[N, D]`. */
  readonly queries: Tensor<'float32'>;
  readonly rows: Tensor<'float32'>;
  /** `[D]`, subtracted from queries and from rows. */
  readonly queryOffset: Float32Array;
  readonly rowOffset: Float32Array;
  /** Whether query i is row i, which it then does not look for. */
  readonly isOwn: boolean;
}

/** Settings of the training. */
export interface LearnedCodesSettings {
  readonly seed: number;
  readonly numSteps: number;
  /** S */
  readonly numQueries: number;
  /** Rows that each query brings into the batch, drawn from its `numNearest` nearest; M = S times this. */
  readonly numCandidates: number;
  readonly numNearest: number;
  readonly peakLearningRate: number;
  /** The scale of cosines in the teacher's softmax. */
  readonly teacherScale: number;
  /** Weights of balance and decorrelation. */
  readonly balance: number;
  readonly decorrelation: number;
  /** Weight of the loss of float queries against signs of rows, beside signs against signs. */
  readonly asymmetric: number;
  readonly averageDecay: number;
}

/** What `learnProjection` needs. */
export interface LearnProjectionOptions {
  readonly tasks: readonly HashTask[];
  /** `[K, D]` to start from. */
  readonly start: Float32Array;
  readonly settings: LearnedCodesSettings;
  /** Names the settings and data of the run. */
  readonly settingsHash: string;
  readonly runDirectory: string;
  readonly runtime?: RuntimeOptions;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Trains, or goes on from the checkpoint in the run folder. Each batch is of one task, every task as often as the others. */
export async function learnProjection(
  options: LearnProjectionOptions,
): Promise<TrainResult & { readonly projection: Float32Array }> {
  const { tasks, start, settings, settingsHash, runDirectory, runtime = {}, onProgress, signal } = options;
  const { numSteps, numQueries, numCandidates, numNearest } = settings;
  const dim = tasks[0]!.rows.shape[1]!;
  const numBits = start.length / dim;
  const numRows = numQueries * numCandidates;
  const nearest: Int32Array[] = [];
  for (const { queries, rows } of tasks) nearest.push(await nearestRows(queries, rows, numNearest + 1, runtime));
  const step = await compileTrainStep({
    params: { projection: new Tensor('float32', [numBits, dim], start), logScale: scalar(Math.log(30)) },
    batch: {
      queries: spec([numQueries, dim]),
      centred: spec([numQueries, dim]),
      rows: spec([numRows, dim]),
      mask: spec([numQueries, numRows]),
    },
    loss: (params, batch) => hashLoss(params.projection, params.logScale, batch, settings),
    optimizer: adamW({
      learningRate: warmupCosine({
        peak: settings.peakLearningRate,
        warmupSteps: Math.ceil(numSteps / 20),
        totalSteps: numSteps,
      }),
      weightDecay: 0,
      maxGradNorm: 1,
    }),
    ema: { decay: settings.averageDecay },
    seed: settings.seed,
    runtime,
  });
  try {
    const result = await train({
      step,
      numSteps,
      nextBatch: batchSource(tasks, nearest, settings),
      seed: settings.seed,
      settingsHash,
      checkpointPath: join(runDirectory, 'codes.safetensors'),
      checkpointEvery: 200,
      logPath: join(runDirectory, 'codes.jsonl'),
      ...(onProgress ? { onProgress } : {}),
      ...(signal ? { signal } : {}),
    });
    return { ...result, projection: step.emaParams().projection.data as Float32Array };
  } finally {
    await step.close();
  }
}

interface HashBatch<T> {
  /** Unit vectors `[S, D]` as they are, and centred. */
  readonly queries: T;
  readonly centred: T;
  /** Centred, `[M, D]`. */
  readonly rows: T;
  /** `[S, M]`, far below zero where a row is the query itself. */
  readonly mask: T;
}

function hashLoss(projection: Value, logScale: Value, batch: HashBatch<Value>, settings: LearnedCodesSettings) {
  const { teacherScale, balance, decorrelation, asymmetric } = settings;
  const [numBits] = projection.shape as [number];
  const [numQueries, numRows] = batch.mask.shape as [number, number];
  const projected = (rows: Value) => {
    const values = fusedMatMul(rows, projection, { transB: true });
    return div(values, sqrt(add(reduceMean(square(values), { axes: [1], keepDims: true }), 1e-12)));
  };
  const queries = projected(batch.centred);
  const rowSigns = signs(projected(batch.rows));
  const scale = exp(logScale);
  // Rows are centred, which takes the same from all cosines of a query: a softmax does not see it.
  const cosines = fusedMatMul(batch.queries, batch.rows, { transB: true, alpha: teacherScale });
  const target = stopGradient(softmax(add(cosines, batch.mask), 1));
  const ranking = (side: Value) => {
    const similarity = fusedMatMul(side, rowSigns, { transB: true, alpha: 1 / numBits });
    const likely = logSoftmax(add(mul(similarity, scale), batch.mask), 1);
    return mul(reduceSum(mul(target, likely)), -1 / numQueries);
  };
  const symmetric = ranking(signs(queries));
  const floats = ranking(queries);
  const means = reduceMean(rowSigns, { axes: [0] });
  const products = fusedMatMul(rowSigns, rowSigns, { transA: true, alpha: 1 / numRows });
  const unbalanced = reduceMean(square(means));
  const correlated = reduceMean(square(sub(products, constant(identityMatrix(numBits)))));
  const ranked = add(symmetric, mul(floats, asymmetric));
  const loss = add(ranked, add(mul(unbalanced, balance), mul(correlated, decorrelation)));
  return { loss, metrics: { symmetric, floats, unbalanced, correlated, scale } };
}

/** 1 and -1, with the gradient of tanh. */
function signs(values: Value): Value {
  const soft = tanh(values);
  return add(soft, stopGradient(sub(sign(values), soft)));
}

function identityMatrix(size: number): Tensor {
  const data = new Float32Array(size * size);
  for (let i = 0; i < size; i++) data[i * size + i] = 1;
  return new Tensor('float32', [size, size], data);
}

/** Far below any similarity. */
const masked = -1e4;

/** A function that draws the next batch; its tensors are the same ones each time. */
function batchSource(
  tasks: readonly HashTask[],
  nearest: readonly Int32Array[],
  { numQueries, numCandidates, numNearest }: LearnedCodesSettings,
): (rng: Rng) => HashBatch<Tensor> {
  const dim = tasks[0]!.rows.shape[1]!;
  const numRows = numQueries * numCandidates;
  const matrix = (rows: number, columns: number) =>
    new Tensor('float32', [rows, columns], new Float32Array(rows * columns));
  const batch = {
    queries: matrix(numQueries, dim),
    centred: matrix(numQueries, dim),
    rows: matrix(numRows, dim),
    mask: matrix(numQueries, numRows),
  };
  return (rng) => {
    const which = rng.integer(tasks.length);
    const { queries, rows, queryOffset, rowOffset, isOwn } = tasks[which]!;
    const asked = Array.from({ length: numQueries }, () => rng.integer(queries.shape[0]!));
    const drawn = asked.flatMap((query) => {
      const first = query * (numNearest + 1);
      const own = Array.from(nearest[which]!.subarray(first, first + numNearest + 1));
      return rng.shuffle(own.filter((row) => !isOwn || row !== query)).slice(0, numCandidates);
    });
    asked.forEach((query, i) => {
      for (let d = 0; d < dim; d++) {
        const value = queries.data[query * dim + d]!;
        batch.queries.data[i * dim + d] = value;
        batch.centred.data[i * dim + d] = value - queryOffset[d]!;
      }
      drawn.forEach((row, j) => {
        batch.mask.data[i * numRows + j] = isOwn && row === query ? masked : 0;
      });
    });
    drawn.forEach((row, j) => {
      for (let d = 0; d < dim; d++) batch.rows.data[j * dim + d] = rows.data[row * dim + d]! - rowOffset[d]!;
    });
    return batch;
  };
}
