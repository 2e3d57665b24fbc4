/** @file Inferred shapes are those that ONNX Runtime returns, and what it would refuse is refused when the graph is traced. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Dtype } from '../../src/engine/core/index.ts';
import type { OpType } from '../../src/engine/graph/index.ts';
import { applications, type TensorOp } from './applications.ts';
import { type Application, loadsAsInferred, ourVerdict, runtimeVerdict, shapesOf } from './verdict.ts';

/** Where we refuse on purpose what ONNX Runtime lets pass, and why. */
const stricter: Partial<Record<OpType, string>> = {
  'ai.onnx.ml.Imputer': 'ONNX Runtime does not look whether there is a value for every column',
  Clip: 'ONNX asks for scalars; ONNX Runtime also takes [1]',
  GatherND: 'ONNX Runtime does not compare the axes of the batch',
  DeformConv: 'ONNX Runtime rounds the size of a window that does not fit up to one',
  NegativeLogLikelihoodLoss: 'ONNX Runtime does not look whether there is a weight for every class',
  SoftmaxCrossEntropyLoss: 'ONNX Runtime does not look whether there is a weight for every class',
  MaxPool: 'a window that does not fit gives an empty tensor, which nothing can be made of',
  'com.microsoft.MaxpoolWithMask': 'a window that does not fit gives an empty tensor, which nothing can be made of',
  AveragePool: 'a window that does not fit gives an empty tensor, which nothing can be made of',
  LpPool: 'a window that does not fit gives an empty tensor, which nothing can be made of',
  'com.microsoft.NhwcMaxPool': 'a window that does not fit gives an empty tensor, which nothing can be made of',
  'com.microsoft.SkipLayerNormalization': 'ONNX Runtime leaves out what a skip has more than the input',
  'com.microsoft.SkipSimplifiedLayerNormalization': 'ONNX Runtime leaves out what a skip has more than the input',
};

/** The dimensions that only a run can tell, of the shapes that it gave, unknown again as we say they are. */
function withUnknownDims(runtime: string, ours: string): string {
  const [given, known] = [runtime, ours].map((text) => text.split(/([[\], ]+)/));
  return given!.length === known!.length
    ? given!.map((part, i) => (known![i] === '?' && /^\d+$/.test(part) ? '?' : part)).join('')
    : runtime;
}

const opTypes = Object.keys(applications) as TensorOp[];

describe('shape inference against ONNX Runtime', () => {
  it.each(opTypes)('%s: equal shapes, equal refusals', async (opType) => {
    const seen = { accepted: 0 };
    await fc.assert(
      fc.asyncProperty(applications[opType](opType), async (application) => {
        const ours = ourVerdict(application);
        const theirs = await runtimeVerdict(application);
        if ('types' in ours) {
          seen.accepted++;
          const runtime = 'types' in theirs ? theirs.types : `refused: ${theirs.refused.message}`;
          const shapes = shapesOf(ours, opType);
          expect(withUnknownDims(runtime, shapes)).toBe(shapes);
        } else if (stricter[opType] === undefined) {
          const runtime = 'types' in theirs ? `${theirs.types}, while we say: ${ours.refused.message}` : 'refused';
          expect(runtime).toBe('refused');
        }
      }),
      { numRuns: 40, seed: 7 },
    );
    expect(seen.accepted, 'well-formed applications').toBeGreaterThan(8);
  });
});

/** Element types that ONNX allows but for which ONNX Runtime's CPU provider has no kernel: loading names the op. */
const withoutKernel: Partial<Record<OpType, readonly Dtype[]>> = {
  RNN: ['float64'],
  Attention: ['float64'],
  MelWeightMatrix: ['float64'],
  'ai.onnx.ml.Binarizer': ['float64', 'int64', 'int32'],
  'ai.onnx.ml.Imputer': ['float64'],
  'ai.onnx.ml.LinearRegressor': ['float64', 'int64', 'int32'],
  'ai.onnx.ml.OneHotEncoder': ['int32'],
  'ai.onnx.ml.SVMRegressor': ['float64', 'int64', 'int32'],
  'ai.onnx.ml.TreeEnsembleRegressor': ['int64', 'int32'],
  Erf: ['float64'],
  Softplus: ['float64'],
  Gelu: ['float64'],
  Acos: ['float64'],
  Acosh: ['float64'],
  Asin: ['float64'],
  Asinh: ['float64'],
  Atan: ['float64'],
  Atanh: ['float64'],
  Cosh: ['float64'],
  Sinh: ['float64'],
  Tan: ['float64'],
  Softsign: ['float64'],
  Relu: ['int64'],
  LeakyRelu: ['float64'],
  Elu: ['float64'],
  Selu: ['float64'],
  HardSigmoid: ['float64'],
  HardSwish: ['float64'],
  ThresholdedRelu: ['float64'],
  Mish: ['float64'],
  PRelu: ['float64', 'int64', 'int32'],
  Hardmax: ['float64'],
  Mean: ['float64'],
  Det: ['float64'],
  Trilu: ['uint8', 'int8'],
  'com.microsoft.Trilu': ['int32', 'uint8', 'int8', 'bool'],
  NonZero: ['float64', 'int8'],
  Einsum: ['uint8', 'int8'],
  Gemm: ['int64', 'int32'],
  Multinomial: ['float64'],
  'com.microsoft.Gelu': ['float64'],
  'com.microsoft.QuickGelu': ['float64'],
  'com.microsoft.BiasGelu': ['float64'],
  'com.microsoft.TransposeMatMul': ['float64'],
  'com.microsoft.FusedGemm': ['float64'],
  Unique: ['int32', 'uint8', 'bool'],
  Where: ['int8', 'bool'],
  EyeLike: ['uint8', 'int8', 'bool'],
  OneHot: ['float64', 'int32', 'uint8', 'int8', 'bool'],
  DepthToSpace: ['int64', 'int32', 'bool'],
  SpaceToDepth: ['int64', 'int32', 'bool'],
  Col2Im: ['float64', 'int64', 'int32', 'uint8', 'int8', 'bool'],
  'com.microsoft.Pad': ['float64'],
  'com.microsoft.CropAndResize': ['float64'],
  Conv: ['float64'],
  ConvTranspose: ['float64'],
  AveragePool: ['float64'],
  MaxUnpool: ['float64'],
  GlobalAveragePool: ['float64'],
  'com.microsoft.FusedConv': ['float64'],
  'com.microsoft.ConvTransposeWithDynamicPads': ['float64'],
  LpPool: ['float64'],
  GlobalMaxPool: ['float64'],
  GlobalLpPool: ['float64'],
  InstanceNormalization: ['float64'],
  LRN: ['float64'],
  MeanVarianceNormalization: ['float64'],
  'com.microsoft.SkipLayerNormalization': ['float64'],
  'com.microsoft.SkipSimplifiedLayerNormalization': ['float64'],
  'com.microsoft.EmbedLayerNormalization': ['float64'],
  Resize: ['float64', 'int64'],
  MaxRoiPool: ['float64'],
};

/** Ops that we keep to floats although ONNX Runtime takes whole numbers too, and why. */
const narrower: Partial<Record<OpType, string>> = {
  MaxPool: 'pictures are floats when they come to it',
};

/** The types that models compute in; the conformance suite holds the others (16-bit integers, unsigned ones, text) to ONNX's own cases. */
const allDtypes: readonly Dtype[] = ['float32', 'float64', 'float16', 'int64', 'int32', 'uint8', 'int8', 'bool'];

/** A well-formed application with float32 replaced by another element type. */
function inDtype(application: Application, dtype: Dtype): Application {
  const operands = application.operands.map((operand) =>
    operand && operand.dtype === 'float32' ? { ...operand, dtype } : operand,
  );
  return { ...application, operands };
}

describe('element types against ONNX Runtime', () => {
  it.each(opTypes)('%s takes the types that ONNX Runtime takes, and gives those it gives', async (opType) => {
    const samples = fc.sample(applications[opType](opType), { numRuns: 60, seed: 11 });
    const wellFormed = samples.filter((one) => 'types' in ourVerdict(one));
    const sample = wellFormed.find((one) => (one.operands[0]?.shape.length ?? 1) > 0) ?? wellFormed[0]!;
    for (const dtype of allDtypes) {
      const application = inDtype(sample, dtype);
      const ours = ourVerdict(application);
      if ('refused' in ours && narrower[opType] !== undefined) continue;
      const expected = 'types' in ours && !withoutKernel[opType]?.includes(dtype) ? 'loads' : 'refused';
      const theirs = 'types' in ours ? await loadsAsInferred(application) : await runtimeVerdict(application);
      expect(`${dtype} ${'refused' in theirs ? 'refused' : 'loads'}`).toBe(`${dtype} ${expected}`);
    }
  });
});
