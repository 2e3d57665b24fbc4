/**
 * @file Changes to imported models: adapters at named values, frozen weights, cuts, new heads. Each returns a new model over the
 * same file; what the new outputs do not need is gone from it, parameters too.
 */
import {
  type Dim,
  formatShape,
  leaves,
  type MapLeaves,
  normalizeAxis,
  Rng,
  ShapeError,
  sameShape,
  type Tensor,
  type Tree,
  treeFromLeaves,
} from '../core/index.ts';
import { Value } from '../graph/index.ts';
import { type Insertion, OnnxModel, type Weight } from './model.ts';

/** A piece of network with parameters of its own that goes into an imported model. */
export interface Graft<P, R = Value> {
  /** The parameters to start from, a tensor or a tree of them. @param dim the size of the axis that the piece works along. */
  init(rng: Rng, dim: number): P;
  /** What the piece makes of x. */
  apply(params: MapLeaves<P, Tensor, Value>, x: Value): R;
}

/** Where adapters go, and what they are. */
export interface AdapterOptions<P> {
  /** The values that they change: names, or a test of each value that a node makes. */
  readonly at: readonly string[] | ((name: string, value: Value) => boolean);
  readonly adapter: Graft<P>;
  /** The axis that `init` is told the size of; the last if absent. Channels of pictures are axis 1. */
  readonly axis?: number;
  /** Where the first parameters are drawn from. */
  readonly rng?: Rng;
}

/**
 * The model with an adapter at each of the named values: everything behind sees what the adapter makes of the value, which must
 * have its type. The parameters are named `adapters.<value>.<path>`.
 * @throws TypeError if there is no such value; ShapeError if the size of the axis is unknown, or the type changes.
 */
export function insertAdapters<P>(model: OnnxModel, options: AdapterOptions<P>): OnnxModel {
  const { at, adapter, axis = -1, rng = new Rng('adapters') } = options;
  const chosen = typeof at === 'function' ? nodeValues(model).filter((name) => at(name, model.values.get(name)!)) : at;
  const insertions = new Map(model.source.insertions);
  const weights = new Map(model.source.weights);
  for (const name of new Set(chosen)) {
    const value = valueNamed(model, name, 'insertAdapters');
    const prefix = unusedPrefix(`adapters.${name}`, weights);
    const graft = planted(adapter, prefix, adapter.init(rng, sizeOf(value, axis, name, 'insertAdapters')));
    for (const [path, tensor] of graft.tensors) weights.set(path, { tensor, isTrained: true, of: name });
    const before = insertions.get(name);
    insertions.set(name, (input, given) => {
      const x = before?.(input, given) ?? input;
      const result = graft.apply(x, given);
      if (result.dtype !== x.dtype || !sameShape(result.shape, x.shape)) {
        throw new ShapeError(`insertAdapters: the adapter at "${name}" must keep ${x}, and makes ${result}`);
      }
      return result;
    });
  }
  return new OnnxModel({ ...model.source, weights, insertions });
}

/**
 * The model with the weights for which `predicate` holds frozen: no longer among its `parameters`, and constants wherever it is
 * applied. A model that is wholly frozen but for its adapters: `freeze(model, (name) => !name.startsWith('adapters.'))`.
 */
export function freeze(model: OnnxModel, predicate: (name: string, tensor: Tensor) => boolean): OnnxModel {
  const weights = [...model.source.weights].map(([name, weight]): [string, Weight] => [
    name,
    { ...weight, isTrained: weight.isTrained && !predicate(name, weight.tensor) },
  ]);
  return new OnnxModel({ ...model.source, weights: new Map(weights) });
}

/**
 * The model with other tensors for its parameters, as training has left them.
 * @throws TypeError if a name is not a parameter's; ShapeError if a tensor is not of the parameter's type.
 */
export function withParameters(model: OnnxModel, params: Readonly<Record<string, Tensor>>): OnnxModel {
  const weights = new Map(model.source.weights);
  for (const [name, tensor] of Object.entries(params)) {
    const weight = weights.get(name);
    if (weight === undefined) throw new TypeError(`withParameters: there is no parameter "${name}"`);
    if (tensor.dtype !== weight.tensor.dtype || !sameShape(tensor.shape, weight.tensor.shape)) {
      throw new ShapeError(
        `withParameters: "${name}" is ${weight.tensor.dtype}${formatShape(weight.tensor.shape)}, got ${tensor.dtype}${formatShape(tensor.shape)}`,
      );
    }
    weights.set(name, { ...weight, tensor });
  }
  return new OnnxModel({ ...model.source, weights });
}

/** The model that ends at the named values, which become its outputs. @throws TypeError if there is no such value. */
export function cutAt(model: OnnxModel, ...names: readonly string[]): OnnxModel {
  const from = [...new Set(names)];
  for (const name of from) valueNamed(model, name, 'cutAt');
  if (from.length === 0) throw new TypeError('cutAt: needs the name of a value');
  const apply = (values: ReadonlyMap<string, Value>) =>
    Object.fromEntries(from.map((name) => [name, values.get(name) as Value]));
  return new OnnxModel({ ...model.source, ending: { from, apply } });
}

/** A new head and where it goes. */
export interface HeadOptions<P> {
  /** The value that the head is given. */
  readonly at: string;
  /** What it makes of the value: the output (named `output`), or outputs by name. */
  readonly head: Graft<P, Value | Readonly<Record<string, Value>>>;
  /** The axis that `init` is told the size of; the last if absent. */
  readonly axis?: number;
  /** Where the first parameters are drawn from. */
  readonly rng?: Rng;
}

/**
 * The model with everything behind a named value replaced by a new head; its parameters are named `head.<path>`.
 * @throws TypeError if there is no such value; ShapeError if the size of the axis is unknown.
 */
export function replaceHead<P>(model: OnnxModel, options: HeadOptions<P>): OnnxModel {
  const { at, head, axis = -1, rng = new Rng('head') } = options;
  const value = valueNamed(model, at, 'replaceHead');
  const weights = new Map(model.source.weights);
  const prefix = unusedPrefix('head', weights);
  const graft = planted(head, prefix, head.init(rng, sizeOf(value, axis, at, 'replaceHead')));
  for (const [path, tensor] of graft.tensors) weights.set(path, { tensor, isTrained: true, of: at });
  const apply = (values: ReadonlyMap<string, Value>, given: ReadonlyMap<string, Value>) => {
    const result = graft.apply(values.get(at) as Value, given);
    return result instanceof Value ? { output: result } : result;
  };
  return new OnnxModel({ ...model.source, weights, ending: { from: [at], apply } });
}

const rebuild = treeFromLeaves as (like: unknown, named: ReadonlyMap<string, Value>) => unknown;

/** A graft whose parameters have names in the model. */
function planted<P, R>(
  graft: Graft<P, R>,
  prefix: string,
  params: P,
): { tensors: [string, Tensor][]; apply: (x: Value, given: Parameters<Insertion>[1]) => R } {
  const pathOf = (path: string) => (path === '' ? prefix : `${prefix}.${path}`);
  const tensors = leaves(params as Tree<Tensor>).map(([path, tensor]): [string, Tensor] => [pathOf(path), tensor]);
  return {
    tensors,
    apply: (x, given) => {
      const values = new Map(leaves(params as Tree<Tensor>).map(([path]) => [path, given.get(pathOf(path))!]));
      return graft.apply(rebuild(params, values) as MapLeaves<P, Tensor, Value>, x);
    },
  };
}

/** The prefix, numbered if parameters begin with it already. */
function unusedPrefix(wanted: string, weights: ReadonlyMap<string, Weight>): string {
  const isUsed = (prefix: string) =>
    [...weights.keys()].some((name) => name === prefix || name.startsWith(`${prefix}.`));
  let prefix = wanted;
  for (let i = 2; isUsed(prefix); i++) prefix = `${wanted}#${i}`;
  return prefix;
}

function nodeValues(model: OnnxModel): string[] {
  return [...model.values].filter(([, value]) => value.origin.kind === 'node').map(([name]) => name);
}

function valueNamed(model: OnnxModel, name: string, subject: string): Value {
  const value = model.values.get(name);
  if (value === undefined) {
    const some = nodeValues(model)
      .slice(0, 5)
      .map((known) => JSON.stringify(known));
    throw new TypeError(
      `${subject}: there is no value "${name}" that the outputs need; there are ${some.join(', ')}, ...`,
    );
  }
  return value;
}

function sizeOf(value: Value, axis: number, name: string, subject: string): number {
  const dim: Dim | undefined = value.shape[normalizeAxis(axis, value.rank, subject)];
  if (typeof dim !== 'number') {
    throw new ShapeError(`${subject}: axis ${axis} of "${name}" must have a known size, got ${value}`);
  }
  return dim;
}
