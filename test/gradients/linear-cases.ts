/** @file Cases of the matrix products. */
import { type Attributes, applyOp, fusedMatMul, gemm, linearOps, matMul } from '../../src/engine/graph/index.ts';
import { float, int, string } from '../../src/engine/graph/value.ts';
import { type GradientCase, uniform } from './checker.ts';

type Shape = readonly number[];

const product = (what: string, a: Shape, b: Shape, dtype: 'float32' | 'float64' = 'float64'): GradientCase => ({
  name: `MatMul ${what}`,
  operands: [uniform(a), uniform(b)],
  apply: ([x, y]) => matMul(x!, y!),
  dtype,
});

const flags = [false, true];

const fusedCases: GradientCase[] = flags.flatMap((transA) =>
  flags.flatMap((transB) =>
    [[2], [], [2, 1]].map((lead): GradientCase => {
      const a = [...lead, ...(transA ? [3, 2] : [2, 3])];
      const b = [...(lead.length > 1 ? [1, 2] : lead), ...(transB ? [4, 3] : [3, 4])];
      return {
        name: `FusedMatMul of [${a}]${transA ? 'ᵀ' : ''} and [${b}]${transB ? 'ᵀ' : ''}`,
        operands: [uniform(a), uniform(b)],
        apply: ([x, y]) => fusedMatMul(x!, y!, { transA, transB, alpha: 0.5 }),
        dtype: 'float32',
      };
    }),
  ),
);

const gemmCases: GradientCase[] = flags.flatMap((transA) =>
  flags.map((transB): GradientCase => {
    const c = transA ? (transB ? [2, 1] : [4]) : transB ? [2, 4] : [];
    return {
      name: `Gemm${transA ? ' aᵀ' : ''}${transB ? ' bᵀ' : ''} with c [${c}]`,
      operands: [uniform(transA ? [3, 2] : [2, 3]), uniform(transB ? [4, 3] : [3, 4]), uniform(c)],
      apply: ([x, y, z]) => gemm(x!, y!, z!, { transA, transB, alpha: 1.5, beta: -0.5 }),
    };
  }),
);

const transposeMatMul = (what: string, a: Shape, b: Shape, attributes: Attributes): GradientCase => ({
  name: `TransposeMatMul ${what}`,
  operands: [uniform(a), uniform(b)],
  apply: (operands) => applyOp(linearOps['com.microsoft.TransposeMatMul'], operands, attributes),
  dtype: 'float32',
});

const fusedGemm = (activation: string, attributes: Attributes): GradientCase => ({
  name: `FusedGemm with ${activation}`,
  operands: [uniform(attributes.transA ? [3, 2] : [2, 3]), uniform([3, 4]), uniform([4])],
  apply: (operands) =>
    applyOp(linearOps['com.microsoft.FusedGemm'], operands, { activation: string(activation), ...attributes }),
  dtype: 'float32',
});

/** The cases of the matrix products. */
export const linearCases = {
  MatMul: [
    product('of matrices', [2, 3], [3, 4]),
    product('of a stack and a matrix', [2, 2, 3], [3, 2]),
    product('of a matrix and a stack', [2, 3], [2, 3, 2]),
    product('of stacks', [2, 2, 3], [2, 3, 2]),
    product('of stacks that broadcast', [2, 1, 2, 3], [3, 3, 2]),
    product('of vectors', [3], [3]),
    product('of a vector and a stack', [3], [2, 3, 2]),
    product('of a stack and a vector', [2, 2, 3], [3]),
    product('of a matrix and a vector', [2, 3], [3]),
    product('of stacks in float32', [2, 2, 3], [1, 3, 2], 'float32'),
  ],
  'com.microsoft.FusedMatMul': [
    ...fusedCases,
    {
      name: 'FusedMatMul of a stack and a transposed matrix',
      operands: [uniform([2, 2, 3]), uniform([4, 3])],
      apply: ([x, y]) => fusedMatMul(x!, y!, { transB: true, alpha: 2 }),
      dtype: 'float32',
    },
    {
      name: 'FusedMatMul with both batches behind their rows, a transposed',
      operands: [uniform([3, 2, 4]), uniform([3, 2, 5])],
      apply: (operands) =>
        applyOp(linearOps['com.microsoft.FusedMatMul'], operands, {
          transA: int(1),
          transBatchA: int(1),
          transBatchB: int(1),
        }),
      dtype: 'float32',
    },
  ],
  Gemm: [
    ...gemmCases,
    {
      name: 'Gemm without c',
      operands: [uniform([2, 3]), uniform([3, 2])],
      apply: ([x, y]) => gemm(x!, y!, undefined, { alpha: 3 }),
    },
  ],
  'com.microsoft.TransposeMatMul': [
    transposeMatMul('of matrices', [2, 3], [3, 4], {}),
    transposeMatMul('of a stack and a transposed stack', [2, 2, 3], [2, 4, 3], { transB: int(1), alpha: float(0.5) }),
  ],
  'com.microsoft.FusedGemm': [
    fusedGemm('Tanh', {}),
    fusedGemm('LeakyRelu', { activation_alpha: float(0.3) }),
    fusedGemm('Sigmoid', { transA: int(1), alpha: float(0.5), beta: float(2) }),
  ],
} as const satisfies { readonly [Op in keyof typeof linearOps]?: readonly GradientCase[] };
