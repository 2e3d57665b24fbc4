/** @file What an optimizer is, for `compileTrainStep`: state beside each parameter, and a graph that updates both. */
import type { Value } from '../graph/index.ts';

/** A parameter with its name, its gradient, and the optimizer's state beside it. */
export interface ParameterUpdate {
  /** The parameter's path in the tree, `blocks.0.weight`. */
  readonly path: string;
  readonly param: Value;
  readonly gradient: Value;
  /** The state of this parameter by slot name. */
  readonly slots: Readonly<Record<string, Value>>;
}

/** What an update gives: the new parameters and slots, in the order given, and figures worth watching. */
export interface Updated {
  readonly parameters: readonly { readonly param: Value; readonly slots: Readonly<Record<string, Value>> }[];
  readonly metrics: Readonly<Record<string, Value>>;
}

/** An optimizer: describes one update as a graph. */
export interface Optimizer {
  /** The tensors kept beside a parameter of this shape: their shapes by slot name. They have its element type, and are zero at first. */
  slots(shape: readonly number[]): Readonly<Record<string, readonly number[]>>;
  /** Numbers that change from step to step, computed on the host and fed as float32 scalars. The first step is 0. */
  hyperparameters(step: number): Readonly<Record<string, number>>;
  /**
   * The new parameters and slots, and figures (such as the gradient norm).
   * @param hyper the numbers of `hyperparameters` as scalar values.
   */
  update(parameters: readonly ParameterUpdate[], hyper: Readonly<Record<string, Value>>): Updated;
}

/** Which parameters decay; the settings of optimizers say it alike. */
export interface WeightDecay {
  /** Decoupled weight decay; each optimizer says what it is if absent. */
  readonly weightDecay?: number;
  /** Which parameters decay; if absent, those with two or more axes (not biases, scales or single numbers). */
  readonly decays?: (path: string, param: Value) => boolean;
}

/** Whether a parameter decays under these settings. */
export function decayRule({ decays }: WeightDecay): (path: string, param: Value) => boolean {
  return decays ?? ((_path, param) => param.rank >= 2);
}
