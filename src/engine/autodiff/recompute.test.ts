/** @file Recomputed segments: the same derivatives, from forward values that are built anew. */
import { describe, expect, it } from 'vitest';
import { int64, Rng, Tensor } from '../core/index.ts';
import {
  add,
  type Graph,
  gather,
  matMul,
  mul,
  reduceMean,
  spec,
  square,
  tanh,
  trace,
  type Value,
} from '../graph/index.ts';
import { exportOnnx } from '../onnx/index.ts';
import { compile, profileModel } from '../runtime/index.ts';
import { gradients, recompute } from './index.ts';

const rng = new Rng('recompute');
const draw = (...shape: number[]) =>
  new Tensor('float32', shape, rng.fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1)), 0.5));
const feeds = { table: draw(7, 6), a: draw(6, 6), b: draw(6, 6), ids: int64([3, 1, 3, 0], [2, 2]) };
const specs = { table: spec([7, 6]), a: spec([6, 6]), b: spec([6, 6]), ids: spec([2, 2], 'int64') };
type Layer = (weight: Value, x: Value) => Value;

/** The loss and its derivatives; each layer is wrapped in `wrap`. */
function graphWith(wrap: (layer: Layer) => Layer): Graph {
  const layer = wrap((weight, x) => add(tanh(matMul(tanh(matMul(x, weight)), weight)), mul(x, 0.5)));
  const embed = wrap((table, ids) => gather(table, ids));
  return trace(({ table, a, b, ids }) => {
    const x = layer(b as Value, layer(a as Value, embed(table as Value, ids as Value)));
    const loss = reduceMean(square(x));
    const [table1, a1, b1] = gradients(loss, [table, a, b] as Value[]);
    return { loss, table1: table1!, a1: a1!, b1: b1! };
  }, specs);
}

async function run(graph: Graph) {
  const executable = await compile(graph, { numThreads: 1 });
  const results = await executable.run(feeds);
  await executable.close();
  return results;
}

const count = (graph: Graph, opType: string) => graph.nodes.filter(({ op }) => op.opType === opType).length;

describe('recompute', () => {
  const plain = graphWith((layer) => layer);

  it('gives the same loss and derivatives', async () => {
    const expected = await run(plain);
    for (const wrap of [recompute, (layer: Layer) => recompute(recompute(layer))]) {
      const results = await run(graphWith(wrap as (layer: Layer) => Layer));
      for (const [name, tensor] of Object.entries(expected)) {
        tensor.data.forEach((value, i) => {
          expect(Number(results[name]!.data[i]), `${name}[${i}]`).toBeCloseTo(Number(value), 6);
        });
      }
    }
  });

  it('needs much less memory: the values of one layer at a time, not of all', async () => {
    const [numLayers, rows, dim] = [12, 1024, 64];
    const peakOf = async (wrap: (layer: Layer) => Layer) => {
      const layer = wrap((weight, x) => tanh(matMul(tanh(matMul(tanh(matMul(x, weight)), weight)), weight)));
      const graph = trace(
        ({ weights, x }) => {
          const value = (weights as Value[]).reduce((before, weight) => layer(weight, before), x as Value);
          return gradients(reduceMean(square(value)), weights as Value[]);
        },
        { weights: Array.from({ length: numLayers }, () => spec([dim, dim])), x: spec([rows, dim]) },
      );
      return (await profileModel(exportOnnx(graph), { runs: 1, runtime: { numThreads: 1 } })).peakBytes;
    };
    const bytes = 4 * rows * dim;
    const [kept, recomputed] = [await peakOf((layer) => layer), await peakOf(recompute)];
    expect(kept).toBeGreaterThan(3 * numLayers * bytes);
    expect(recomputed).toBeLessThan(0.6 * kept);
  });

  it('computes what is inside twice', () => {
    expect(count(plain, 'Tanh')).toBe(4);
    expect(count(graphWith(recompute), 'Tanh')).toBe(8);
  });
});
