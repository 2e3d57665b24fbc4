/**
 * @file What our shape inference and ONNX Runtime each say of one application of an op. ONNX Runtime is asked without our
 * inference: the node's outputs go through Shape, so that no type of ours is written into the model.
 */
import ort from 'onnxruntime-node';
import { type Dtype, dtypes, numElements, zeros } from '../../src/engine/core/index.ts';
import {
  type Attributes,
  constant,
  type Graph,
  graphOf,
  intOf,
  type NamedValue,
  type OpType,
  ops,
  Value,
} from '../../src/engine/graph/index.ts';
import { applyOp, defineOp, type OpDefinition } from '../../src/engine/graph/value.ts';
import { exportOnnx } from '../../src/engine/onnx/index.ts';

/** An operand: fed with ones when the model runs, or a constant of whole numbers, or absent. */
export type Operand =
  | { readonly dtype: Dtype; readonly shape: readonly number[]; readonly ints?: readonly number[] }
  | undefined;

/** One application of an op. */
export interface Application {
  readonly opType: OpType;
  readonly operands: readonly Operand[];
  readonly attributes: Attributes;
}

/** The types of the outputs, `float32[2,3] int64[2]`, or why there are none. */
export type Verdict = { readonly types: string } | { readonly refused: Error };

const shapeOp = defineOp('Shape', () => [{ dtype: 'int64', shape: ['rank'] }]);

function inputValues(application: Application): { values: (Value | undefined)[]; inputs: NamedValue[] } {
  const inputs: NamedValue[] = [];
  const values = application.operands.map((operand, i) => {
    if (operand === undefined) return undefined;
    if (operand.ints) {
      const tensor = zeros(operand.shape, operand.dtype);
      operand.ints.forEach((value, k) => {
        (tensor.data as unknown as (number | bigint)[])[k] = operand.dtype === 'int64' ? BigInt(value) : value;
      });
      return constant(tensor);
    }
    const value = new Value(operand, { kind: 'input', name: `operand${i}` });
    inputs.push({ name: `operand${i}`, value });
    return value;
  });
  return { values, inputs };
}

/** What our inference says. Errors of kinds that it must not throw are passed on. */
export function ourVerdict(application: Application): Verdict {
  try {
    const outputs = applyOp(ops[application.opType], inputValues(application).values, application.attributes);
    return { types: outputs.join(' ') };
  } catch (error) {
    if (!['ShapeError', 'DtypeError', 'RangeError'].includes((error as Error).name)) throw error;
    return { refused: error as Error };
  }
}

/** The graph of the application alone; undefined where our inference refuses it. */
export function graphOfApplication(application: Application): Graph | undefined {
  if ('refused' in ourVerdict(application)) return undefined;
  const { values, inputs } = inputValues(application);
  const outputs = applyOp(ops[application.opType], values, application.attributes);
  return graphOf(
    inputs,
    outputs.map((value, i) => ({ name: `output${i}`, value })),
  );
}

/** What ONNX Runtime says, having loaded and run the op. */
export async function runtimeVerdict(application: Application): Promise<Verdict> {
  const op: OpDefinition = ops[application.opType];
  const { values, inputs } = inputValues(application);
  const numParts = application.operands[1]?.ints?.length ?? intOf(application.attributes, 'num_outputs', 1);
  const count = application.opType === 'Split' ? numParts : outputsOf(application.opType);
  const free: OpDefinition = {
    opType: op.opType,
    domain: op.domain,
    ...(op.since === undefined ? {} : { since: op.since }),
    infer: () => Array.from({ length: count }, () => ({ dtype: 'float32' as const, shape: [] })),
  };
  const results = applyOp(free, values, application.attributes);
  const shapes = results.map((value, i) => ({ name: `shape${i}`, value: applyOp(shapeOp, [value])[0]! }));
  const model = exportOnnx(graphOf(inputs, shapes));
  let session: ort.InferenceSession | undefined;
  try {
    session = await ort.InferenceSession.create(model, {
      logSeverityLevel: 4,
      graphOptimizationLevel: 'disabled',
      intraOpNumThreads: 1,
    });
    const feeds = Object.fromEntries(inputs.map(({ name, value }) => [name, ones(value)]));
    const output = await session.run(feeds, { logSeverityLevel: 4 });
    const text = shapes.map(({ name }) => `[${Array.from(output[name]!.data as BigInt64Array).join(',')}]`);
    return { types: text.join(' ') };
  } catch (error) {
    return { refused: error as Error };
  } finally {
    await session?.release();
  }
}

/** Whether ONNX Runtime loads the op with the types that we infer written into the model, where it checks them. */
export async function loadsAsInferred(application: Application): Promise<Verdict> {
  const { values, inputs } = inputValues(application);
  const outputs = applyOp(ops[application.opType], values, application.attributes);
  const model = exportOnnx(
    graphOf(
      inputs,
      outputs.map((value, i) => ({ name: `output${i}`, value })),
    ),
  );
  try {
    const session = await ort.InferenceSession.create(model, { logSeverityLevel: 4, intraOpNumThreads: 1 });
    await session.release();
    return { types: outputs.join(' ') };
  } catch (error) {
    return { refused: error as Error };
  }
}

/** How many outputs are asked for, where it is more than one. */
const numOutputs: Partial<Record<OpType, number>> = {
  TopK: 2,
  'com.microsoft.Unique': 3,
  'com.microsoft.EmbedLayerNormalization': 2,
  RNN: 2,
  GRU: 2,
  LSTM: 3,
  Attention: 3,
  'com.microsoft.Attention': 2,
  'com.microsoft.MultiHeadAttention': 3,
  'com.microsoft.DecoderMaskedMultiHeadAttention': 3,
  'com.microsoft.GroupQueryAttention': 3,
  'com.microsoft.QAttention': 2,
  'com.microsoft.DynamicQuantizeLSTM': 3,
  DynamicQuantizeLinear: 3,
  StringSplit: 2,
  'com.microsoft.CausalConvWithState': 2,
  'com.microsoft.LinearAttention': 2,
  'ai.onnx.ml.LinearClassifier': 2,
  'ai.onnx.ml.SVMClassifier': 2,
  'ai.onnx.ml.TreeEnsembleClassifier': 2,
};

function outputsOf(opType: OpType): number {
  return numOutputs[opType] ?? 1;
}

function ones(value: Value): ort.Tensor {
  const shape = value.shape as readonly number[];
  const data = new dtypes[value.dtype].array(numElements(shape));
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data.fill(0n);
  else if (Array.isArray(data)) data.fill('');
  else data.fill(value.dtype === 'float32' || value.dtype === 'float64' ? 1 : 0);
  const Constructor = ort.Tensor as unknown as new (type: string, data: unknown, dims: readonly number[]) => ort.Tensor;
  return new Constructor(value.dtype, data, shape);
}

/** The shapes alone of our verdict on the outputs that ONNX Runtime was asked for. */
export function shapesOf(verdict: { readonly types: string }, opType: OpType): string {
  const shapes = verdict.types.split(' ').map((type) => type.replace(/^[a-z0-9]+/, ''));
  return (opType === 'Split' ? shapes : shapes.slice(0, outputsOf(opType))).join(' ');
}
