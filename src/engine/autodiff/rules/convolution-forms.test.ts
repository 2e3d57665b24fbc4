import { describe, expect, it } from 'vitest';
import { Rng, staticShape, Tensor } from '../../core/index.ts';
import { conv, convTranspose, spec, trace, type Value } from '../../graph/index.ts';
import { compile } from '../../runtime/index.ts';
import {
  type ConvolutionSizes,
  formOf,
  inputCotangent,
  type WeightForm,
  weightCotangent,
} from './convolution-forms.ts';

const windowOf = (numSpatial: number, given: Partial<ConvolutionSizes['window']> = {}) => ({
  strides: new Array<number>(numSpatial).fill(1),
  pads: new Array<number>(2 * numSpatial).fill(0),
  dilations: new Array<number>(numSpatial).fill(1),
  ...given,
});

interface One {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly window: ConvolutionSizes['window'];
  readonly group?: number;
}

const dense: Readonly<Record<string, One>> = {
  'plain, padded unevenly': { x: [2, 4, 5, 6], w: [3, 4, 3, 2], window: windowOf(2, { pads: [1, 0, 2, 1] }) },
  'with steps that leave a rest': { x: [2, 4, 6, 7], w: [5, 4, 3, 3], window: windowOf(2, { strides: [2, 3] }) },
  'with steps of two': {
    x: [2, 4, 7, 6],
    w: [5, 4, 3, 3],
    window: windowOf(2, { strides: [2, 2], pads: [1, 1, 0, 1] }),
  },
  'with steps of three and dilations': {
    x: [2, 4, 11, 9],
    w: [5, 4, 3, 2],
    window: windowOf(2, { strides: [3, 3], dilations: [2, 4], pads: [0, 1, 1, 1] }),
  },
  'with steps of two, in groups': {
    x: [2, 8, 6, 6],
    w: [6, 4, 3, 3],
    window: windowOf(2, { strides: [2, 2], pads: [1, 1, 1, 1] }),
    group: 2,
  },
  'with dilations and steps': {
    x: [2, 4, 9, 9],
    w: [2, 4, 2, 3],
    window: windowOf(2, { dilations: [3, 2], strides: [2, 1], pads: [1, 2, 0, 1] }),
  },
  'in groups': { x: [2, 8, 4, 4], w: [6, 4, 3, 3], window: windowOf(2, { pads: [1, 1, 1, 1] }), group: 2 },
  'of one element': { x: [3, 4, 3, 5], w: [6, 4, 1, 1], window: windowOf(2) },
  'of one element, with steps and pads': {
    x: [3, 4, 5, 5],
    w: [6, 4, 1, 1],
    window: windowOf(2, { strides: [2, 2], pads: [1, 1, 0, 0] }),
  },
  'over one axis': { x: [2, 4, 9], w: [3, 4, 3], window: windowOf(1, { strides: [2], dilations: [2], pads: [2, 1] }) },
  'over three axes': { x: [2, 4, 3, 4, 3], w: [2, 4, 2, 2, 2], window: windowOf(3, { strides: [1, 2, 1] }) },
  'with more padding than kernel': { x: [1, 4, 3, 3], w: [2, 4, 2, 2], window: windowOf(2, { pads: [2, 2, 3, 2] }) },
};

const depthwise: Readonly<Record<string, One>> = {
  plain: { x: [3, 4, 5, 6], w: [4, 1, 3, 3], window: windowOf(2, { pads: [1, 1, 1, 1] }), group: 4 },
  'with steps and dilations': {
    x: [2, 3, 9, 10],
    w: [3, 1, 3, 2],
    window: windowOf(2, { strides: [2, 3], dilations: [1, 2], pads: [0, 1, 2, 0] }),
    group: 3,
  },
  'over one axis': { x: [2, 3, 9], w: [3, 1, 4], window: windowOf(1, { strides: [2], pads: [1, 2] }), group: 3 },
  'over three axes': { x: [2, 3, 3, 4, 5], w: [3, 1, 2, 2, 3], window: windowOf(3, { strides: [2, 1, 1] }), group: 3 },
  'in a batch that is cut into uneven pieces': {
    x: [33, 2, 3, 3],
    w: [2, 1, 2, 2],
    window: windowOf(2),
    group: 2,
  },
};

async function run(fn: (operands: Value[]) => Value[], shapes: readonly (readonly number[])[], rng: Rng) {
  const graph = trace(({ operands }) => ({ results: fn(operands) }), { operands: shapes.map((shape) => spec(shape)) });
  const executable = await compile(graph, { numThreads: 1 });
  const feeds = Object.fromEntries(
    shapes.map((shape, i) => {
      const data = rng.fillNormal(new Float32Array(shape.reduce((product, dim) => product * dim, 1)));
      return [`operands.${i}`, new Tensor('float32', shape, data)];
    }),
  );
  const results = await executable.run(feeds);
  await executable.close();
  return graph.outputs.map(({ name }) => results[name]!);
}

function outputOf({ x, w, window, group = 1 }: One): readonly number[] {
  const graph = trace(({ x, w }) => conv(x, w, undefined, { ...window, group }), { x: spec(x), w: spec(w) });
  return staticShape(graph.outputs[0]!.value.shape, 'output');
}

function expectClose(got: Tensor, want: Tensor): void {
  expect(got.shape).toEqual(want.shape);
  const data = got.data as Float32Array;
  (want.data as Float32Array).forEach((value, i) => {
    expect(Math.abs(data[i]! - value)).toBeLessThan(2e-5 * Math.max(1, Math.abs(value)));
  });
}

describe('the forms of the gradient toward the weights of a convolution', () => {
  const check = async (one: One, forms: readonly WeightForm[]) => {
    const { x, w, window, group = 1 } = one;
    const toward = ([input, g]: Value[]) =>
      (['convolution', ...forms] as const).map((form) => weightCotangent(input!, g!, w, window, group, form));
    const [want, ...others] = await run(toward, [x, outputOf(one)], new Rng('forms'));
    for (const got of others) expectClose(got, want!);
  };

  it.each(Object.entries(dense))('agree: %s', async (_, one) => {
    await check(one, ['per sample', 'over the batch']);
  });

  it.each(Object.entries(depthwise))('agree, depthwise: %s', async (_, one) => {
    await check(one, ['per sample', 'over the batch', 'planes', 'diagonals', 'multiply and sum']);
  });
});

describe('the gradient toward the input of a convolution', () => {
  it.each([...Object.entries(dense), ...Object.entries(depthwise)])(
    'is the transposed convolution: %s',
    async (_, one) => {
      const { x, w, window, group = 1 } = one;
      const output = outputOf(one);
      const outputPadding = x.slice(2).map((dim, i) => {
        const reached = (output[i + 2]! - 1) * window.strides[i]! + window.dilations[i]! * (w[i + 2]! - 1) + 1;
        return dim - reached + window.pads[i]! + window.pads[i + x.length - 2]!;
      });
      const [got, want] = await run(
        ([g, weights]) => [
          inputCotangent(g!, weights!, x, window, group),
          convTranspose(g!, weights!, undefined, { ...window, group, outputPadding }),
        ],
        [output, w],
        new Rng('input'),
      );
      expectClose(got!, want!);
    },
  );
});

describe('the form of the gradient toward the weights', () => {
  const form = (input: readonly number[], weight: readonly number[], given = {}, group = 1) => {
    const window = windowOf(input.length - 2, given);
    return formOf({ input, output: outputOf({ x: input, w: weight, window, group }), weight, window, group });
  };

  it('is a product for each element of the kernel, over the batch where the channels outweigh the plane', () => {
    expect(form([16, 64, 32, 32], [64, 64, 3, 3], { pads: [1, 1, 1, 1] })).toBe('per sample');
    expect(form([16, 512, 7, 7], [512, 512, 3, 3], { pads: [1, 1, 1, 1] })).toBe('over the batch');
    expect(form([32, 96, 10, 10], [576, 96, 1, 1])).toBe('per sample');
  });

  it('is a convolution for pictures of few channels and for patches that do not overlap', () => {
    expect(form([32, 3, 160, 160], [32, 3, 3, 3], { strides: [2, 2] })).toBe('convolution');
    expect(form([32, 16, 64, 64], [192, 16, 8, 8], { strides: [8, 8] })).toBe('convolution');
  });

  it('is a depthwise convolution of planes for depthwise ones, where blocks of channels fit', () => {
    expect(form([32, 96, 40, 40], [96, 1, 3, 3], {}, 96)).toBe('planes');
    expect(form([3, 7, 40, 40], [7, 1, 3, 3], {}, 7)).toBe('multiply and sum');
    expect(form([3, 7, 10, 10], [7, 1, 3, 3], {}, 7)).toBe('diagonals');
  });
});
