/**
 * @file The training of a space: samples that have some of several modalities, each modality through its module, every two contrasted. Both stages are this
 * with other data and other modules. N: rows of a table; F: features; B: samples in a batch; D: dimension of the space.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { type OnProgress, type Rng, scalar, Tensor } from '../../../engine/core/index.ts';
import { spec, type Value, type ValueSpec } from '../../../engine/graph/index.ts';
import type { RuntimeOptions } from '../../../engine/runtime/index.ts';
import {
  adamW,
  compileTrainStep,
  type Optimizer,
  type PrecisionPolicy,
  type StepContext,
  type TrainStep,
  warmupCosine,
} from '../../../engine/train/index.ts';
import { allPairs, clampedLogitScale, type ModalityRows, sigmoidStart } from '../../../model/index.ts';
import { type GroupItem, type GroupSampling, sampleGroups } from '../../data/sampler.ts';
import { type TrainResult, train } from '../../train/train.ts';
import { applyModule, type SpaceModule } from './modules.ts';
import { hashSettings, type StageSettings } from './settings.ts';

/** One modality of the training data. */
export interface ModalityTable {
  /** `[N, F]`: standardized features, or unit vectors of the space. */
  readonly table: Tensor<'float32'>;
  /** The module that it goes through, by name; two modalities may share one. None if the rows are in the space already. */
  readonly module?: string;
  /** Share of its numbers that are dropped. */
  readonly dropout: number;
}

/** Data and modules of a stage. */
export interface SpaceData {
  readonly modalities: Readonly<Record<string, ModalityTable>>;
  readonly sources: readonly { readonly items: readonly GroupItem[] }[];
  /** Modalities to contrast; every two unless given. */
  readonly pairs?: readonly (readonly [string, string])[];
}

/** What is trained. */
export interface SpaceParams<T> {
  readonly modules: Readonly<Record<string, SpaceModule<T>>>;
  /** `[]`, the logarithm of the logit scale. */
  readonly logLogitScale: T;
  /** `[]`, used by the sigmoid loss alone. */
  readonly logitBias: T;
}

/** What `trainSpace` needs. */
export interface TrainSpaceOptions {
  readonly data: SpaceData;
  /** The modules to start from. */
  readonly modules: Readonly<Record<string, SpaceModule<Tensor>>>;
  readonly stage: StageSettings;
  readonly sampling: GroupSampling;
  readonly contrast?: 'infoNce' | 'sigmoid';
  /** Where the scale of cosines starts, 1 / 0.07 if absent. */
  readonly logitScale?: number;
  readonly precision?: PrecisionPolicy;
  readonly seed: number;
  /** Names the stage and all that its data depends on. */
  readonly runId: string;
  readonly runDirectory: string;
  readonly runtime?: RuntimeOptions;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** What a stage made. */
export interface TrainSpaceResult extends TrainResult {
  /** The moving average of the parameters. */
  readonly params: SpaceParams<Tensor>;
  /** The parameters after the last step. */
  readonly last: SpaceParams<Tensor>;
}

/** Trains, or goes on from the checkpoint in the run folder. */
export async function trainSpace(options: TrainSpaceOptions): Promise<TrainSpaceResult> {
  const { data, stage, sampling, seed, runId, runDirectory, contrast, precision, onProgress, signal } = options;
  const step = await compileStep(options);
  try {
    const name = runId.replace(/\W+/g, '-');
    const result = await train({
      step,
      numSteps: stage.numSteps,
      nextBatch: batchSource(data, stage.batchSize, sampling),
      seed,
      settingsHash: hashSettings(runId, stage, sampling, seed, contrast, precision, Object.keys(options.modules)),
      checkpointPath: join(runDirectory, `${name}.safetensors`),
      checkpointEvery: 200,
      logPath: join(runDirectory, `${name}.jsonl`),
      ...(onProgress ? { onProgress } : {}),
      ...(signal ? { signal } : {}),
    });
    const seconds = await addSeconds(join(runDirectory, `${name}.seconds`), result);
    return { ...result, seconds, params: step.emaParams(), last: step.params() };
  } finally {
    await step.close();
  }
}

/** The seconds of all processes that trained the run, kept in a file beside its checkpoint. */
async function addSeconds(path: string, { seconds, resumedFrom }: TrainResult): Promise<number> {
  const before = resumedFrom === 0 ? 0 : Number(await readFile(path, 'utf8').catch(() => '0'));
  await writeFileAtomic(path, String(before + seconds));
  return before + seconds;
}

/** A batch: rows of each modality, and which samples have it. */
interface SpaceBatch<T> {
  /** `[B, F]` of each modality, any row of it where a sample lacks it. */
  readonly rows: Readonly<Record<string, T>>;
  /** `[B]` of each modality. */
  readonly present: Readonly<Record<string, T>>;
}

interface StepLoss {
  readonly loss: Value;
  readonly metrics: Readonly<Record<string, Value>>;
}

function compileStep(options: TrainSpaceOptions) {
  const { data, modules, stage, contrast = 'infoNce', logitScale = 1 / 0.07, precision, seed, runtime = {} } = options;
  const { batchSize, numSteps, warmupSteps, peakLearningRate, weightDecay, averageDecay } = stage;
  const names = Object.keys(data.modalities);
  const byName = <T>(make: (name: string) => T) => Object.fromEntries(names.map((name) => [name, make(name)]));
  // Trees whose names are known at run time only are beyond what `MapLeaves` can infer, so the types are stated here.
  return (compileTrainStep as unknown as CompileSpace)({
    params: {
      modules,
      logLogitScale: scalar(contrast === 'sigmoid' ? sigmoidStart.logLogitScale : Math.log(logitScale)),
      logitBias: scalar(contrast === 'sigmoid' ? sigmoidStart.logitBias : 0),
    },
    batch: {
      rows: byName((name) => spec([batchSize, data.modalities[name]!.table.shape[1]!])),
      present: byName(() => spec([batchSize])),
    },
    loss: (params, batch, { random }) => spaceLoss(params, batch, random, data, contrast),
    optimizer: adamW({
      learningRate: warmupCosine({ peak: peakLearningRate, warmupSteps, totalSteps: numSteps }),
      betas: [0.9, 0.98],
      weightDecay,
      maxGradNorm: 1,
    }),
    ema: { decay: averageDecay },
    seed,
    runtime,
    ...(precision === undefined ? {} : { precision }),
  });
}

type CompileSpace = (options: {
  params: SpaceParams<Tensor>;
  batch: SpaceBatch<ValueSpec>;
  loss: (params: SpaceParams<Value>, batch: SpaceBatch<Value>, context: StepContext) => StepLoss;
  optimizer: Optimizer;
  ema: { decay: number };
  precision?: PrecisionPolicy;
  seed: number;
  runtime: RuntimeOptions;
}) => Promise<TrainStep<SpaceParams<Tensor>, SpaceBatch<Tensor>>>;

function spaceLoss(
  params: SpaceParams<Value>,
  batch: SpaceBatch<Value>,
  random: StepContext['random'],
  { modalities, pairs }: SpaceData,
  contrast: 'infoNce' | 'sigmoid',
): StepLoss {
  const sides = Object.entries(modalities).map(([name, { module, dropout }]): [string, ModalityRows] => {
    const rows = random.dropout(batch.rows[name]!, dropout);
    const embedding = module === undefined ? batch.rows[name]! : applyModule(params.modules[module]!, rows);
    return [name, { embedding, present: batch.present[name]! }];
  });
  const logitScale = clampedLogitScale(params.logLogitScale);
  const { loss, accuracy } = allPairs(
    Object.fromEntries(sides),
    contrast === 'sigmoid'
      ? { kind: 'sigmoid', logitScale, logitBias: params.logitBias }
      : { kind: 'infoNce', logitScale },
    pairs,
  );
  return { loss, metrics: { ...accuracy, logitScale } };
}

/** A function that draws the next batch; its tensors are the same ones each time. */
function batchSource(
  { modalities, sources }: SpaceData,
  batchSize: number,
  sampling: GroupSampling,
): (rng: Rng) => SpaceBatch<Tensor> {
  const rows: Record<string, Tensor<'float32'>> = {};
  const present: Record<string, Tensor<'float32'>> = {};
  for (const [name, { table }] of Object.entries(modalities)) {
    const dim = table.shape[1]!;
    rows[name] = new Tensor('float32', [batchSize, dim], new Float32Array(batchSize * dim));
    present[name] = new Tensor('float32', [batchSize], new Float32Array(batchSize));
  }
  return (rng) => {
    const groups = sampleGroups(sources, batchSize, rng, sampling);
    for (const [name, { table }] of Object.entries(modalities)) {
      const dim = table.shape[1]!;
      groups.forEach((group, i) => {
        present[name]!.data[i] = group.rows[name] === undefined ? 0 : 1;
        // What stands in for a missing row counts for nothing, but must have a direction, in float16 too.
        const row = group.rows[name] ?? 0;
        rows[name]!.data.set(table.data.subarray(row * dim, (row + 1) * dim), i * dim);
      });
    }
    return { rows, present };
  };
}
