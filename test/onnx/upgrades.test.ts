/**
 * @file Old forms of ops against their new ones: ONNX Runtime runs the file of the old operator set as it is, and what import and
 * export make of it, on the same inputs. Forms from before operator set 7, which ONNX Runtime does not run, are held to values
 * worked out by hand.
 */
import ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { type AnyTensor, float32, int64, numElements, Rng, Tensor } from '../../src/engine/core/index.ts';
import { exportOnnx, importOnnx } from '../../src/engine/onnx/index.ts';
import { type AttributeParts, type ModelParts, type NodeParts, writeModel } from './write-model.ts';

type Feeds = Readonly<Record<string, AnyTensor>>;

async function run(
  bytes: Uint8Array,
  feeds: Feeds,
): Promise<Record<string, { type: string; dims: number[]; data: number[] }>> {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4, intraOpNumThreads: 1 });
  const OrtTensor = ort.Tensor as unknown as new (type: string, data: unknown, dims: readonly number[]) => ort.Tensor;
  const given = Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, data, shape }]) => [name, new OrtTensor(dtype, data, shape)]),
  );
  const results = await session.run(given);
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, { type, dims, data }]) => [
      name,
      { type, dims: [...dims], data: Array.from(data as ArrayLike<number | bigint>, Number) },
    ]),
  );
}

const renewed = (bytes: Uint8Array) => exportOnnx(importOnnx(bytes).toGraph());

/** A model of one node: its operands are inputs, but for those among `constants`. */
function single(
  opset: number,
  node: Omit<NodeParts, 'outputs'> & { outputs?: readonly string[] },
  feeds: Feeds,
  constants: Feeds = {},
): ModelParts {
  const outputs = node.outputs ?? ['y'];
  return {
    opset,
    irVersion: opset < 9 ? 3 : 8,
    nodes: [{ ...node, outputs }],
    inputs: { ...feeds, ...(opset < 9 ? constants : {}) },
    outputs: Object.fromEntries(outputs.map((name) => [name, outputTypes[name] ?? {}])),
    initializers: constants,
  };
}

/** The element types of outputs that are not float32. */
const outputTypes: Readonly<Record<string, { dtype: 'int64' | 'bool' }>> = {
  indices: { dtype: 'int64' },
  mask: { dtype: 'bool' },
};

const random = (shape: readonly number[], seed = 'x') =>
  float32(new Rng(seed).fillNormal(new Float32Array(numElements(shape))), shape);

const x234 = { x: random([2, 3, 4]) };
const image = { x: random([1, 2, 4, 6]) };

const node = (
  op: string,
  attributes: Readonly<Record<string, AttributeParts>> = {},
  inputs: readonly string[] = ['x'],
) => ({
  op,
  inputs,
  attributes,
});

/** Each form with the operator set that it is of. */
const cases: Readonly<Record<string, ModelParts>> = {
  'Squeeze with axes as attribute': single(11, node('Squeeze', { axes: [1, -1] }), { x: random([3, 1, 2, 1]) }),
  'Unsqueeze with axes as attribute': single(11, node('Unsqueeze', { axes: [0, -1] }), x234),
  'ReduceSum with axes as attribute': single(11, node('ReduceSum', { axes: [-1], keepdims: 0 }), x234),
  'ReduceMean with axes as attribute': single(13, node('ReduceMean', { axes: [0, 2] }), x234),
  'ReduceL2 over all axes': single(17, node('ReduceL2', { keepdims: 0 }), x234),
  'ReduceLogSumExp with axes as attribute': single(13, node('ReduceLogSumExp', { axes: [1] }), x234),
  'Clip with both bounds as attributes': single(7, node('Clip', { min: { float: -0.5 }, max: { float: 0.5 } }), x234),
  'Clip with one bound as attribute': single(10, node('Clip', { max: { float: 0.25 } }), x234),
  'Pad with widths and value as attributes': single(
    10,
    node('Pad', { pads: [0, 1, 2, 1, 0, 0], value: { float: 3 } }),
    x234,
  ),
  'Pad by reflection': single(10, node('Pad', { mode: 'reflect', pads: [0, 0, 2, 0, 0, 1] }), x234),
  'Slice with attributes': single(9, node('Slice', { starts: [1, -3], ends: [2 ** 53 - 1, -1], axes: [1, 2] }), x234),
  'Slice with attributes and no axes': single(7, node('Slice', { starts: [0, 1], ends: [1, 3] }), x234),
  'TopK with k as attribute': single(9, { ...node('TopK', { k: 2, axis: 1 }), outputs: ['y', 'indices'] }, x234),
  'Dropout that does nothing': single(7, node('Dropout', { ratio: { float: 0.4 } }), x234),
  'Dropout with a mask of bools': single(10, { ...node('Dropout', {}), outputs: ['y', 'mask'] }, x234),
  'Dropout with a mask of floats': single(7, { ...node('Dropout'), outputs: ['y', 'z'] }, x234),
  'Split with sizes as attribute': single(
    11,
    { ...node('Split', { axis: 2, split: [1, 3] }), outputs: ['y', 'z'] },
    x234,
  ),
  'Split into equal parts without saying so': single(13, { ...node('Split', { axis: 2 }), outputs: ['y', 'z'] }, x234),
  'Softmax over all axes from the second on': single(11, node('Softmax'), x234),
  'Softmax over all axes': single(7, node('Softmax', { axis: 0 }), x234),
  'Softmax over the last axis': single(12, node('Softmax', { axis: 2 }), x234),
  'LogSoftmax over all axes from the second on': single(11, node('LogSoftmax', { axis: 1 }), x234),
  'Hardmax over all axes from the second on': single(11, node('Hardmax', { axis: 1 }), x234),
  'BatchNormalization for inference': single(
    9,
    node('BatchNormalization', { epsilon: { float: 1e-3 } }, ['x', 's', 'b', 'm', 'v']),
    image,
    {
      s: random([2], 's'),
      b: random([2], 'b'),
      m: random([2], 'm'),
      v: float32([0.5, 2]),
    },
  ),
  'BatchNormalization of every place': single(
    7,
    node('BatchNormalization', { spatial: 0 }, ['x', 's', 'b', 'm', 'v']),
    image,
    {
      s: random([2, 4, 6], 's'),
      b: random([2, 4, 6], 'b'),
      m: random([2, 4, 6], 'm'),
      v: float32(new Float32Array(48).fill(1.5), [2, 4, 6]),
    },
  ),
  'GroupNormalization with parameters of groups': single(
    18,
    node('GroupNormalization', { num_groups: 2 }, ['x', 's', 'b']),
    { x: random([2, 6, 3, 2]) },
    { s: random([2], 's'), b: random([2], 'b') },
  ),
  'Upsample to nearest with scales as attribute': single(
    7,
    node('Upsample', { scales: { floats: [1, 1, 2, 3] } }),
    image,
  ),
  'Upsample linearly with scales as input': single(9, node('Upsample', { mode: 'linear' }, ['x', 'scales']), image, {
    scales: float32([1, 1, 2, 1.5]),
  }),
  'Resize to nearest, larger': single(10, node('Resize', {}, ['x', 'scales']), image, {
    scales: float32([1, 1, 2, 1.5]),
  }),
  'Resize to nearest, smaller': single(10, node('Resize', {}, ['x', 'scales']), image, {
    scales: float32([1, 1, 0.5, 0.6]),
  }),
  'Resize to nearest, larger and smaller': single(10, node('Resize', {}, ['x', 'scales']), image, {
    scales: float32([1, 1, 0.6, 1.7]),
  }),
  'Resize linearly': single(10, node('Resize', { mode: 'linear' }, ['x', 'scales']), image, {
    scales: float32([1, 1, 0.5, 2]),
  }),
  'Resize with empty scales beside sizes': single(
    11,
    node('Resize', { mode: 'linear' }, ['x', 'roi', 'scales', 'sizes']),
    image,
    {
      roi: float32([]),
      scales: float32([]),
      sizes: int64([1, 2, 8, 3]),
    },
  ),
  'Scatter under its old name': single(
    9,
    node('Scatter', { axis: 1 }, ['x', 'i', 'u']),
    { x: random([2, 4]) },
    {
      i: int64([1, 3, 0, 2], [2, 2]),
      u: random([2, 2], 'u'),
    },
  ),
  'GridSample with its old words': single(
    16,
    node('GridSample', { mode: 'bilinear', padding_mode: 'border' }, ['x', 'grid']),
    {
      ...image,
      grid: random([1, 3, 3, 2], 'grid'),
    },
  ),
  'RoiAlign without a half pixel': single(
    10,
    node('RoiAlign', { output_height: 2, output_width: 2, sampling_ratio: 2 }, ['x', 'rois', 'b']),
    image,
    {
      rois: float32([0, 0, 3, 3, 1, 1, 5, 3], [2, 4]),
      b: int64([0, 0]),
    },
  ),
  'DFT with its axis as attribute': single(17, node('DFT', { axis: 1 }), { x: random([1, 6, 2, 1]) }),
  'MaxPool of operator set 8': single(8, node('MaxPool', { kernel_shape: [2, 2], strides: [2, 2] }), image),
  'AveragePool of operator set 7': single(7, node('AveragePool', { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }), image),
  'Gemm of operator set 7': single(
    7,
    node('Gemm', { transB: 1 }, ['x', 'w', 'c']),
    { x: random([2, 3]) },
    {
      w: random([4, 3], 'w'),
      c: random([4], 'c'),
    },
  ),
  'PRelu of operator set 7': single(7, node('PRelu', {}, ['x', 's']), image, { s: random([2, 1, 1], 's') }),
  'LSTM of operator set 7': single(
    7,
    { ...node('LSTM', { hidden_size: 2 }, ['x', 'w', 'r']), outputs: ['y', 'h'] },
    { x: random([3, 1, 4]) },
    {
      w: random([1, 8, 4], 'w'),
      r: random([1, 8, 2], 'r'),
    },
  ),
};

describe('an old form of an op', () => {
  for (const [name, parts] of Object.entries(cases)) {
    it(`gives after import and export what it gave before: ${name}`, async () => {
      const bytes = writeModel(parts);
      const feeds = Object.fromEntries(
        Object.entries(parts.inputs ?? {}).filter(([key]) => !(key in (parts.initializers ?? {}))),
      ) as Feeds;
      const before = await run(bytes, feeds);
      const after = await run(renewed(bytes), feeds);
      expect(Object.keys(after)).toEqual(Object.keys(before));
      for (const [output, { type, dims, data }] of Object.entries(before)) {
        expect({ type: after[output]!.type, dims: after[output]!.dims }).toEqual({ type, dims });
        expect(output === 'y' && data.every((value) => value === 0)).toBe(false);
        data.forEach((value, i) => {
          expect(Math.abs(after[output]!.data[i]! - value)).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(value)));
        });
      }
    });
  }
});

/** Forms that ONNX Runtime does not run as they are, with what they give. */
const byHand: Readonly<Record<string, { parts: ModelParts; feeds: Feeds; y: readonly number[] }>> = {
  'Add along an axis': {
    parts: single(
      6,
      node('Add', { broadcast: 1, axis: 0 }, ['x', 'b']),
      { x: float32([1, 2, 3, 4, 5, 6], [2, 3]) },
      { b: float32([10, 20]) },
    ),
    feeds: { x: float32([1, 2, 3, 4, 5, 6], [2, 3]) },
    y: [11, 12, 13, 24, 25, 26],
  },
  'Mul with the last axes': {
    parts: single(
      6,
      node('Mul', { broadcast: 1 }, ['x', 'b']),
      { x: float32([1, 2, 3, 4], [2, 2]) },
      { b: float32([2, 3]) },
    ),
    feeds: { x: float32([1, 2, 3, 4], [2, 2]) },
    y: [2, 6, 6, 12],
  },
  'PRelu with a slope a channel': {
    parts: single(
      6,
      node('PRelu', {}, ['x', 's']),
      { x: float32([-1, -2, -3, 4], [1, 2, 1, 2]) },
      { s: float32([0.5, 2]) },
    ),
    feeds: { x: float32([-1, -2, -3, 4], [1, 2, 1, 2]) },
    y: [-0.5, -1, -6, 4],
  },
  'Cast to a type by its name': {
    parts: single(5, node('Cast', { to: 'FLOAT' }), { x: int64([3, -2]) }),
    feeds: { x: int64([3, -2]) },
    y: [3, -2],
  },
  'Reshape with its shape as attribute': {
    parts: single(4, node('Reshape', { shape: [2, -1], consumed_inputs: [0] }), { x: float32([1, 2, 3, 4]) }),
    feeds: { x: float32([1, 2, 3, 4]) },
    y: [1, 2, 3, 4],
  },
  'Pad with its first word for widths': {
    parts: single(1, node('Pad', { paddings: [1, 0], value: { float: 7 } }), { x: float32([1, 2]) }),
    feeds: { x: float32([1, 2]) },
    y: [7, 1, 2],
  },
  'Concat along the second axis by default': {
    parts: single(1, node('Concat', {}, ['x', 'x']), { x: float32([1, 2], [2, 1]) }),
    feeds: { x: float32([1, 2], [2, 1]) },
    y: [1, 1, 2, 2],
  },
  'GRU with the batch first': {
    parts: single(
      14,
      { ...node('GRU', { hidden_size: 1, layout: 1 }, ['x', 'w', 'r']), outputs: ['all', 'y'] },
      { x: float32([0, 0, 0, 0], [2, 2, 1]) },
      {
        w: float32([1, 1, 1], [1, 3, 1]),
        r: float32([0, 0, 0], [1, 3, 1]),
      },
    ),
    feeds: { x: float32([0, 0, 0, 0], [2, 2, 1]) },
    y: [0, 0],
  },
  'Scan over every sample of a batch': {
    parts: {
      opset: 8,
      irVersion: 3,
      nodes: [
        {
          op: 'Scan',
          inputs: ['', 'start', 'x'],
          outputs: ['y', 'all'],
          attributes: {
            num_scan_inputs: 1,
            body: {
              graph: {
                nodes: [
                  { op: 'Add', inputs: ['sum', 'item'], outputs: ['next'] },
                  { op: 'Identity', inputs: ['next'], outputs: ['copy'] },
                ],
                inputs: { sum: { shape: [1] }, item: { shape: [1] } },
                outputs: { next: { shape: [1] }, copy: { shape: [1] } },
              },
            },
          },
        },
      ],
      inputs: { start: { shape: [2, 1] }, x: { shape: [2, 3, 1] } },
      outputs: { y: { shape: [2, 1] }, all: { shape: [2, 3, 1] } },
    },
    feeds: { start: float32([0, 100], [2, 1]), x: float32([1, 2, 3, 4, 5, 6], [2, 3, 1]) },
    y: [6, 115],
  },
};

describe('a form that ONNX Runtime no longer runs', () => {
  for (const [name, { parts, feeds, y }] of Object.entries(byHand)) {
    it(`gives what its definition says: ${name}`, async () => {
      const result = await run(renewed(writeModel(parts)), feeds);
      expect(result.y!.data).toEqual(y);
    });
  }

  it('is refused with its reason where new forms cannot say it', () => {
    const training = single(
      9,
      { ...node('BatchNormalization', {}, ['x', 's', 's', 's', 's']), outputs: ['y', 'm'] },
      image,
      { s: float32([1, 1]) },
    );
    expect(() => importOnnx(writeModel(training))).toThrow(
      /node 0 \(BatchNormalization\).*training form of before operator set 14/,
    );
  });
});

describe('sequences with the batch first', () => {
  it('give what they give with time first, axes exchanged', async () => {
    const [B, T, I, H] = [2, 3, 4, 2];
    const weights = { w: random([1, 4 * H, I], 'w'), r: random([1, 4 * H, H], 'r') };
    const inputs = ['x', 'w', 'r', '', '', 'h0', 'c0'];
    const timeFirst = { x: random([T, B, I]), h0: random([1, B, H], 'h'), c0: random([1, B, H], 'c') };
    const exchanged = (tensor: Tensor<'float32'>) => {
      const [a, b, rest] = tensor.shape as [number, number, number];
      const data = new Float32Array(tensor.data.length);
      for (let i = 0; i < a; i++) {
        for (let j = 0; j < b; j++)
          for (let k = 0; k < rest; k++) data[(j * a + i) * rest + k] = tensor.data[(i * b + j) * rest + k]!;
      }
      return new Tensor('float32', [b, a, rest], data);
    };
    const outputs = ['all', 'y', 'c'];
    const first = single(14, { ...node('LSTM', { hidden_size: H }, inputs), outputs }, timeFirst, weights);
    const batchFirst = Object.fromEntries(Object.entries(timeFirst).map(([name, tensor]) => [name, exchanged(tensor)]));
    const second = single(14, { ...node('LSTM', { hidden_size: H, layout: 1 }, inputs), outputs }, batchFirst, weights);
    const [expected, found] = [
      await run(writeModel(first), timeFirst),
      await run(renewed(writeModel(second)), batchFirst),
    ];
    expect(found.all!.dims).toEqual([B, T, 1, H]);
    for (const name of ['y', 'c']) {
      expect(found[name]!.dims).toEqual([B, 1, H]);
      found[name]!.data.forEach((value, i) => {
        expect(value).toBeCloseTo(expected[name]!.data[i]!, 6);
      });
    }
    for (let b = 0; b < B; b++) {
      for (let t = 0; t < T; t++) {
        for (let h = 0; h < H; h++) {
          expect(found.all!.data[(b * T + t) * H + h]).toBeCloseTo(expected.all!.data[(t * B + b) * H + h]!, 6);
        }
      }
    }
  });
});
