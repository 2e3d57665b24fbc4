import { describe, expect, it } from 'vitest';
import { float32, int64, mapTree, Rng, ShapeError, type Tensor } from '../../../engine/core/index.ts';
import { constant, spec, trace, Value } from '../../../engine/graph/index.ts';
import { compile } from '../../../engine/runtime/index.ts';
import { initTextEncoder, type TextEncoder, textEncoder } from './text-encoder.ts';

const options = { vocabularySize: 20, maxTokens: 6, dim: 8, numLayers: 2, numHeads: 2, embeddingDim: 4 };
/** `mapTree` without its types, which are as deep as the tree is unknown. */
const mapLeaves = mapTree as (tree: unknown, transform: (leaf: Tensor) => unknown) => unknown;
const params = mapLeaves(initTextEncoder(new Rng(1), options), (leaf) => {
  // As after training: nothing is small or zero any more.
  const rng = new Rng(`${leaf.shape}`);
  return float32(rng.fillNormal(new Float32Array(leaf.data.length), 0.4), leaf.shape);
}) as TextEncoder<Tensor>;
const constants = mapLeaves(params, (leaf) => constant(leaf)) as TextEncoder<Value>;

async function encode(ids: number[][], mask: number[][], isSymbolic = false): Promise<number[][]> {
  const shape = [ids.length, ids[0]!.length];
  const dims = isSymbolic ? ['batch', 'time'] : shape;
  const graph = trace((inputs) => ({ out: textEncoder(constants, inputs, options) }), {
    ids: spec(dims, 'int64'),
    mask: spec(dims),
  });
  const executable = await compile(graph, { numThreads: 1 });
  const { out } = await executable.run({ ids: int64(ids.flat(), shape), mask: float32(mask.flat(), shape) });
  await executable.close();
  return ids.map((_, n) => Array.from({ length: 4 }, (_, i) => Number(out!.data[n * 4 + i])));
}

const close = (a: readonly number[], b: readonly number[]) => {
  for (let i = 0; i < a.length; i++) expect(a[i]).toBeCloseTo(b[i]!, 5);
};

describe('textEncoder', () => {
  it('gives unit rows, the same however much stands after the end', async () => {
    const [alone] = await encode([[3, 7]], [[1, 1]]);
    expect(Math.hypot(...alone!)).toBeCloseTo(1, 5);
    const both = await encode(
      [
        [3, 7, 9, 9],
        [1, 2, 3, 4],
      ],
      [
        [1, 1, 0, 0],
        [1, 1, 1, 1],
      ],
    );
    close(both[0]!, alone!);
    expect(Math.abs(both[1]![0]! - alone![0]!) + Math.abs(both[1]![1]! - alone![1]!)).toBeGreaterThan(0.01);
  });

  it('is the same model when sizes are not known', async () => {
    const ids = [
      [3, 7, 9],
      [1, 2, 0],
    ];
    const mask = [
      [1, 1, 1],
      [1, 1, 0],
    ];
    const [fixed, symbolic] = [await encode(ids, mask), await encode(ids, mask, true)];
    fixed.forEach((row, i) => void close(symbolic[i]!, row));
  });

  it('reads the order of the tokens', async () => {
    const [forth, back] = await encode(
      [
        [3, 7, 9],
        [9, 7, 3],
      ],
      [
        [1, 1, 1],
        [1, 1, 1],
      ],
    );
    expect(Math.max(...forth!.map((x, i) => Math.abs(x - back![i]!)))).toBeGreaterThan(0.01);
  });

  it('gives a text without tokens the direction of the bias', async () => {
    const [row] = await encode([[0, 0]], [[0, 0]], true);
    const bias = [...(params.projection.bias.data as Float32Array)];
    close(
      row!,
      bias.map((x) => x / Math.hypot(...bias)),
    );
  });

  it('refuses more tokens than it has positions, and a mask of another shape', () => {
    const value = (shape: readonly number[], dtype: 'int64' | 'float32') =>
      new Value({ dtype, shape }, { kind: 'input', name: 'x' });
    const apply = (ids: readonly number[], mask: readonly number[]) => () =>
      textEncoder(constants, { ids: value(ids, 'int64'), mask: value(mask, 'float32') }, options);
    expect(apply([2, 7], [2, 7])).toThrow('T of at most 6');
    expect(apply([2, 4], [2, 3])).toThrow(ShapeError);
  });
});
