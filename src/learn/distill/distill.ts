/**
 * @file Distillation in general: a student is trained to say of inputs what a frozen teacher says of them, or of inputs that mean the same.
 * Any tower may teach (`TextTower`, `PictureTower` and what is made of them): its features are computed once and cached. Any
 * traced function may learn.
 *
 * B: inputs in a batch; F: features of the teacher.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type OnProgress, type Rng, ShapeError, Tensor, type Tree } from '../../engine/core/index.ts';
import { add, mul, spec, type Value, type ValueSpec } from '../../engine/graph/index.ts';
import type { RuntimeOptions } from '../../engine/runtime/index.ts';
import { compileTrainStep, type LossResult, type Optimizer, type TrainStep } from '../../engine/train/index.ts';
import {
  type EmbeddingDistance,
  embeddingDistillation,
  logitDistillation,
  type SimilarityCandidates,
  similarityDistillation,
} from '../../model/index.ts';
import { cachedFeatures } from '../data/features.ts';
import { type TrainResult, train } from '../train/train.ts';

/** What teaches: a frozen tower with its inputs. */
export interface Teacher<Item> {
  /** Names the tower and all that decides its features. */
  readonly id: string;
  /** A text that tells an input apart from all others. */
  readonly keyOf: (item: Item) => string;
  /** Features `[n, F]` of a few inputs. */
  readonly encode: (items: readonly Item[]) => Promise<Tensor<'float32'>>;
  /** What its inputs are called in progress: "texts". */
  readonly unit: string;
}

/** What learns: a function over values that gives rows `[B, E]`; E is F unless only similarities are learned. */
export interface Student<P, Specs, Values> {
  readonly params: P;
  /** The shapes of a batch of its inputs. */
  readonly inputs: Specs;
  readonly forward: (params: never, inputs: Values) => Value;
}

/** What is learned from: the inputs of the teacher, and batches that pair them with inputs of the student. */
export interface DistillationData<Item, Batch> {
  readonly items: readonly Item[];
  /** B */
  readonly batchSize: number;
  /** Draws a batch: inputs of the student, and for each of its rows the item whose features it should have. */
  readonly nextBatch: (rng: Rng) => { readonly inputs: Batch; readonly rows: readonly number[] };
}

/** Which losses are added up, each with its weight; at least one. */
export interface DistillationLosses {
  readonly embedding?: { readonly weight: number; readonly distance?: EmbeddingDistance };
  readonly similarity?: {
    readonly weight: number;
    readonly logitScale?: number;
    readonly among?: SimilarityCandidates;
  };
  readonly logits?: { readonly weight: number; readonly temperature?: number };
}

/** What `distill` needs. */
export interface DistillOptions<Item, P, Specs, Values, Batch> {
  readonly teacher: Teacher<Item>;
  readonly student: Student<P, Specs, Values>;
  readonly on: DistillationData<Item, Batch>;
  readonly losses: DistillationLosses;
  readonly optimizer: Optimizer;
  readonly numSteps: number;
  readonly seed: number;
  /** Names the settings of the run. */
  readonly settingsHash: string;
  /** Folder of checkpoint and log; an unfinished run in it is continued. */
  readonly runDirectory: string;
  /** Folder of the teacher's features, and of compiled steps. */
  readonly cacheDirectory: string;
  /** Steps between checkpoints; 100 if absent. */
  readonly checkpointEvery?: number;
  /** Forget an unfinished run. */
  readonly fresh?: boolean;
  readonly runtime?: RuntimeOptions;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** A student that has learned. */
export interface DistillResult<P> extends TrainResult {
  readonly params: P;
  /** What the teacher says of every item, `[items, F]`. */
  readonly targets: Tensor<'float32'>;
}

/**
 * Trains the student. Stopped by its signal or killed, it goes on from its last checkpoint when run again.
 * @throws RangeError if no loss is asked for.
 */
export async function distill<Item, P, Specs, Values, Batch>(
  options: DistillOptions<Item, P, Specs, Values, Batch>,
): Promise<DistillResult<P>> {
  const { student, on, numSteps, seed, settingsHash, runDirectory, cacheDirectory, onProgress, signal } = options;
  const watched = { ...(onProgress ? { onProgress } : {}), ...(signal ? { signal } : {}) };
  const targets = await teach(options as TeachOptions<Item>);
  const dim = targets.shape[1]!;
  const checkpointPath = join(runDirectory, 'checkpoint.safetensors');
  if (options.fresh) await rm(checkpointPath, { force: true });
  const numRows = on.batchSize;
  // Trees of a type parameter are beyond what `MapLeaves` can infer, so the types are stated here.
  const compile = compileTrainStep as unknown as CompileDistillation<P, Batch>;
  const step = await compile({
    params: student.params,
    batch: { inputs: student.inputs as Tree<ValueSpec>, targets: spec([numRows, dim]) },
    loss: (params, batch) =>
      distillationLoss(student.forward(params as never, batch.inputs as Values), batch.targets, options.losses),
    optimizer: options.optimizer,
    runtime: { cache: join(cacheDirectory, 'steps'), ...options.runtime },
  });
  try {
    const wanted = new Tensor('float32', [numRows, dim], new Float32Array(numRows * dim));
    const result = await train({
      step,
      numSteps,
      seed,
      settingsHash,
      checkpointPath,
      checkpointEvery: options.checkpointEvery ?? 100,
      logPath: join(runDirectory, 'log.jsonl'),
      nextBatch(rng) {
        const { inputs, rows } = on.nextBatch(rng);
        if (rows.length !== numRows) {
          throw new ShapeError(`distill: a batch must have ${numRows} rows, got ${rows.length}`);
        }
        rows.forEach((row, i) => {
          wanted.data.set(targets.data.subarray(row * dim, (row + 1) * dim), i * dim);
        });
        return { inputs, targets: wanted };
      },
      ...watched,
    });
    return { ...result, params: step.params(), targets };
  } finally {
    await step.close();
  }
}

type CompileDistillation<P, Batch> = (options: {
  params: P;
  batch: { inputs: Tree<ValueSpec>; targets: ValueSpec };
  loss: (params: unknown, batch: { inputs: unknown; targets: Value }) => LossResult;
  optimizer: Optimizer;
  runtime: RuntimeOptions;
}) => Promise<TrainStep<P, { inputs: Batch; targets: Tensor }>>;

type TeachOptions<Item> = Pick<
  DistillOptions<Item, unknown, unknown, unknown, unknown>,
  'teacher' | 'on' | 'cacheDirectory' | 'onProgress' | 'signal'
>;

/** The features of all items, from the cache where it has them. */
function teach<Item>(options: TeachOptions<Item>): Promise<Tensor<'float32'>> {
  const { teacher, on, cacheDirectory, onProgress, signal } = options;
  return cachedFeatures({
    items: on.items,
    keyOf: teacher.keyOf,
    encoderId: teacher.id,
    encode: teacher.encode,
    directory: cacheDirectory,
    shardSize: 8192,
    batchSize: 512,
    unit: teacher.unit,
    ...(onProgress ? { onProgress } : {}),
    ...(signal ? { signal } : {}),
  });
}

/**
 * The weighted sum of the losses between rows of the student and the teacher, each loss beside it as a metric.
 * @throws RangeError if no loss is asked for.
 */
export function distillationLoss(
  student: Value,
  teacher: Value,
  { embedding, similarity, logits }: DistillationLosses,
): { readonly loss: Value; readonly metrics: Readonly<Record<string, Value>> } {
  const metrics: Record<string, Value> = {};
  const terms: Value[] = [];
  const addTerm = (name: string, weight: number, value: Value) => {
    metrics[name] = value;
    terms.push(mul(value, weight));
  };
  if (embedding) addTerm('embedding', embedding.weight, embeddingDistillation(student, teacher, embedding));
  if (similarity) addTerm('similarity', similarity.weight, similarityDistillation(student, teacher, similarity));
  if (logits) addTerm('logits', logits.weight, logitDistillation(student, teacher, logits.temperature));
  if (terms.length === 0)
    throw new RangeError('distill: name at least one of the losses embedding, similarity, logits');
  return { loss: terms.reduce((sum, term) => add(sum, term)), metrics };
}
