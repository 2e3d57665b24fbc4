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

/** An optimizer: describes one update as a graph. */
export interface Optimizer {
  /** The names of the tensors kept beside each parameter, of its shape, zero at first. */
  readonly slots: readonly string[];
  /** Numbers that change from step to step, computed on the host and fed as float32 scalars. The first step is 0. */
  hyperparameters(step: number): Readonly<Record<string, number>>;
  /**
   * The new parameters and slots, in the order given, and figures worth watching (such as the gradient norm).
   * @param hyper the numbers of `hyperparameters` as scalar values.
   */
  update(
    parameters: readonly ParameterUpdate[],
    hyper: Readonly<Record<string, Value>>,
  ): {
    readonly parameters: readonly { readonly param: Value; readonly slots: Readonly<Record<string, Value>> }[];
    readonly metrics: Readonly<Record<string, Value>>;
  };
}
