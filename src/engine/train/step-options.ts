/** @file What a training step is made from: the loss, the optimizer, the parameters, and what is done around them. */
import type { MapLeaves, Tensor, Tree } from '../core/index.ts';
import type { RandomStream, Value, ValueSpec } from '../graph/index.ts';
import type { RuntimeOptions } from '../runtime/index.ts';
import type { LossScaling } from './loss-scale.ts';
import type { Optimizer } from './optimizer.ts';
import type { PrecisionPolicy } from './precision.ts';

/** What a loss function returns: the scalar to minimize, alone or with scalars worth watching. */
export type LossResult = Value | { readonly loss: Value; readonly metrics: Readonly<Record<string, Value>> };

/** What a loss function is given beside parameters and batch. */
export interface StepContext {
  /** Draws that are other ones at each step, the same again from the same seed: `context.random.dropout(x, 0.1)`. */
  readonly random: RandomStream;
}

/** What the graph of a step is traced from. */
export interface StepDescription<P extends Tree<Tensor>, B extends Tree<ValueSpec>> {
  /** The loss of a batch under parameters, as a function over Values. */
  readonly loss: (
    params: MapLeaves<P, Tensor, Value>,
    batch: MapLeaves<B, ValueSpec, Value>,
    context: StepContext,
  ) => LossResult;
  readonly optimizer: Optimizer;
  /** The parameters to start from; they are copied. */
  readonly params: P;
  /** The shapes of a batch; they are fixed. */
  readonly batch: B;
  /**
   * How many batches make one step: their gradients are averaged before the update, so that a step learns from more than memory
   * holds at once. `run` then takes an array of so many batches. 1 if absent.
   */
  readonly accumulate?: number;
  /** Keeps a moving average of the parameters beside them, ema ← decay · ema + (1 - decay) · parameter, read by `emaParams`. */
  readonly ema?: { readonly decay: number };
  /**
   * What subtrees of the parameters are computed in, by name: `{ 'towers.video': 'float16', default: 'float32' }`. The parameters
   * themselves and the optimizer's state stay float32. With any float16 the loss is scaled; `lossScale` says how.
   */
  readonly precision?: PrecisionPolicy;
  readonly lossScale?: LossScaling;
  /** Seed of what the loss draws from `context.random`; 0 if absent. */
  readonly seed?: number | string;
}

/** What `compileTrainStep` needs. */
export interface TrainStepOptions<P extends Tree<Tensor>, B extends Tree<ValueSpec>> extends StepDescription<P, B> {
  /**
   * How many steps `runMany` takes in one session run, 1 if absent. Worth it where a step is so small that the cost of starting
   * a run shows; the graph grows as many times.
   */
  readonly stepsPerRun?: number;
  /**
   * Whether the optimizer's update runs as WebAssembly kernels over state that is held once; true if absent. It takes less time
   * and much less memory than inside the session. What is not element-wise stays in the session in any case.
   */
  readonly inPlace?: boolean;
  /** Where and how it runs; `runtime.cache` names a folder in which compiled steps are kept. */
  readonly runtime?: RuntimeOptions;
  /**
   * Names in the cache, beside the shapes of parameters and batch, all that decides the graph: the code of the loss, the kind and
   * settings of the optimizer. A step that the cache holds under it is loaded without being traced, so two steps that differ must not
   * share it. If absent, the step is traced and its graph is the key.
   */
  readonly cacheKey?: string;
}

/** The figures of one step: the loss, the loss function's metrics and the optimizer's. */
export type StepFigures = { readonly loss: number } & Readonly<Record<string, number>>;
