/** @file What the oracle is asked about: a network with parameters and a batch, known to `oracle.py` by its name. */
import { Tensor as HostTensor, Rng, type Tensor } from '../../src/engine/core/index.ts';
import { gatherElements, logSoftmax, neg, reduceMean, unsqueeze, type Value } from '../../src/engine/graph/index.ts';

/** Named values of a network; `loss` is a scalar. */
export type Outputs = Readonly<Record<string, Value>> & { readonly loss: Value };

/** A network, its parameters of type P and its batch of type B. */
export interface Network {
  /** The name under which `oracle.py` has it. */
  readonly name: string;
  /** Where the optimizer's settings differ from those of the others. */
  readonly settings?: { readonly learningRate: number; readonly epsilon: number };
  /** A tree of tensors. */
  readonly params: unknown;
  readonly batch: Readonly<Record<string, Tensor>>;
  /** The network over values, given the tree of parameters and the batch. */
  outputs(params: never, batch: Readonly<Record<string, Value>>): Outputs;
}

/** A network with its types checked. */
export function network<P, B extends Readonly<Record<string, Tensor>>>(definition: {
  readonly name: string;
  readonly settings?: NonNullable<Network['settings']>;
  readonly params: unknown;
  readonly batch: B;
  outputs(params: P, batch: { readonly [K in keyof B]: Value }): Outputs;
}): Network {
  return definition as unknown as Network;
}

/** A tensor of normal draws from a stream of its own. */
export function normal(seed: string, shape: readonly number[], deviation = 1): HostTensor<'float32'> {
  const data = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
  return new HostTensor('float32', shape, new Rng(seed).fillNormal(data, deviation));
}

/** Class numbers, `int64[size]`. */
export function classes(seed: string, size: number, numClasses: number): HostTensor<'int64'> {
  const rng = new Rng(seed);
  const data = BigInt64Array.from({ length: size }, () => BigInt(rng.integer(numClasses)));
  return new HostTensor('int64', [size], data);
}

/** The mean cross-entropy of logits `[B, K]` against `int64[B]`. */
export function crossEntropy(logits: Value, targets: Value): Value {
  return neg(reduceMean(gatherElements(logSoftmax(logits), unsqueeze(targets, [1]), 1)));
}
