/** @file Cases of attention and rotary positions, in ONNX's form and in ONNX Runtime's own. */
import { float32, int64, Tensor } from '../../src/engine/core/index.ts';
import {
  type AttentionOptions,
  type Attributes,
  applyOp,
  attention,
  type attentionContribOps,
  type attentionOps,
  constant,
  ops,
  rotaryEmbedding,
  type Value,
} from '../../src/engine/graph/index.ts';
import { float, int, ints } from '../../src/engine/graph/value.ts';
import { type GradientCase, type OperandSpec, uniform } from './checker.ts';

const whole = (values: readonly number[], shape: readonly number[] = [values.length]) =>
  constant(new Tensor('int32', shape, Int32Array.from(values)));
const yes = (values: readonly number[], shape: readonly number[]) =>
  constant(new Tensor('bool', shape, Uint8Array.from(values)));

const heads4 = [uniform([1, 2, 3, 2]), uniform([1, 2, 4, 2]), uniform([1, 2, 4, 3])];

const plain = (name: string, options: AttentionOptions, operands: readonly OperandSpec[] = heads4): GradientCase => ({
  name: `Attention ${name}`,
  operands,
  apply: ([q, k, v, mask]) => attention(q!, k!, v!, mask ? { ...options, mask } : options),
  dtype: 'float32',
  tolerance: 1e-3,
});

/** All outputs of an application, whose inputs are the operands at the given places and constants elsewhere. */
const applied = (
  name: string,
  opType: keyof typeof attentionOps | keyof typeof attentionContribOps,
  operands: readonly OperandSpec[],
  places: readonly number[],
  attributes: Attributes,
  more: { readonly constants?: Readonly<Record<number, Value>>; readonly outputs?: readonly number[] } = {},
): GradientCase => ({
  name: `${opType} ${name}`,
  operands,
  apply: (values) => {
    const inputs: (Value | undefined)[] = [];
    for (const [at, value] of Object.entries(more.constants ?? {})) inputs[Number(at)] = value;
    places.forEach((at, i) => {
      inputs[at] = values[i];
    });
    const results = applyOp(ops[opType], Array.from(inputs), attributes);
    return (more.outputs ?? [0]).map((i) => results[i]!);
  },
  dtype: 'float32',
  tolerance: 1e-3,
});

const cached = [...heads4, uniform([1, 2, 2, 2]), uniform([1, 2, 2, 3])];
const scoresAt = (stage: number): GradientCase =>
  applied(
    `by its scores at stage ${stage}`,
    'Attention',
    [...heads4, uniform([3, 4])],
    [0, 1, 2, 3],
    {
      qk_matmul_output_mode: int(stage),
      softcap: float(1.5),
    },
    { outputs: [0, 3] },
  );

const angles = (rows: number, shape = [rows, 2]) =>
  [Math.cos, Math.sin].map((f) =>
    constant(
      float32(
        Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => f(0.7 * i + 0.2)),
        shape,
      ),
    ),
  ) as [Value, Value];

const two = { num_heads: int(2) };
const projection = [uniform([2, 3, 3]), uniform([3, 12]), uniform([12])];
const three = [uniform([2, 3, 4]), uniform([2, 4, 4]), uniform([2, 4, 6])];
const grouped = { num_heads: int(2), kv_num_heads: int(1) };
/** The lengths less 1, and the longest: of a prompt of 3. */
const prompt = { 5: whole([2]), 6: whole([3], [1]) };
const groups = [uniform([1, 3, 32], -0.7, 0.7), uniform([1, 3, 16], -0.7, 0.7), uniform([1, 3, 16], -0.7, 0.7)];

/** The cases of attention. */
export const attentionCases = {
  Attention: [
    plain('of heads', {}),
    { ...plain('of heads in double precision', { scale: 0.4 }), dtype: 'float64', tolerance: 1e-6 },
    plain('that is causal', { causal: true }),
    plain('with a mask that is added', {}, [...heads4, uniform([3, 4])]),
    plain('with a mask for each head', {}, [...heads4, uniform([1, 2, 3, 4])]),
    plain('with a mask of truths', { mask: yes([1, 1, 0, 1, 0, 1, 1, 1, 1, 0, 0, 1], [3, 4]) }),
    plain('with bent scores', { softcap: 1.2, scale: 0.9 }),
    plain('of queries in groups', { causal: true }, [
      uniform([1, 4, 3, 2]),
      uniform([1, 2, 3, 2]),
      uniform([1, 2, 3, 2]),
    ]),
    plain('of features that are heads together', { numHeads: 4, numKeyHeads: 2 }, [
      uniform([2, 3, 8]),
      uniform([2, 2, 4]),
      uniform([2, 2, 6]),
    ]),
    applied(
      'after keys from before',
      'Attention',
      cached,
      [0, 1, 2, 4, 5],
      { is_causal: int(1) },
      { outputs: [0, 1, 2] },
    ),
    applied(
      'over keys that are not padding',
      'Attention',
      [uniform([2, 1, 2, 2]), uniform([2, 1, 3, 2]), uniform([2, 1, 3, 2]), uniform([2, 3])],
      [0, 1, 2, 3],
      {},
      {
        constants: { 6: constant(int64([2, 1])) },
      },
    ),
    ...[0, 1, 2, 3].map(scoresAt),
  ],
  RotaryEmbedding: [
    {
      name: 'RotaryEmbedding of halves',
      operands: [uniform([1, 2, 3, 4])],
      apply: ([x]) => rotaryEmbedding(x!, ...angles(3, [1, 3, 2])),
      dtype: 'float32',
    },
    {
      name: 'RotaryEmbedding of neighbours by position',
      operands: [uniform([2, 2, 8])],
      apply: ([x]) =>
        rotaryEmbedding(x!, ...angles(5), {
          positions: constant(int64([4, 0, 2, 2], [2, 2])),
          interleaved: true,
          numHeads: 2,
        }),
      dtype: 'float32',
    },
    {
      name: 'RotaryEmbedding of some features',
      operands: [uniform([1, 1, 2, 6])],
      apply: ([x]) => rotaryEmbedding(x!, ...angles(2, [1, 2, 2]), { rotaryDim: 4 }),
      dtype: 'float32',
    },
  ],
  'com.microsoft.Attention': [
    applied('of a projection', 'com.microsoft.Attention', projection, [0, 1, 2], two),
    applied(
      'that is causal, with its keys',
      'com.microsoft.Attention',
      projection,
      [0, 1, 2],
      { ...two, unidirectional: int(1) },
      { outputs: [0, 1] },
    ),
    applied(
      'of values of another size',
      'com.microsoft.Attention',
      [uniform([1, 3, 3]), uniform([3, 14]), uniform([14])],
      [0, 1, 2],
      {
        ...two,
        qkv_hidden_sizes: ints([4, 4, 6]),
      },
    ),
    applied('with lengths', 'com.microsoft.Attention', projection, [0, 1, 2], two, { constants: { 3: whole([2, 3]) } }),
    applied('with ends and starts', 'com.microsoft.Attention', projection, [0, 1, 2], two, {
      constants: { 3: whole([3, 2, 1, 0]) },
    }),
    applied('with a mask of keys', 'com.microsoft.Attention', projection, [0, 1, 2], two, {
      constants: { 3: whole([1, 0, 1, 1, 1, 0], [2, 3]) },
    }),
    applied('with a past', 'com.microsoft.Attention', [...projection, uniform([2, 2, 2, 1, 2])], [0, 1, 2, 4], two, {
      outputs: [0, 1],
    }),
    applied(
      'with a bias of scores',
      'com.microsoft.Attention',
      [...projection, uniform([1, 2, 3, 3])],
      [0, 1, 2, 5],
      two,
    ),
  ],
  'com.microsoft.MultiHeadAttention': [
    applied('with a bias', 'com.microsoft.MultiHeadAttention', [...three, uniform([14])], [0, 1, 2, 3], two),
    applied(
      'with a mask and a bias of scores',
      'com.microsoft.MultiHeadAttention',
      [...three, uniform([1, 2, 3, 4])],
      [0, 1, 2, 5],
      { ...two, scale: float(0.6) },
      { constants: { 4: whole([1, 1, 0, 1, 1, 1, 1, 0], [2, 4]) } },
    ),
    applied(
      'that is causal after keys from before',
      'com.microsoft.MultiHeadAttention',
      [uniform([1, 2, 4]), uniform([1, 2, 4]), uniform([1, 2, 4]), uniform([1, 2, 2, 2]), uniform([1, 2, 2, 2])],
      [0, 1, 2, 6, 7],
      { ...two, unidirectional: int(1) },
      { outputs: [0, 1, 2] },
    ),
    applied(
      'over keys that have heads',
      'com.microsoft.MultiHeadAttention',
      [uniform([1, 2, 4]), uniform([1, 2, 3, 2]), uniform([1, 2, 3, 2])],
      [0, 1, 2],
      two,
    ),
  ],
  'com.microsoft.GroupQueryAttention': [
    applied('of a prompt', 'com.microsoft.GroupQueryAttention', groups, [0, 1, 2], grouped, {
      constants: prompt,
      outputs: [0, 1, 2],
    }),
    applied(
      'of a prompt whose positions turn',
      'com.microsoft.GroupQueryAttention',
      groups,
      [0, 1, 2],
      { ...grouped, do_rotary: int(1) },
      {
        constants: { ...prompt, 7: angles(3, [3, 8])[0], 8: angles(3, [3, 8])[1] },
      },
    ),
    applied(
      'of a packed prompt with bent scores and a window',
      'com.microsoft.GroupQueryAttention',
      [uniform([1, 3, 32], -0.7, 0.7)],
      [0],
      { ...grouped, softcap: float(2), local_window_size: int(2) },
      { constants: prompt },
    ),
  ],
  'com.microsoft.RotaryEmbedding': [
    applied(
      'from a position on',
      'com.microsoft.RotaryEmbedding',
      [uniform([1, 2, 4])],
      [0],
      {},
      {
        constants: { 1: constant(int64([1])), 2: angles(4)[0], 3: angles(4)[1] },
      },
    ),
    applied(
      'of neighbours by position',
      'com.microsoft.RotaryEmbedding',
      [uniform([2, 2, 2, 4])],
      [0],
      { interleaved: int(1) },
      {
        constants: { 1: constant(int64([3, 0, 1, 1], [2, 2])), 2: angles(4)[0], 3: angles(4)[1] },
      },
    ),
  ],
} as const satisfies {
  readonly [Op in keyof typeof attentionOps | keyof typeof attentionContribOps]?: readonly GradientCase[];
};
