/** @file What the training benches run: a model with a batch, described once for us and once in `bench/peers/train_step.py`. */
import type { Optimizer, RuntimeOptions, Tensor } from '../../src/engine/index.ts';

/** A compiled step that runs on its workload's batch. */
export interface CompiledWorkload {
  /** Takes one step and returns the loss before it. */
  step(): Promise<number>;
  close(): Promise<void>;
}

/** A training step's work. */
export interface Workload {
  /** The name under which `train_step.py` knows it. */
  readonly name: string;
  /** One phrase for the reader. */
  readonly description: string;
  /** The parameters to start from and the batch, by name: `params.…` and `batch.…`. */
  readonly start: ReadonlyMap<string, Tensor>;
  /** Floating point operations of the matrix products of one step, forward and backward; a multiply-add counts two. */
  readonly flopsPerStep: number;
  compile(optimizer: Optimizer, runtime: RuntimeOptions): Promise<CompiledWorkload>;
}
