import { describe, expect, it } from 'vitest';
import { FormatError, float32, Tensor, UnsupportedOpError } from '../../engine/core/index.ts';
import type { TfjsModel } from '../../engine/formats/index.ts';
import { constant, constantOf, graphOf, spec, trace, Value } from '../../engine/graph/index.ts';
import { compile } from '../../engine/runtime/index.ts';
import { convolve, padPlane, scaleChannels } from './channels-first.ts';
import { convertGraphModel } from './graph-model.ts';
import { convertLayersModel } from './layers-model.ts';

const picture = (size: number) => new Value(spec(['batch', 3, size, size]), { kind: 'input', name: 'x' });
const kernel = (shape: number[]) =>
  new Tensor('float32', shape, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1));

function convNodes(value: Value) {
  if (value.origin.kind !== 'node') throw new Error('not a node');
  return value.origin.node;
}

describe('convolve', () => {
  const strided = { kernel: kernel([3, 3, 3, 4]), depthwise: false, strides: [2, 2], padding: 'SAME' } as const;
  const pads = (value: Value) => convNodes(value).attributes.pads?.value;

  it('pads as TensorFlow does: odd remainders at the end', () => {
    expect(pads(convolve(picture(8), strided))).toEqual([0, 0, 1, 1]);
    expect(pads(convolve(picture(7), strided))).toEqual([1, 1, 1, 1]);
    expect(pads(convolve(picture(8), { ...strided, padding: 'VALID' }))).toEqual([0, 0, 0, 0]);
  });

  it('takes zero padding around its input into itself', () => {
    const result = convolve(padPlane(picture(8), [0, 1], [2, 3]), { ...strided, padding: 'VALID' });
    expect(pads(result)).toEqual([0, 2, 1, 3]);
    expect(convNodes(result).inputs[0]!.origin.kind).toBe('input');
  });

  it('turns weights from [K, K, I, O] to [O, I, K, K]', () => {
    const marked = new Tensor(
      'float32',
      [1, 2, 3, 2],
      Float32Array.from({ length: 12 }, (_, i) => i),
    );
    const weight = constantOf(convNodes(convolve(picture(4), { ...strided, kernel: marked })).inputs[1])!;
    expect(weight.shape).toEqual([2, 3, 1, 2]);
    expect(Array.from(weight.data as Float32Array)).toEqual([0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11]);
  });
});

it('folds a scale and offset into a convolution, to the same values as beside it', async () => {
  const scale = Float32Array.of(2, -1, 0.5, 3);
  const offset = Float32Array.of(1, 2, 3, 4);
  const layer = {
    kernel: new Tensor(
      'float32',
      [1, 1, 3, 4],
      Float32Array.from({ length: 12 }, (_, i) => i - 5),
    ),
    bias: float32([1, 0, -1, 2]),
    depthwise: false,
    strides: [1, 1],
    padding: 'VALID',
  } as const;
  const graph = trace(
    ({ x }) => {
      const plain = convolve(x, layer);
      return {
        folded: scaleChannels(plain, scale, offset),
        beside: scaleChannels(padPlane(plain, [0, 0], [0, 0]), scale, offset),
      };
    },
    { x: spec([1, 3, 2, 2]) },
  );
  const folded = convNodes(graph.outputs[0]!.value);
  expect(folded.op.opType).toBe('Conv');
  const executable = await compile(graph);
  const x = float32(
    Array.from({ length: 12 }, (_, i) => Math.sin(i)),
    [1, 3, 2, 2],
  );
  const { folded: a, beside: b } = await executable.run({ x });
  await executable.close();
  (a!.data as Float32Array).forEach((value, i) => {
    expect(value).toBeCloseTo((b!.data as Float32Array)[i]!, 5);
  });
});

describe('convertGraphModel', () => {
  const modelOf = (node: unknown[]): TfjsModel => ({
    format: 'graph-model',
    topology: { node },
    weights: new Map([['w', float32([1])]]),
  });
  const x = picture(4);
  const convert = (node: unknown[], wanted: string) => convertGraphModel(modelOf(node), new Map([['x', x]]))(wanted);

  it('converts only what is wanted', () => {
    const nodes = [
      { name: 'w', op: 'Const' },
      { name: 'y', op: 'Mul', input: ['x', 'w:0'] },
      { name: 'z', op: 'NoSuchOp', input: ['y'] },
    ];
    const y = convert(nodes, 'y');
    expect(graphOf([{ name: 'x', value: x }], [{ name: 'y', value: y }]).nodes.map((node) => node.op.opType)).toEqual([
      'Mul',
    ]);
    expect(() => convert(nodes, 'z')).toThrow(UnsupportedOpError);
    expect(() => convert(nodes, 'z')).toThrow('node "z": the op NoSuchOp');
  });

  it.each([
    [
      'a node that needs itself',
      [
        { name: 'a', op: 'Identity', input: ['b'] },
        { name: 'b', op: 'Identity', input: ['a'] },
      ],
      'needs itself',
    ],
    ['a node that is not there', [{ name: 'a', op: 'Identity', input: ['q'] }], 'no node "q"'],
    ['a node without its input', [{ name: 'a', op: 'Mul', input: ['x'] }], 'lacks an input'],
    ['a node without a name', [{ op: 'Mul' }], 'node 0'],
    ['an op named after a method', [{ name: 'a', op: 'toString', input: ['x'] }], 'no converter'],
  ])('refuses %s', (_, nodes, message) => {
    expect(() => convert(nodes, 'a')).toThrow(message);
  });

  it('survives a graph as deep as it likes', () => {
    const depth = 20_000;
    const nodes = Array.from({ length: depth }, (_, i) => ({
      name: `n${i}`,
      op: 'Identity',
      input: [i === 0 ? 'x' : `n${i - 1}`],
    }));
    expect(convert(nodes, `n${depth - 1}`)).toBe(x);
  });
});

describe('convertLayersModel', () => {
  const convert = (layers: unknown, wanted = 'a') =>
    convertLayersModel(
      { format: 'layers-model', topology: { model_config: { config: { layers } } }, weights: new Map() },
      new Map([['x', constant(float32([1, -1]))]]),
    )(wanted);
  const layer = (class_name: string, from: string, config = {}) => ({
    name: 'a',
    class_name,
    config,
    inbound_nodes: [[[from, 0, 0, {}]]],
  });

  it.each([
    ['no list of layers', { a: 1 }, FormatError, 'model_config.config.layers'],
    ['a layer without a name', [{}], FormatError, 'layer 0'],
    ['an unknown class', [layer('LSTM', 'x')], UnsupportedOpError, '"a": the class LSTM'],
    ['an input that comes later', [layer('ReLU', 'later')], FormatError, '"later", which comes later or never'],
    ['a missing weight', [layer('Conv2D', 'x', { padding: 'same', strides: [1, 1] })], FormatError, '"a/kernel"'],
    ['a leaky ReLU', [layer('ReLU', 'x', { negative_slope: 0.1 })], UnsupportedOpError, 'slope'],
    ['a layer that is not there', [], FormatError, 'no layer "a"'],
  ])('refuses %s', (_, layers, kind, message) => {
    expect(() => convert(layers)).toThrow(kind);
    expect(() => convert(layers)).toThrow(message);
  });
});
