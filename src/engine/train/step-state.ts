/** @file The state of a training step by name: parameters, the optimizer's slots, and what features of the step keep beside them. */
import { leaves, Rng, scalar, type Tensor, type Tree, zeros } from '../core/index.ts';
import type { StatePort } from '../runtime/index.ts';
import { type LossScaling, lossScaleNames } from './loss-scale.ts';
import type { Optimizer } from './optimizer.ts';
import type { PrecisionPolicy } from './precision.ts';

/** `prefix.path`, or the prefix alone for a tree that is one leaf. */
export function joined(prefix: string, path: string): string {
  return path === '' ? prefix : `${prefix}.${path}`;
}

/** The leaves of a tree by their names under `prefix`. */
export function namedLeaves(tree: unknown, prefix: string): Record<string, Tensor> {
  return Object.fromEntries(leaves<Tensor>(tree as Tree<Tensor>).map(([path, leaf]) => [joined(prefix, path), leaf]));
}

/** What decides which tensors a step keeps. */
export interface StateDescription {
  readonly params: unknown;
  readonly optimizer: Optimizer;
  readonly ema?: { readonly decay: number };
  readonly precision?: PrecisionPolicy;
  readonly lossScale?: LossScaling;
}

/** Whether the loss is scaled: where anything is computed in float16. */
export function scalesLoss({ precision = {} }: Pick<StateDescription, 'precision'>): boolean {
  return Object.values(precision).includes('float16');
}

/**
 * The tensors of the state: `params.<path>`, `<slot>.<path>`, `ema.<path>` where an average is kept, and `lossScale.*` where the loss is
 * scaled.
 */
export function statePorts(description: StateDescription): StatePort[] {
  const { params, optimizer, ema } = description;
  const named = leaves<Tensor>(params as Tree<Tensor>);
  const under = (prefix: string): StatePort[] =>
    named.map(([path, { dtype, shape }]) => ({ name: joined(prefix, path), dtype, shape }));
  const slots = named.flatMap(([path, { shape, dtype }]) =>
    Object.entries(optimizer.slots(shape)).map(([slot, of]) => ({ name: joined(slot, path), dtype, shape: of })),
  );
  const scalars = scalesLoss(description) ? Object.values(lossScaleNames) : [];
  return [
    ...under('params'),
    ...slots,
    ...(ema === undefined ? [] : under('ema')),
    ...scalars.map((name): StatePort => ({ name, dtype: 'float32', shape: [] })),
  ];
}

/** What the tensors of the state start from where that is not zero. */
export function startValues(description: StateDescription): Record<string, Tensor> {
  const { params, ema, lossScale } = description;
  return {
    ...namedLeaves(params, 'params'),
    ...(ema === undefined ? {} : namedLeaves(params, 'ema')),
    ...(scalesLoss(description) ? { [lossScaleNames.scale]: scalar(lossScale?.initial ?? 65536) } : {}),
  };
}

/** All of the state to start from. */
export function startState(description: StateDescription): Record<string, Tensor> {
  const values = startValues(description);
  return Object.fromEntries(
    statePorts(description).map(({ name, dtype, shape }) => [name, values[name] ?? zeros(shape, dtype)]),
  );
}

/** The names of what one update changes together: a parameter, what is kept beside it, and the sum of its gradients. */
export function stateGroups({ params, optimizer, ema }: StateDescription): string[][] {
  return leaves<Tensor>(params as Tree<Tensor>).map(([path, { shape }]) => {
    const kept = [
      'params',
      ...Object.keys(optimizer.slots(shape)),
      ...(ema === undefined ? [] : ['ema']),
      'accumulated',
    ];
    return kept.map((prefix) => joined(prefix, path));
  });
}

/** What gradients are summed in while batches are accumulated: one for each parameter. */
export function accumulators(params: unknown): StatePort[] {
  return Object.entries(namedLeaves(params, 'accumulated')).map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
}

/** The seed, an int32 scalar, of what a loss draws on a batch of a step. */
export function seedTensor(seed: number | string = 0, step = 0, batch = 0): Tensor {
  return scalar(new Rng(`${seed}/${step}/${batch}`).uint32() | 0, 'int32');
}
