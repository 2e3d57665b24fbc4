/**
 * @file The graphs of a training step: forward, backward and the optimizer's update. State inputs (`params.*`, `<slot>.*`, ...) have
 * outputs named `next.<input name>`; beside them a step takes `batch.*`, `hyper.*` and the seed `random`, and gives `figure.*`.
 */
import { gradients } from '../autodiff/index.ts';
import { leaves, mapTree, ShapeError, scalar, type Tensor, type Tree, treeFromLeaves } from '../core/index.ts';
import {
  add,
  div,
  type Graph,
  graphOf,
  mul,
  type NamedValue,
  RandomStream,
  Value,
  type ValueSpec,
  type ValueType,
} from '../graph/index.ts';
import type { StatePort } from '../runtime/index.ts';
import { areFinite, guardedUpdate, lossScaleNames } from './loss-scale.ts';
import { type PrecisionPolicy, precisionOf, withPrecision } from './precision.ts';
import type { LossResult, StepDescription } from './step-options.ts';
import { accumulators, joined, scalesLoss, statePorts } from './step-state.ts';

/** The values of a state by name. */
type StateValues = ReadonlyMap<string, Value>;

/** The graph of a step and what it reports. */
export interface TracedStep {
  readonly graph: Graph;
  /** The figures it gives, as outputs `figure.<name>`; over several steps `figure.<step>.<name>`. */
  readonly metricNames: readonly string[];
  /** The gradients of one batch, from which the new state is made; none where it is made otherwise. */
  readonly gradients: ReadonlySet<Value>;
}

/** The inputs of a graph, as they are made. */
class Inputs {
  readonly named: NamedValue[] = [];

  add(name: string, type: ValueType): Value {
    const value = new Value(type, { kind: 'input', name });
    this.named.push({ name, value });
    return value;
  }

  /** The tree with an input for every leaf. */
  tree(tree: unknown, prefix: string): unknown {
    const visitLeaves = mapTree as (tree: unknown, visit: (leaf: ValueType, path: string) => unknown) => unknown;
    return visitLeaves(tree, (leaf, path) => this.add(joined(prefix, path), leaf));
  }

  state(ports: readonly StatePort[]): StateValues {
    return new Map(ports.map((port) => [port.name, this.add(port.name, port)]));
  }

  /** What a loss draws from; the seed is an input only if something is drawn. */
  random(name: string): RandomStream {
    let seed: Value | undefined;
    return new RandomStream(() => {
      seed ??= this.add(name, { dtype: 'int32', shape: [] });
      return seed;
    });
  }

  /** The scalars that the optimizer computes on the host for each step. */
  hyper(step: { readonly optimizer: StepDescription<never, never>['optimizer'] }, prefix: string) {
    const names = Object.keys(step.optimizer.hyperparameters(0));
    return Object.fromEntries(names.map((name) => [name, this.add(joined(prefix, name), scalar(0))]));
  }
}

/**
 * The graph of one step on one batch.
 * @throws ShapeError if the loss or a metric is not a scalar.
 */
export function traceTrainStep<P extends Tree<Tensor>, B extends Tree<ValueSpec>>(
  options: StepDescription<P, B>,
): TracedStep {
  const inputs = new Inputs();
  const state = inputs.state(statePorts(options));
  const { figures, grads } = differentiate(
    options,
    state,
    inputs.tree(options.batch, 'batch'),
    inputs.random('random'),
  );
  const updated = update(options, state, grads, inputs.hyper(options, 'hyper'));
  return traced(inputs, { ...figures, ...updated.metrics }, updated.next, grads);
}

/** The graph of `numSteps` steps, one after the other. Batches are `batch.<step>.*`, and so are hyperparameters and figures. */
export function traceSteps<P extends Tree<Tensor>, B extends Tree<ValueSpec>>(
  options: StepDescription<P, B>,
  numSteps: number,
): TracedStep {
  const inputs = new Inputs();
  const start = inputs.state(statePorts(options));
  let state = start;
  let metricNames: string[] = [];
  const all: Record<string, Value> = {};
  for (let step = 0; step < numSteps; step++) {
    const { figures, grads } = differentiate(
      options,
      state,
      inputs.tree(options.batch, `batch.${step}`),
      inputs.random(`random.${step}`),
    );
    const updated = update(options, state, grads, inputs.hyper(options, `hyper.${step}`));
    const ofStep = { ...figures, ...updated.metrics };
    metricNames = Object.keys(ofStep);
    for (const [name, value] of Object.entries(ofStep)) all[`${step}.${name}`] = value;
    state = updated.next;
  }
  return { ...traced(inputs, all, state), metricNames };
}

/**
 * The two graphs of a step on several batches: one adds a batch's gradients to `accumulated.*`, the other makes the update from
 * their mean.
 */
export function traceAccumulatingStep<P extends Tree<Tensor>, B extends Tree<ValueSpec>>(
  options: StepDescription<P, B>,
  numBatches: number,
): { readonly ofBatch: TracedStep; readonly ofUpdate: TracedStep } {
  const sums = accumulators(options.params);
  const ports = statePorts(options);

  const batchInputs = new Inputs();
  const state = batchInputs.state(
    ports.filter(({ name }) => /^params(\.|$)/.test(name) || name === lossScaleNames.scale),
  );
  const before = [...batchInputs.state(sums)];
  const { figures, grads } = differentiate(
    options,
    state,
    batchInputs.tree(options.batch, 'batch'),
    batchInputs.random('random'),
  );
  const after = new Map(before.map(([name, sum], i) => [name, add(sum, grads[i]!)]));

  const updateInputs = new Inputs();
  const held = updateInputs.state(ports);
  const means = [...updateInputs.state(sums).values()].map((sum) => mul(sum, 1 / numBatches));
  const updated = update(options, held, means, updateInputs.hyper(options, 'hyper'));
  return {
    ofBatch: traced(batchInputs, figures, after, grads),
    ofUpdate: traced(updateInputs, updated.metrics, updated.next),
  };
}

/** The loss with its metrics, and the gradients with respect to the parameters in their order. */
function differentiate<P extends Tree<Tensor>, B extends Tree<ValueSpec>>(
  options: StepDescription<P, B>,
  state: StateValues,
  batch: unknown,
  random: RandomStream,
): { figures: Record<string, Value>; grads: readonly Value[] } {
  const named = new Map(
    leaves<Tensor>(options.params as unknown as Tree<Tensor>).map(([path]) => [
      path,
      state.get(joined('params', path))!,
    ]),
  );
  const rebuild = treeFromLeaves as (like: P, named: ReadonlyMap<string, Value>) => unknown;
  const params = rebuild(options.params, named);
  // The trees have the forms that the loss takes; to work that out is too deep for the compiler.
  const result = (options.loss as (...given: unknown[]) => LossResult)(params, batch, { random });
  const { loss, metrics } = result instanceof Value ? { loss: result, metrics: {} } : result;
  requireScalars({ loss, ...metrics });
  const figures = computedAs(options.precision, { loss, ...metrics }, named);
  const scale = state.get(lossScaleNames.scale);
  const parameters = [...named.values()];
  if (scale === undefined) return { figures, grads: gradients(figures.loss!, parameters) };
  const inverse = div(1, scale);
  return { figures, grads: gradients(mul(figures.loss!, scale), parameters).map((grad) => mul(grad, inverse)) };
}

/** The figures under a policy of precision. */
function computedAs(
  policy: PrecisionPolicy | undefined,
  figures: Record<string, Value>,
  parameters: ReadonlyMap<string, Value>,
): Record<string, Value> {
  if (policy === undefined) return figures;
  const said = new Map([...parameters].map(([path, value]) => [value, precisionOf(policy, path)]));
  const values = withPrecision(Object.values(figures), said);
  return Object.fromEntries(Object.keys(figures).map((name, i) => [name, values[i]!]));
}

/** The state after the optimizer's update. */
function update<P extends Tree<Tensor>, B extends Tree<ValueSpec>>(
  options: StepDescription<P, B>,
  state: StateValues,
  grads: readonly Value[],
  hyper: Readonly<Record<string, Value>>,
): { metrics: Readonly<Record<string, Value>>; next: StateValues } {
  const { optimizer, ema } = options;
  const named = leaves<Tensor>(options.params as unknown as Tree<Tensor>);
  const parameters = named.map(([path, { shape }], i) => ({
    path,
    param: state.get(joined('params', path))!,
    gradient: grads[i]!,
    slots: Object.fromEntries(
      Object.keys(optimizer.slots(shape)).map((slot) => [slot, state.get(joined(slot, path))!]),
    ),
  }));
  const updated = optimizer.update(parameters, hyper);
  requireScalars(updated.metrics);
  const next = new Map(state);
  updated.parameters.forEach(({ param, slots }, i) => {
    const path = named[i]![0];
    next.set(joined('params', path), param);
    for (const [slot, value] of Object.entries(slots)) next.set(joined(slot, path), value);
    if (ema === undefined) return;
    const average = state.get(joined('ema', path))!;
    next.set(joined('ema', path), add(mul(average, ema.decay), mul(param, 1 - ema.decay)));
  });
  if (!scalesLoss(options)) return { metrics: updated.metrics, next };
  const guarded = guardedUpdate(state, next, areFinite(grads), options.lossScale ?? {});
  return { metrics: { ...updated.metrics, ...guarded.metrics }, next: guarded.next };
}

function traced(
  inputs: Inputs,
  figures: Readonly<Record<string, Value>>,
  next: StateValues,
  grads: readonly Value[] = [],
): TracedStep {
  const outputs = [
    ...Object.entries(figures).map(([name, value]) => ({ name: `figure.${name}`, value })),
    ...[...next].map(([name, value]) => ({ name: `next.${name}`, value })),
  ];
  return { graph: graphOf(inputs.named, outputs), metricNames: Object.keys(figures), gradients: new Set(grads) };
}

function requireScalars(figures: Readonly<Record<string, Value>>): void {
  for (const [name, value] of Object.entries(figures)) {
    if (value.rank !== 0) throw new ShapeError(`compileTrainStep: the metric "${name}" must be a scalar, got ${value}`);
  }
}
