/**
 * @file What is left of ONNX Runtime's own ops (com.microsoft) that exported models hold: distances, experts, packed weights, windows
 * over sequences, hashes. With them BitCast, which reads the bits of one type as another (operator set 26).
 */
import {
  type Dtype,
  DtypeError,
  dtypes,
  formatShape,
  isRanked,
  normalizeAxis,
  ShapeError,
  unknownDim,
} from '../../core/index.ts';
import { constantOf } from '../constants.ts';
import { dtypeOfElemType } from '../elem-types.ts';
import { type Attributes, defineOp, intOf, type OpDefinition, type Value, type ValueType } from '../value.ts';
import { convolutionOps } from './convolution.ts';
import { dimOf, dividedDim, Letters } from './letters.ts';
import { requireDtype, required, requireSameDtype } from './operand.ts';
import { asReal, requireBytes, requireOneScale } from './quantize.ts';

type Inputs = readonly (Value | undefined)[];

const define = <T extends string>(opType: T, infer: OpDefinition['infer']) => defineOp(opType, infer, 'com.microsoft');

/** ONNX's QLinearConv, over pictures whose channels may be last. */
function qLinearConv(inputs: Inputs, attributes: Attributes): ValueType[] {
  const opType = 'QLinearConv';
  const [x, xScale, xZero, w, wScale, wZero, yScale, yZero] = Array.from({ length: 8 }, (_, i) =>
    required(opType, inputs, i),
  ) as [Value, Value, Value, Value, Value, Value, Value, Value];
  requireBytes(opType, x, xZero, yZero);
  requireBytes(opType, w, wZero);
  requireOneScale(opType, xScale, xZero);
  requireDtype(opType, 'the scale of w', wScale, 'float32');
  requireOneScale(opType, yScale, yZero);
  if (inputs[8]) requireDtype(opType, 'the bias', inputs[8], 'int32');
  const last = intOf(attributes, 'channels_last', 0) === 1;
  const picture = last && isRanked(x.shape) ? [x.shape[0]!, x.shape.at(-1)!, ...x.shape.slice(1, -1)] : x.shape;
  const operands = [asReal({ shape: picture }), asReal(w), inputs[8] && asReal(inputs[8])];
  const { shape } = convolutionOps.Conv.infer(operands, attributes)[0]!;
  const back = last && isRanked(shape) ? [shape[0]!, ...shape.slice(2), shape[1]!] : shape;
  return [{ dtype: x.dtype, shape: back }];
}

function distances(inputs: Inputs): ValueType[] {
  const [a, b] = [required('CDist', inputs, 0), required('CDist', inputs, 1)];
  requireDtype('CDist', 'operands', a, 'float32', 'float64');
  requireSameDtype('CDist', a, b);
  const letters = new Letters('CDist');
  letters.match('a', a, 'M', 'K');
  letters.match('b', b, 'N', 'K');
  return [{ dtype: a.dtype, shape: [letters.of('M'), letters.of('N')] }];
}

/** Experts `[E, ...]`, of which each row of x goes through the k that score highest. */
function experts(inputs: Inputs): ValueType[] {
  const opType = 'MoE';
  const [x, router, first, second] = [0, 1, 2, 4].map((i) => required(opType, inputs, i)) as [
    Value,
    Value,
    Value,
    Value,
  ];
  requireDtype(opType, 'x', x, 'float32', 'float16');
  requireSameDtype(opType, x, router, first, inputs[3], second, inputs[5]);
  if (isRanked(x.shape) && x.rank !== 2 && x.rank !== 3) {
    throw new ShapeError(`${opType}: x must be [rows,D] or [B,T,D], got ${formatShape(x.shape)}`);
  }
  const letters = new Letters(opType, { D: dimOf(x.shape, x.rank - 1) });
  letters.match('the scores', router, 'R', 'E');
  letters.match('the first weights', first, 'E', 'F', 'D');
  letters.match('the second weights', second, 'E', 'D', 'G');
  return [{ dtype: x.dtype, shape: x.shape }];
}

function packedProduct(inputs: Inputs, attributes: Attributes): ValueType[] {
  const opType = 'MatMulBnb4';
  const [a, b, scales] = [0, 1, 2].map((i) => required(opType, inputs, i)) as [Value, Value, Value];
  requireDtype(opType, 'a', a, 'float32', 'float16', 'bfloat16');
  requireDtype(opType, 'the weights', b, 'uint8');
  requireSameDtype(opType, a, scales);
  const [rows, columns] = [intOf(attributes, 'K', 0), intOf(attributes, 'N', 0)];
  new Letters(opType).match('the weights', b, Math.ceil((rows * columns) / 2));
  new Letters(opType).match('the scales', scales, Math.ceil((rows * columns) / intOf(attributes, 'block_size', 1)));
  if (!isRanked(a.shape)) return [{ dtype: a.dtype, shape: a.shape }];
  const lead = a.shape.slice(0, -1);
  new Letters(opType).match('a', a, ...lead.map((_, i) => `d${i}`), rows);
  return [{ dtype: a.dtype, shape: [...lead, columns] }];
}

function gridSample(inputs: Inputs): ValueType[] {
  const [x, grid] = [required('GridSample', inputs, 0), required('GridSample', inputs, 1)];
  requireDtype('GridSample', 'x', x, 'float32', 'float16', 'bfloat16');
  requireSameDtype('GridSample', x, grid);
  const letters = new Letters('GridSample');
  letters.match('x', x, 'B', 'C', 'h', 'w');
  letters.match('the grid', grid, 'B', 'H', 'W', 2);
  return [{ dtype: x.dtype, shape: ['B', 'C', 'H', 'W'].map((letter) => letters.of(letter)) }];
}

function range(inputs: Inputs): ValueType[] {
  const values = [required('Range', inputs, 0), required('Range', inputs, 1), inputs[2]];
  requireDtype('Range', 'operands', values[0]!, 'float32', 'float64', 'int16', 'int32', 'int64');
  requireSameDtype('Range', ...values);
  for (const value of values) {
    if (value && isRanked(value.shape) && value.rank !== 0) throw new ShapeError(`Range: needs scalars, got ${value}`);
  }
  const [start, limit, delta] = values.map((value) =>
    value === undefined ? 1 : Number(constantOf(value)?.data[0] ?? Number.NaN),
  );
  const count = Math.max(0, Math.ceil((limit! - start!) / delta!));
  return [{ dtype: values[0]!.dtype, shape: [Number.isFinite(count) ? count : unknownDim] }];
}

/** Windows of `size`, one every `step`, along an axis; they become a last axis. */
function unfold(inputs: Inputs, attributes: Attributes): ValueType[] {
  const x = required('UnfoldTensor', inputs, 0);
  if (!isRanked(x.shape)) return [{ dtype: x.dtype, shape: x.shape }];
  const axis = normalizeAxis(intOf(attributes, 'dim', -1), x.rank, 'UnfoldTensor');
  const [size, step] = [intOf(attributes, 'size', 1), intOf(attributes, 'step', 1)];
  const dim = x.shape[axis]!;
  if (typeof dim === 'number' && dim < size) {
    throw new ShapeError(`UnfoldTensor: windows of ${size} must fit into axis ${axis} of ${formatShape(x.shape)}`);
  }
  const count = typeof dim === 'number' ? Math.floor((dim - size) / step) + 1 : unknownDim;
  return [{ dtype: x.dtype, shape: [...x.shape.map((d, a) => (a === axis ? count : d)), size] }];
}

/** A depthwise convolution over the last steps of x `[B, C, T]` and those from before; the second output is what to go on with. */
function causalConv(inputs: Inputs): ValueType[] {
  const opType = 'CausalConvWithState';
  const [x, w] = [required(opType, inputs, 0), required(opType, inputs, 1)];
  requireDtype(opType, 'x', x, 'float32', 'float16', 'bfloat16');
  requireSameDtype(opType, x, w, inputs[2], inputs[3]);
  const letters = new Letters(opType);
  letters.match('x', x, 'B', 'C', 'T');
  letters.match('w', w, 'C', 1, 'k');
  letters.match('the bias', inputs[2], 'C');
  const kernel = letters.of('k');
  const kept = typeof kernel === 'number' ? kernel - 1 : unknownDim;
  letters.match('the state', inputs[3], 'B', 'C', typeof kept === 'number' ? kept : 's');
  return [
    { dtype: x.dtype, shape: ['B', 'C', 'T'].map((letter) => letters.of(letter)) },
    { dtype: x.dtype, shape: [letters.of('B'), letters.of('C'), kept] },
  ];
}

/** Attention without softmax: a state `[B, K, E, V]` that every step adds to; the second output is the last one. */
function linearAttention(inputs: Inputs, attributes: Attributes): ValueType[] {
  const opType = 'LinearAttention';
  const [q, k, v] = [0, 1, 2].map((i) => required(opType, inputs, i)) as [Value, Value, Value];
  requireDtype(opType, 'q', q, 'float32', 'float16', 'bfloat16');
  requireSameDtype(opType, q, k, v);
  const [heads, keyHeads] = [intOf(attributes, 'q_num_heads', 0), intOf(attributes, 'kv_num_heads', 0)];
  const letters = new Letters(opType);
  letters.match('q', q, 'B', 'T', 'Q');
  letters.match('k', k, 'B', 'T', 'D');
  letters.match('v', v, 'B', 'T', 'M');
  const features = dividedDim(opType, 'the features of q', letters.of('Q'), heads);
  const values = dividedDim(opType, 'the features of v', letters.of('M'), keyHeads);
  const outputHeads = Math.max(heads, keyHeads);
  const merged = typeof values === 'number' ? values * outputHeads : unknownDim;
  return [
    { dtype: q.dtype, shape: [letters.of('B'), letters.of('T'), merged] },
    { dtype: q.dtype, shape: [letters.of('B'), keyHeads, features, values] },
  ];
}

const hashed: readonly Dtype[] = ['uint32', 'int32', 'uint64', 'int64', 'float32', 'float64', 'string'];

/** The op definitions that no family of their own holds. */
export const assortedContribOps = {
  BitCast: defineOp(
    'BitCast',
    (inputs, attributes) => {
      const x = required('BitCast', inputs, 0);
      const dtype = dtypeOfElemType[intOf(attributes, 'to', 0)];
      if (dtype === undefined || x.dtype === 'string' || dtypes[dtype].bytes !== dtypes[x.dtype].bytes) {
        throw new DtypeError(
          `BitCast: the types must be of one size, got ${x} to ${dtype ?? intOf(attributes, 'to', 0)}`,
        );
      }
      return [{ dtype, shape: x.shape }];
    },
    '',
    { since: 26 },
  ),
  'com.microsoft.QLinearConv': { quantizes: true, ...define('QLinearConv', qLinearConv) },
  'com.microsoft.CDist': define('CDist', distances),
  'com.microsoft.MoE': define('MoE', experts),
  'com.microsoft.MatMulBnb4': define('MatMulBnb4', packedProduct),
  'com.microsoft.GridSample': define('GridSample', gridSample),
  'com.microsoft.Range': define('Range', range),
  'com.microsoft.UnfoldTensor': define('UnfoldTensor', unfold),
  'com.microsoft.CausalConvWithState': define('CausalConvWithState', causalConv),
  'com.microsoft.LinearAttention': define('LinearAttention', linearAttention),
  'com.microsoft.MurmurHash3': define('MurmurHash3', (inputs, attributes) => {
    const x = required('MurmurHash3', inputs, 0);
    requireDtype('MurmurHash3', 'x', x, ...hashed);
    return [{ dtype: intOf(attributes, 'positive', 1) === 1 ? 'uint32' : 'int32', shape: x.shape }];
  }),
  'com.microsoft.NGramRepeatBlock': define('NGramRepeatBlock', (inputs) => {
    const [tokens, scores] = [required('NGramRepeatBlock', inputs, 0), required('NGramRepeatBlock', inputs, 1)];
    requireDtype('NGramRepeatBlock', 'tokens', tokens, 'int64');
    requireDtype('NGramRepeatBlock', 'scores', scores, 'float32');
    const letters = new Letters('NGramRepeatBlock');
    letters.match('tokens', tokens, 'B', 'T');
    letters.match('scores', scores, 'B', 'V');
    return [{ dtype: scores.dtype, shape: scores.shape }];
  }),
} as const;
