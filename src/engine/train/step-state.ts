/** @file The state of a training step by name: parameters, the optimizer's slots, and what features of the step keep beside them. */
import { leaves, Tensor, type Tree, zeros } from '../core/index.ts';
import type { Optimizer } from './optimizer.ts';

/** `prefix.path`, or the prefix alone for a tree that is one leaf. */
export function joined(prefix: string, path: string): string {
  return path === '' ? prefix : `${prefix}.${path}`;
}

/** The leaves of a tree by their names under `prefix`. */
export function namedLeaves(tree: unknown, prefix: string): Record<string, Tensor> {
  return Object.fromEntries(leaves<Tensor>(tree as Tree<Tensor>).map(([path, leaf]) => [joined(prefix, path), leaf]));
}

/** A copy that shares no memory. */
export function copyOf(tensor: Tensor): Tensor {
  return new Tensor(tensor.dtype, tensor.shape, tensor.data.slice());
}

/** The state to start from: `params.<path>`, `<slot>.<path>`, and `ema.<path>` where an average is kept. */
export function startState(options: {
  readonly params: unknown;
  readonly optimizer: Optimizer;
  readonly ema?: { readonly decay: number };
}): Record<string, Tensor> {
  const named = leaves<Tensor>(options.params as Tree<Tensor>);
  const slots = named.flatMap(([path, { shape, dtype }]) =>
    Object.entries(options.optimizer.slots(shape)).map(([slot, of]) => [joined(slot, path), zeros(of, dtype)] as const),
  );
  return {
    ...namedLeaves(options.params, 'params'),
    ...Object.fromEntries(slots),
    ...(options.ema === undefined ? {} : namedLeaves(options.params, 'ema')),
  };
}

/** What gradients are summed in while batches are accumulated: the names and types, one for each parameter. */
export function accumulators(params: unknown) {
  return Object.entries(namedLeaves(params, 'accumulated')).map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
}
