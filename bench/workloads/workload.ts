/** @file What the training benches run: a model with a batch, described once for us and once for each peer in `bench/peers/`. */
import {
  compileTrainStep,
  type LossResult,
  mapTree,
  type Optimizer,
  type Rng,
  type RuntimeOptions,
  spec,
  Tensor,
} from '../../src/engine/index.ts';

/** A compiled step that runs on its workload's batch. */
export interface CompiledWorkload {
  /** Takes one step and returns the loss before it. */
  step(): Promise<number>;
  close(): Promise<void>;
}

/** A training step's work. */
export interface Workload {
  /** The name under which the peers know it. */
  readonly name: string;
  /** One phrase for the reader. */
  readonly description: string;
  /** The parameters to start from and the batch, by name: `params.…` and `batch.…`. */
  readonly start: ReadonlyMap<string, Tensor>;
  /** Floating point operations of the matrix products and convolutions of one step, forward and backward; a multiply-add counts two. */
  readonly flopsPerStep: number;
  compile(optimizer: Optimizer, runtime: RuntimeOptions): Promise<CompiledWorkload>;
}

/** Compiles the step of a model whose parameters and batch are given as tensors. */
export async function compiled<P, B>(options: {
  readonly loss: (params: P, batch: B) => LossResult;
  readonly optimizer: Optimizer;
  readonly params: unknown;
  readonly batch: unknown;
  readonly runtime: RuntimeOptions;
}): Promise<CompiledWorkload> {
  const { batch } = options;
  const train = await untyped({ ...options, batch: mapLeaves(batch, ({ shape, dtype }) => spec(shape, dtype)) });
  return { step: async () => (await train.run(batch)).loss, close: () => train.close() };
}

/** `compileTrainStep` and `mapTree` without their types, which follow the form of a tree that is not known here. */
const untyped = compileTrainStep as unknown as (options: unknown) => Promise<{
  run(batch: unknown): Promise<{ loss: number }>;
  close(): Promise<void>;
}>;
const mapLeaves = mapTree as (tree: unknown, transform: (leaf: Tensor) => unknown) => unknown;

/** A tensor of normal draws. */
export function normalTensor(rng: Rng, shape: readonly number[], deviation = 1): Tensor<'float32'> {
  const data = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
  return new Tensor('float32', shape, rng.fillNormal(data, deviation));
}
