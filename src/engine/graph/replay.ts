/**
 * @file Replay: a graph applied again to other inputs. Every type is inferred afresh, so that a graph imported with symbolic
 * dimensions becomes static once its inputs are; what is known then folds away, and branches and loops with it.
 */
import { type Dim, dimsFit, isRanked, isStatic, ShapeError, sameShape, unknownDim } from '../core/index.ts';
import { constantOf } from './constants.ts';
import { foldOp } from './fold.ts';
import { type Graph, type Subgraph, subgraphOf } from './graph.ts';
import { bodyInputTypes, unrolled } from './ops/control-flow.ts';
import { commonShape, typeOf } from './ops/types.ts';
import { type Attributes, applyOpAs, dependenciesOf, type Node, opKey, Value, type ValueType } from './value.ts';

/** How a graph is replayed. */
export interface ReplayOptions {
  /** Whether what is known folds away (default: yes). */
  readonly fold?: boolean;
  /** Loops and scans of at most this many steps, known when the graph is replayed, become their steps (default: 0, none). */
  readonly unroll?: number;
  /** What stands for a node instead of its own op, also inside branches and loops; undefined keeps it. */
  readonly replace?: (node: Node, inputs: readonly (Value | undefined)[]) => readonly Value[] | undefined;
  /** Told of every value of the graph and what stands for it now. */
  readonly onValue?: (before: Value, after: Value) => void;
}

/**
 * The outputs of the graph, applied to other inputs: in the order of its inputs, or by their names.
 * @throws TypeError if an input is missing or unknown.
 * @throws ShapeError or DtypeError if an op refuses what it is given now.
 */
export function replay(
  graph: Graph,
  inputs: readonly Value[] | Readonly<Record<string, Value>>,
  options: ReplayOptions = {},
): Value[] {
  const scope = new Map<Value, Value>();
  const byName = Array.isArray(inputs) ? undefined : (inputs as Readonly<Record<string, Value>>);
  const given = byName ? graph.inputs.map(({ name }) => byName[name]) : (inputs as readonly Value[]);
  const stranger = Object.keys(byName ?? {}).find((name) => !graph.inputs.some((input) => input.name === name));
  if (stranger !== undefined) throw new TypeError(`replay: the graph has no input "${stranger}"`);
  if (given.length !== graph.inputs.length) {
    throw new TypeError(`replay: the graph has ${graph.inputs.length} inputs, got ${given.length}`);
  }
  graph.inputs.forEach(({ name, value }, i) => {
    const now = given[i];
    if (now === undefined) throw new TypeError(`replay: the input "${name}" is missing`);
    if (now.dtype !== value.dtype) throw new TypeError(`replay: the input "${name}" is ${value}, got ${now}`);
    scope.set(value, now);
    options.onValue?.(value, now);
  });
  return new Player(options, graph, given as readonly Value[]).play(graph, scope);
}

/** The graph between the same inputs, with its loops and scans of at most `maxSteps` known steps written out. */
export function unrollLoops(graph: Graph, maxSteps = 256): Value[] {
  return replay(
    graph,
    graph.inputs.map(({ value }) => value),
    { unroll: maxSteps },
  );
}

type Scope = Map<Value, Value>;

class Player {
  readonly #options: ReplayOptions;
  /** Values that stand for values of graphs around the one that is played: where the walk through a subgraph ends. */
  readonly #around = new Set<Value>();

  /** What was recorded of types, in words of now. */
  readonly #recorded: Recorded;

  constructor(options: ReplayOptions, graph: Graph, inputs: readonly Value[]) {
    this.#options = options;
    this.#recorded = recordedTypes(graph, inputs);
    if ('captures' in graph) for (const value of (graph as Subgraph).captures) this.#around.add(value);
  }

  /** The outputs of `graph`, with `scope` holding what stands for its inputs and for the values around it. */
  play(graph: Graph, scope: Scope): Value[] {
    for (const node of graph.nodes) {
      const outputs = this.#apply(node, scope);
      node.outputs.forEach((output, i) => {
        const now = outputs[i];
        if (now === undefined) return;
        scope.set(output, now);
        this.#options.onValue?.(output, now);
      });
    }
    return graph.outputs.map(({ value }) => standIn(value, scope)!);
  }

  #apply(node: Node, scope: Scope): readonly Value[] {
    const inputs = node.inputs.map((input) => standIn(input, scope));
    const replaced = this.#options.replace?.(node, inputs);
    if (replaced !== undefined) return replaced;
    const inlined = this.#inlined(node, inputs, scope);
    if (inlined !== undefined) return inlined;
    const isSame = inputs.every((input, i) => input === node.inputs[i]);
    if (isSame && !hasSubgraph(node) && !this.#folds) return node.outputs;
    const attributes = this.#attributes(node, inputs, scope);
    const folded = this.#folds ? foldOp(node.op, inputs, attributes) : undefined;
    if (folded !== undefined) return folded;
    if (isSame && attributes === node.attributes && node.outputs.every((output) => isStatic(output.shape))) {
      return node.outputs;
    }
    return applyOpAs(node.op, inputs, attributes, inferredTypes(node, inputs, attributes, this.#recorded));
  }

  get #folds(): boolean {
    return this.#options.fold !== false;
  }

  /** A branch whose condition is known, or a loop whose steps are, in place of the node. */
  #inlined(node: Node, inputs: readonly (Value | undefined)[], scope: Scope): readonly Value[] | undefined {
    const key = opKey(node.op);
    if (key === 'If' && this.#folds) {
      const condition = constantOf(inputs[0]);
      const branch = condition && node.attributes[condition.data[0] ? 'then_branch' : 'else_branch'];
      return branch?.kind === 'graph' ? this.play(branch.value, new Map(scope)) : undefined;
    }
    const most = this.#options.unroll ?? 0;
    if (most <= 0) return undefined;
    const body = node.attributes.body;
    if (body?.kind !== 'graph') return undefined;
    return unrolled(node.op, inputs, node.attributes, most, (given) => {
      const inside = new Map(scope);
      body.value.inputs.forEach(({ value }, i) => {
        inside.set(value, given[i]!);
      });
      return this.play(body.value, inside);
    });
  }

  /** The attributes with every subgraph played for what its captures stand for now. */
  #attributes(node: Node, inputs: readonly (Value | undefined)[], scope: Scope): Attributes {
    if (!hasSubgraph(node)) return node.attributes;
    const around = [...this.#around];
    for (const value of scope.values()) this.#around.add(value);
    const attributes = Object.fromEntries(
      Object.entries(node.attributes).map(([name, attribute]) => [
        name,
        attribute.kind === 'graph'
          ? { kind: 'graph' as const, value: this.#subgraph(node, attribute.value, inputs, scope) }
          : attribute,
      ]),
    );
    this.#around.clear();
    for (const value of around) this.#around.add(value);
    return attributes;
  }

  /**
   * A body for inputs of the types that come now. What a loop carries may change its shape from step to step: dimensions that
   * do are unknown, found by playing the body until its types hold still.
   */
  #subgraph(node: Node, body: Subgraph, inputs: readonly (Value | undefined)[], scope: Scope): Subgraph {
    let types = bodyInputTypes(node.op, inputs, node.attributes, body);
    for (let round = 0; ; round++) {
      const inside = new Map(scope);
      const named = body.inputs.map(({ name, value }, i) => {
        const now = new Value(types[i]!, { kind: 'input', name });
        inside.set(value, now);
        return { name, value: now };
      });
      const played = this.play(body, inside);
      const outputs = body.outputs.map(({ name }, i) => ({ name, value: played[i]! }));
      const widened = widenedTypes(node, types, played);
      if (widened === undefined || round > 8) return subgraphOf(named, outputs, (value) => this.#around.has(value));
      types = widened;
    }
  }
}

/** What stands for a value: constants for themselves, and so do values of a graph around that nothing has replaced. */
function standIn(value: Value | undefined, scope: Scope): Value | undefined {
  return value && (scope.get(value) ?? value);
}

function hasSubgraph(node: Node): boolean {
  return Object.values(node.attributes).some((attribute) => attribute.kind === 'graph');
}

/** The types of what a loop carries, made less definite where a step gives another; undefined where every step keeps them. */
function widenedTypes(node: Node, types: readonly ValueType[], played: readonly Value[]): ValueType[] | undefined {
  const carried = carriedBy(node);
  if (carried === undefined) return undefined;
  let changed = false;
  const widened = types.map((type, i) => {
    const after = played[i - carried.inputOffset + carried.outputOffset];
    if (i < carried.inputOffset || i >= carried.inputOffset + carried.count || after === undefined) return type;
    if (sameShape(type.shape, after.shape)) return type;
    const shape = commonShape(type.shape, after.shape);
    if (sameShape(shape, type.shape)) return type;
    changed = true;
    return { ...type, shape };
  });
  return changed ? widened : undefined;
}

/** Which inputs of a body are what its outputs give the next step. */
function carriedBy(node: Node): { inputOffset: number; outputOffset: number; count: number } | undefined {
  const body = node.attributes.body;
  if (body?.kind !== 'graph') return undefined;
  if (opKey(node.op) === 'Loop') return { inputOffset: 2, outputOffset: 1, count: body.value.inputs.length - 2 };
  if (opKey(node.op) !== 'Scan') return undefined;
  const scanned = node.attributes.num_scan_inputs;
  const numScanned = scanned?.kind === 'int' ? scanned.value : 0;
  return { inputOffset: 0, outputOffset: 0, count: body.value.inputs.length - numScanned };
}

/** The type that a graph recorded for a value, as far as it holds for the inputs of now; undefined where it need not. */
type Recorded = (before: ValueType) => ValueType | undefined;

/**
 * A dimension that was a name is what the name is now; one that was a number holds on unless an input now has another number.
 */
function recordedTypes(graph: Graph, inputs: readonly Value[]): Recorded {
  const names = new Map<string, Dim>();
  let holds = true;
  graph.inputs.forEach(({ value }, i) => {
    const now = inputs[i]!;
    if (!isRanked(value.shape)) return;
    if (value.shape.length !== now.shape.length) holds = false;
    value.shape.forEach((dim, axis) => {
      const dimNow = now.shape[axis] ?? unknownDim;
      if (typeof dim === 'number') holds &&= dim === dimNow;
      else if (dim !== unknownDim) names.set(dim, (names.get(dim) ?? dimNow) === dimNow ? dimNow : unknownDim);
    });
  });
  const own = [...names.keys()];
  const now = (dim: Dim): Dim => {
    if (typeof dim === 'number') return dim;
    const mentions = own.some((name) => dim !== name && dim.includes(name) && names.get(name) !== name);
    return names.get(dim) ?? (mentions ? unknownDim : dim);
  };
  return (before) =>
    holds ? { ...before, shape: isRanked(before.shape) ? before.shape.map(now) : before.shape } : undefined;
}

/**
 * The types of the outputs on the inputs of now. Where inputs are not fully known, inference may fail or say less than the
 * graph said before; what it said holds on.
 */
function inferredTypes(
  node: Node,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes,
  recorded: Recorded,
): readonly ValueType[] {
  const before = node.outputs.map((output) => recorded(typeOf(output)));
  try {
    return node.op.infer(inputs, attributes).map((type, i) => refined(type, before[i]));
  } catch (error) {
    const needs = dependenciesOf({ ...node, inputs, attributes });
    const isKnown = needs.every((input) => input === undefined || isStatic(input.shape));
    const isOfShapes = error instanceof ShapeError || error instanceof RangeError;
    if (isKnown || !isOfShapes || !before.every((type) => type !== undefined)) throw error;
    return before;
  }
}

/** A type with what is not known of it taken from what was recorded, where the two do not contradict. */
function refined(type: ValueType, before: ValueType | undefined): ValueType {
  if (before === undefined || before.dtype !== type.dtype || !isRanked(before.shape)) return type;
  if (!isRanked(type.shape)) return { ...type, shape: before.shape };
  if (!type.shape.includes(unknownDim) || type.shape.length !== before.shape.length) return type;
  if (!type.shape.every((dim, axis) => dimsFit(dim, before.shape[axis]))) return type;
  return { ...type, shape: type.shape.map((dim, axis) => (dim === unknownDim ? before.shape[axis]! : dim)) };
}
