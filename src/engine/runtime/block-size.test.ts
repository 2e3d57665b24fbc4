import { describe, expect, it } from 'vitest';
import { Rng, Tensor } from '../core/index.ts';
import { conv, type Graph, hasDepthwise, relu, spec, trace, withFastDepthwise } from '../graph/index.ts';
import { exportOnnx } from '../onnx/index.ts';
import { channelBlockSize } from './block-size.ts';
import { compile, loadExecutable } from './executable.ts';

const moves = { strides: [2, 1], pads: [1, 0, 2, 1], dilations: [1, 2] };

/** A depthwise convolution between other ops. */
function graphOf(x: readonly number[], w: readonly number[], bias: boolean, options: object = moves): Graph {
  const shapes = { x: spec(x), w: spec(w), b: spec([w[0]!]) };
  return trace(
    (inputs) => relu(conv(relu(inputs.x), inputs.w, bias ? inputs.b : undefined, { ...options, group: w[0]! })),
    shapes,
  );
}

async function run(graph: Graph): Promise<Tensor> {
  const executable = await loadExecutable(exportOnnx(graph), { numThreads: 1, optimization: 'basic' });
  const rng = new Rng('depthwise');
  const feeds = Object.fromEntries(
    graph.inputs.map(({ name, value: { shape } }) => {
      const count = (shape as readonly number[]).reduce((product, dim) => product * dim, 1);
      return [name, new Tensor('float32', shape as number[], rng.fillNormal(new Float32Array(count)))];
    }),
  );
  const { output } = await executable.run(feeds);
  await executable.close();
  return output!;
}

/** The largest difference between what two graphs give. */
async function difference(a: Graph, b: Graph): Promise<number> {
  const [left, right] = [await run(a), await run(b)];
  expect(left.shape).toEqual(right.shape);
  const other = right.data as Float32Array;
  return Math.max(...(left.data as Float32Array).map((value, i) => Math.abs(value - other[i]!)));
}

const domainsOf = (graph: Graph) => new Set(graph.nodes.map(({ op }) => op.domain));

describe('depthwise convolutions in another form', () => {
  it.each([
    ['with a bias', [2, 32, 7, 6], [32, 1, 3, 2], true, moves],
    ['without one', [1, 16, 5, 5], [16, 1, 3, 3], false, {}],
    ['padded by name', [1, 16, 5, 6], [16, 1, 3, 3], false, { autoPad: 'SAME_UPPER', strides: [2, 2] }],
  ] as const)('give the same in blocks of the size of this machine, %s', async (_, x, w, bias, options) => {
    const graph = graphOf(x, w, bias, options);
    const blockSize = await channelBlockSize();
    const blocked = withFastDepthwise(graph, blockSize);
    if (blockSize !== undefined) expect(domainsOf(blocked)).toContain('com.microsoft.nchwc');
    expect(await difference(blocked, graph)).toBeLessThan(1e-4);
  });

  it('give the same as sums, where the kernel outweighs the result', async () => {
    const graph = graphOf([2, 5, 6, 7], [5, 1, 5, 4], true, { pads: [1, 0, 1, 1], strides: [2, 3] });
    const sums = withFastDepthwise(graph, undefined);
    expect(sums.nodes.some(({ op }) => op.opType === 'Conv')).toBe(false);
    expect(await difference(sums, graph)).toBeLessThan(1e-4);
  });

  it('give the same as sums in pieces of uneven size', async () => {
    const graph = graphOf([1, 33, 90, 200], [33, 1, 89, 199], false, {});
    expect(await difference(withFastDepthwise(graph, undefined), graph)).toBeLessThan(5e-3);
  });

  it('stay as they are where blocks do not fit, and where the kernel is small and there are no blocks', () => {
    const isUnchanged = (graph: Graph, blockSize: number | undefined) =>
      withFastDepthwise(graph, blockSize).nodes.every(({ op }) => op.domain === '' && op.opType !== 'Mul');
    expect(isUnchanged(graphOf([1, 12, 5, 5], [12, 1, 3, 3], false, {}), 8)).toBe(true);
    expect(isUnchanged(graphOf([1, 16, 5, 5], [16, 1, 2, 2], false, {}), undefined)).toBe(true);
  });

  it('are what a compiled graph computes', async () => {
    const graph = graphOf([1, 16, 5, 5], [16, 1, 3, 3], true);
    const executable = await compile(graph, { numThreads: 1 });
    expect(executable.inputs.map(({ name }) => name)).toEqual(['x', 'w', 'b']);
    await executable.close();
  });

  it('are not found among other convolutions', () => {
    const graph = trace(({ x, w }) => conv(x, w, undefined, { group: 2 }), {
      x: spec([1, 4, 5, 5]),
      w: spec([4, 2, 3, 3]),
    });
    expect(hasDepthwise(graph)).toBe(false);
    expect(withFastDepthwise(graph, 8)).toBe(graph);
  });
});
