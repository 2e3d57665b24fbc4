/**
 * @file The training step as one ONNX Runtime session: forward, backward and the optimizer's update in a single graph. Parameters
 * and optimizer state live in two sets of preallocated tensors: a step reads one and writes the other, then they swap.
 */
import { gradients } from '../autodiff/index.ts';
import {
  type Dtype,
  leaves,
  type MapLeaves,
  mapTree,
  ShapeError,
  scalar,
  Tensor,
  type Tree,
  treeFromLeaves,
  zeros,
} from '../core/index.ts';
import { type Graph, graphOf, type NamedValue, Value, type ValueSpec } from '../graph/index.ts';
import { compile, type Executable, type RuntimeOptions } from '../runtime/index.ts';
import type { Optimizer } from './optimizer.ts';

/** What a loss function returns: the scalar to minimize, alone or with scalars worth watching. */
export type LossResult = Value | { readonly loss: Value; readonly metrics: Readonly<Record<string, Value>> };

/** What `compileTrainStep` needs. */
export interface TrainStepOptions<P extends Tree<Tensor>, B extends Tree<ValueSpec>> {
  /** The loss of a batch under parameters, as a function over Values. */
  readonly loss: (params: MapLeaves<P, Tensor, Value>, batch: MapLeaves<B, ValueSpec, Value>) => LossResult;
  readonly optimizer: Optimizer;
  /** The parameters to start from; they are copied. */
  readonly params: P;
  /** The shapes of a batch; they are fixed. */
  readonly batch: B;
  readonly runtime?: RuntimeOptions;
}

/** The figures of one step: the loss, the loss function's metrics and the optimizer's. */
export type StepFigures = { readonly loss: number } & Readonly<Record<string, number>>;

/** Reads and writes `state` between two sets of tensors. */
interface Buffers {
  front: Record<string, Tensor>;
  back: Record<string, Tensor>;
}

const forEachLeaf = mapTree as (tree: unknown, visit: (leaf: never, path: string) => unknown) => unknown;

function inputTree<T extends { dtype: Dtype; shape: readonly (number | string)[] }>(
  tree: Tree<T>,
  prefix: string,
  inputs: NamedValue[],
): unknown {
  return forEachLeaf(tree, (leaf: T, path) => {
    const name = path === '' ? prefix : `${prefix}.${path}`;
    const value = new Value(leaf, { kind: 'input', name });
    inputs.push({ name, value });
    return value;
  });
}

/** The graph of one step. State inputs `params.*` and `<slot>.*` have outputs named `next.<input name>`. */
export function traceTrainStep<P extends Tree<Tensor>, B extends Tree<ValueSpec>>(
  options: Omit<TrainStepOptions<P, B>, 'runtime'>,
): { graph: Graph; metricNames: readonly string[] } {
  const { optimizer } = options;
  const inputs: NamedValue[] = [];
  const params = inputTree<Tensor>(options.params, 'params', inputs);
  const named = leaves<Value>(params as Tree<Value>);
  const slots = optimizer.slots.map((slot) => {
    const tree = inputTree<Tensor>(options.params, slot, inputs) as Tree<Value>;
    return new Map(leaves<Value>(tree));
  });
  const batch = inputTree<ValueSpec>(options.batch, 'batch', inputs);
  const hyper = inputTree(
    mapTree(optimizer.hyperparameters(0) as Tree<number>, () => scalar(0)) as Tree<Tensor>,
    'hyper',
    inputs,
  );

  const result = options.loss(params as MapLeaves<P, Tensor, Value>, batch as MapLeaves<B, ValueSpec, Value>);
  const { loss, metrics } = result instanceof Value ? { loss: result, metrics: {} } : result;
  const grads = gradients(
    loss,
    named.map(([, value]) => value),
  );
  const updates = named.map(([path, param], i) => ({
    path,
    param,
    gradient: grads[i]!,
    slots: Object.fromEntries(optimizer.slots.map((slot, s) => [slot, slots[s]!.get(path)!])),
  }));
  const updated = optimizer.update(updates, hyper as Record<string, Value>);

  const figures = { loss, ...metrics, ...updated.metrics };
  for (const [name, value] of Object.entries(figures)) {
    if (value.rank !== 0) throw new ShapeError(`compileTrainStep: the metric "${name}" must be a scalar, got ${value}`);
  }
  const suffix = (path: string) => (path === '' ? '' : `.${path}`);
  const outputs: NamedValue[] = [
    ...Object.entries(figures).map(([name, value]) => ({ name: `figure.${name}`, value })),
    ...updated.parameters.flatMap(({ param, slots: next }, i) => {
      const path = suffix(named[i]![0]);
      return [
        { name: `next.params${path}`, value: param },
        ...optimizer.slots.map((slot) => ({ name: `next.${slot}${path}`, value: next[slot]! })),
      ];
    }),
  ];
  return { graph: graphOf(inputs, outputs), metricNames: Object.keys(figures) };
}

/** A compiled training step with the parameters and optimizer state that it advances. */
export class TrainStep<P, Batch> {
  readonly graph: Graph;
  readonly #executable: Executable;
  readonly #optimizer: Optimizer;
  readonly #metricNames: readonly string[];
  readonly #like: P;
  readonly #buffers: Buffers;
  #step = 0;
  #running = false;

  /** Use `compileTrainStep`. */
  constructor(
    traced: { graph: Graph; metricNames: readonly string[] },
    executable: Executable,
    options: { readonly params: P; readonly optimizer: Optimizer },
  ) {
    this.graph = traced.graph;
    this.#metricNames = traced.metricNames;
    this.#executable = executable;
    this.#optimizer = options.optimizer;
    this.#like = options.params;
    const start = startState(options.params as Tree<Tensor>, options.optimizer);
    const spare = Object.fromEntries(
      Object.entries(start).map(([name, tensor]) => [name, zeros(tensor.shape, tensor.dtype)]),
    );
    this.#buffers = { front: start, back: spare };
  }

  /** How many steps have been taken. */
  get step(): number {
    return this.#step;
  }

  /**
   * Takes one step on a batch and returns its figures, of before the update. If it fails, the state is as it was.
   * @throws ShapeError or DtypeError if the batch is not what was compiled for.
   */
  async run(batch: Batch): Promise<StepFigures> {
    if (this.#running) throw new TypeError('TrainStep.run: the step before has not ended; await it first');
    this.#running = true;
    try {
      const { front, back } = this.#buffers;
      const hyper = this.#optimizer.hyperparameters(this.#step);
      const feeds = { ...front, ...namedLeaves(batch, 'batch'), ...hyperFeeds(hyper) };
      const into = Object.fromEntries(Object.entries(back).map(([name, tensor]) => [`next.${name}`, tensor]));
      const results = await this.#executable.run(feeds, into);
      this.#buffers.front = back;
      this.#buffers.back = front;
      this.#step++;
      return Object.fromEntries(
        this.#metricNames.map((name) => [name, Number(results[`figure.${name}`]!.data[0])]),
      ) as StepFigures;
    } finally {
      this.#running = false;
    }
  }

  /** A copy of the parameters, in the form in which they were given. */
  params(): P {
    const named = new Map<string, Tensor>();
    for (const [path] of leaves<Tensor>(this.#like as Tree<Tensor>)) {
      named.set(path, copyOf(this.#buffers.front[path === '' ? 'params' : `params.${path}`]!));
    }
    const rebuild = treeFromLeaves as (like: P, named: ReadonlyMap<string, Tensor>) => unknown;
    return rebuild(this.#like, named) as P;
  }

  /** A copy of everything that `load` needs to go on from here: parameters and optimizer state by name. */
  state(): { step: number; tensors: Map<string, Tensor> } {
    const tensors = Object.entries(this.#buffers.front).map(([name, tensor]) => [name, copyOf(tensor)] as const);
    return { step: this.#step, tensors: new Map(tensors) };
  }

  /** Goes on from a state that `state` gave. @throws ShapeError if a tensor is missing or does not fit. */
  load(state: { step: number; tensors: ReadonlyMap<string, Tensor> }): void {
    const loaded = Object.entries(this.#buffers.front).map(([name, current]) => {
      const tensor = state.tensors.get(name);
      if (tensor?.dtype !== current.dtype || tensor.shape.join() !== current.shape.join()) {
        throw new ShapeError(
          `TrainStep.load: "${name}" must be ${current.dtype}[${current.shape}], got ${tensor ? `${tensor.dtype}[${tensor.shape}]` : 'nothing'}`,
        );
      }
      return [name, copyOf(tensor)] as const;
    });
    this.#buffers.front = Object.fromEntries(loaded);
    this.#step = state.step;
  }

  /** Frees the session. */
  async close(): Promise<void> {
    await this.#executable.close();
  }
}

/**
 * Compiles a training step: traces the loss, differentiates it, adds the optimizer's update, and loads all of it as one session.
 * @throws ShapeError if the loss or a metric is not a scalar.
 */
export async function compileTrainStep<const P extends Tree<Tensor>, const B extends Tree<ValueSpec>>(
  options: TrainStepOptions<P, B>,
): Promise<TrainStep<P, MapLeaves<B, ValueSpec, Tensor>>> {
  const traced = traceTrainStep(options);
  return new TrainStep(traced, await compile(traced.graph, options.runtime), options);
}

function namedLeaves(tree: unknown, prefix: string): Record<string, Tensor> {
  return Object.fromEntries(
    leaves<Tensor>(tree as Tree<Tensor>).map(([path, tensor]) => [path === '' ? prefix : `${prefix}.${path}`, tensor]),
  );
}

function hyperFeeds(hyper: Readonly<Record<string, number>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(hyper).map(([name, value]) => [`hyper.${name}`, scalar(value)]));
}

function startState(params: Tree<Tensor>, optimizer: Optimizer): Record<string, Tensor> {
  const named = namedLeaves(params, 'params');
  const slots = optimizer.slots.flatMap((slot) =>
    Object.entries(namedLeaves(params, slot)).map(([name, like]) => [name, zeros(like.shape, like.dtype)] as const),
  );
  return {
    ...Object.fromEntries(Object.entries(named).map(([name, tensor]) => [name, copyOf(tensor)])),
    ...Object.fromEntries(slots),
  };
}

function copyOf(tensor: Tensor): Tensor {
  return new Tensor(tensor.dtype, tensor.shape, tensor.data.slice());
}
