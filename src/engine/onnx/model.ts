/**
 * @file Imported models: ONNX files as functions over named parameters, that can be traced, differentiated, trained, cut and
 * changed like functions written here.
 */
import { DtypeError, formatShape, isRanked, type Shape, ShapeError, Tensor } from '../core/index.ts';
import {
  constant,
  type Graph,
  graphOf,
  type NamedValue,
  replay,
  Value,
  ValueSpec,
  type ValueType,
} from '../graph/index.ts';
import { type Binding, buildModel, neededNodes } from './build.ts';
import { graphsIn } from './check.ts';
import type { ModelMessage } from './messages.ts';

/** Parameters or inputs by name: values while a function is traced, tensors for what is constant in it. */
export type NamedOperands = Readonly<Record<string, Value | Tensor>>;

/** How a model is applied. */
export interface ApplyOptions {
  /** Whether what is known before a run (the arithmetic on shapes, above all) is computed now; yes if absent. */
  readonly fold?: boolean;
  /** Loops of at most this many steps, known now, are written out, so that derivatives flow through them; 256 if absent. */
  readonly unroll?: number;
}

/** What becomes a graph. */
export interface ToGraphOptions {
  /** Shapes of inputs that are to differ from the file's, by name; a dimension may be a name (`'batch'`). */
  readonly inputs?: Readonly<Record<string, Shape>>;
  /** Parameters in place of the model's own, after training, say. */
  readonly params?: Readonly<Record<string, Tensor>>;
  /** Whether what is known before a run is computed now; no if absent. */
  readonly fold?: boolean;
}

/** A tensor that can be given from outside, and the named value that goes when it does. */
export interface Weight {
  readonly tensor: Tensor;
  readonly isTrained: boolean;
  readonly of: string;
}

/** What changes a named value: given the value, what stands for it. */
export type Insertion = (value: Value, weights: ReadonlyMap<string, Value>) => Value;

/** What a model ends in: outputs made of values of its graph. */
export interface Ending {
  /** The values of the graph that it needs. */
  readonly from: readonly string[];
  apply(values: ReadonlyMap<string, Value>, weights: ReadonlyMap<string, Value>): Readonly<Record<string, Value>>;
}

/** A model as edited so far: the file, and what is to be different. */
export interface ModelSource {
  readonly message: ModelMessage;
  readonly weights: ReadonlyMap<string, Weight>;
  readonly insertions: ReadonlyMap<string, Insertion>;
  readonly ending: Ending;
}

/** An ONNX model as a function of named parameters and inputs. Made by `importOnnx`; editing returns new models. */
export class OnnxModel {
  /** The computation as the file states it, weights as constants under their names. */
  readonly graph: Graph;
  /** The type of each input, by name. */
  readonly inputs: Readonly<Record<string, ValueType>>;
  /** The type of each output, by name. */
  readonly outputs: Readonly<Record<string, ValueType>>;
  /** The weights that can be trained, by their names in the file; those of adapters and heads among them. */
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** The weights that `freeze` has taken out of `parameters`. */
  readonly frozen: ReadonlyMap<string, Tensor>;
  /** Every named value of the graph that the outputs need; at these names a model can be cut and adapters inserted. */
  readonly values: ReadonlyMap<string, Value>;
  /** The operator sets that the file goes by. */
  readonly opsets: ReadonlyMap<string, number>;
  /** The key-value pairs that the file carries. */
  readonly metadata: ReadonlyMap<string, string>;
  /** What the model is made of, for the functions that edit it. */
  readonly source: ModelSource;

  /** Use `importOnnx`. */
  constructor(source: ModelSource) {
    const { message } = source;
    const needed = neededNodes(message.graph, source.ending.from).names;
    this.source = { ...source, weights: new Map([...source.weights].filter(([, weight]) => needed.has(weight.of))) };
    this.opsets = message.opsets;
    this.metadata = message.metadata;
    this.parameters = tensorsOf(this.source, true);
    this.frozen = tensorsOf(this.source, false);
    const inputs = inputTypes(message);
    this.inputs = Object.fromEntries(inputs);
    const named = [...inputs].map(([name, type]) => ({ name, value: new Value(type, { kind: 'input', name }) }));
    const given = new Map(named.map(({ name, value }) => [name, value]));
    const { outputs, values } = this.#build(given, new Map(), { fold: false, statedShapes: true });
    this.graph = graphOf(named, outputs);
    this.outputs = Object.fromEntries(outputs.map(({ name, value }) => [name, value]));
    this.values = values;
  }

  /** The parameters as a tree, as training steps take them. */
  get params(): Record<string, Tensor> {
    return Object.fromEntries(this.parameters);
  }

  /**
   * The outputs by name, of the model applied to inputs. A parameter that is not given is the model's own, as a constant. Where
   * the shapes of the inputs are numbers, what the model computes of shapes folds away.
   * @throws TypeError if an input is missing or a name is unknown; ShapeError, DtypeError naming the node that refuses.
   */
  apply(params: NamedOperands, inputs: NamedOperands, options: ApplyOptions = {}): Record<string, Value> {
    const weights = this.#given('parameter', params, this.parameters);
    const types = new Map(Object.entries(this.inputs));
    const values = this.#given('input', inputs, types);
    for (const name of types.keys()) {
      if (!values.has(name)) throw new TypeError(`OnnxModel: the input "${name}" is missing`);
    }
    const binding = { fold: options.fold ?? true, statedShapes: false };
    if (binding.fold && this.source.message.graph.nodes.some((node) => graphsIn(node).length > 0)) {
      return this.#unrolled(values, weights, options.unroll ?? 256);
    }
    return Object.fromEntries(this.#build(values, weights, binding).outputs.map(({ name, value }) => [name, value]));
  }

  /** The model as a graph, for `compile`, `exportOnnx` or `printGraph`; weights are constants under their names. */
  toGraph(options: ToGraphOptions = {}): Graph {
    if (options.inputs === undefined && options.params === undefined && !options.fold) return this.graph;
    const types = new Map(Object.entries(this.inputs));
    for (const [name, shape] of Object.entries(options.inputs ?? {})) {
      const type = types.get(name);
      if (type === undefined)
        throw new TypeError(`OnnxModel: there is no input "${name}"; it has ${[...types.keys()].join(', ')}`);
      types.set(name, { ...type, shape });
    }
    const named = [...types].map(([name, type]) => ({ name, value: new Value(type, { kind: 'input', name }) }));
    const values = new Map(named.map(({ name, value }) => [name, value]));
    const given = this.#given('parameter', options.params ?? {}, this.parameters);
    const binding = { fold: options.fold ?? false, statedShapes: options.inputs === undefined };
    return graphOf(named, this.#build(values, given, binding).outputs);
  }

  #given(kind: string, operands: NamedOperands, types: ReadonlyMap<string, ValueType>): Map<string, Value> {
    return new Map(
      Object.entries(operands).map(([name, operand]) => {
        const type = types.get(name);
        if (type === undefined) throw new TypeError(`OnnxModel: there is no ${kind} "${name}"`);
        if (operand.dtype !== type.dtype) {
          throw new DtypeError(`OnnxModel: the ${kind} "${name}" is ${type.dtype}, got ${operand.dtype}`);
        }
        if (isRanked(type.shape) && isRanked(operand.shape) && operand.shape.length !== type.shape.length) {
          throw new ShapeError(
            `OnnxModel: the ${kind} "${name}" is ${formatShape(type.shape)}, got ${formatShape(operand.shape)}`,
          );
        }
        return [name, operand instanceof Tensor ? constant(operand, name) : operand];
      }),
    );
  }

  #build(
    inputs: ReadonlyMap<string, Value>,
    given: ReadonlyMap<string, Value>,
    options: Pick<Binding, 'fold' | 'statedShapes'>,
  ): { outputs: NamedValue[]; values: ReadonlyMap<string, Value> } {
    const { message, weights: own, insertions, ending } = this.source;
    const weights = new Map([...own].map(([name, { tensor }]) => [name, given.get(name) ?? constant(tensor, name)]));
    const values = buildModel(message, {
      ...options,
      inputs,
      outputs: ending.from,
      weight: (name, tensor) => weights.get(name) ?? constant(tensor, name),
      replace: (name, value) => insertions.get(name)?.(value, weights) ?? value,
    });
    const outputs = Object.entries(ending.apply(values, weights)).map(([name, value]) => ({ name, value }));
    return { outputs, values };
  }

  /** Builds over inputs of its own first: writing loops out starts from a graph with ends. */
  #unrolled(
    inputs: ReadonlyMap<string, Value>,
    weights: ReadonlyMap<string, Value>,
    unroll: number,
  ): Record<string, Value> {
    const given = [...inputs, ...weights].filter(([, value]) => value.origin.kind !== 'constant');
    const own = given.map(([name, value], i) => ({
      name: `${i}`,
      key: name,
      value: new Value(value, { kind: 'input', name: `${i}` }),
    }));
    const numInputs = given.filter(([name, value]) => inputs.get(name) === value).length;
    const binding = { fold: true, statedShapes: false };
    const { outputs } = this.#build(
      new Map([...inputs, ...own.slice(0, numInputs).map(({ key, value }) => [key, value] as const)]),
      new Map([...weights, ...own.slice(numInputs).map(({ key, value }) => [key, value] as const)]),
      binding,
    );
    const graph = graphOf(
      own,
      outputs.map(({ value }, i) => ({ name: `output ${i}`, value })),
    );
    const results = replay(
      graph,
      given.map(([, value]) => value),
      { fold: true, unroll },
    );
    return Object.fromEntries(outputs.map(({ name }, i) => [name, results[i]!]));
  }
}

/** The inputs of a model that are not initializers: those have their value already. */
function inputTypes(message: ModelMessage): Map<string, ValueType> {
  return new Map(
    message.graph.inputs.flatMap(({ name, type }) => {
      if (message.graph.initializers.has(name)) return [];
      if (type === undefined) throw new ShapeError(`importOnnx: the type of the input "${name}" is not stated`);
      return [[name, type] as [string, ValueType]];
    }),
  );
}

function tensorsOf(source: ModelSource, isTrained: boolean): Map<string, Tensor> {
  const chosen = [...source.weights].filter(([, weight]) => weight.isTrained === isTrained);
  return new Map(chosen.map(([name, { tensor }]) => [name, tensor]));
}

/** The inputs of a model as specs, for `trace`. */
export function inputSpecs(model: OnnxModel): Record<string, ValueSpec> {
  return Object.fromEntries(
    Object.entries(model.inputs).map(([name, { dtype, shape }]) => [name, new ValueSpec(dtype, shape)]),
  );
}
