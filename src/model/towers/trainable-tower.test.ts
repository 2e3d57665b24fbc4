import { beforeAll, describe, expect, it } from 'vitest';
import { gradients } from '../../engine/autodiff/index.ts';
import { Rng, Tensor } from '../../engine/core/index.ts';
import {
  add,
  clip,
  constant,
  conv,
  type Graph,
  graphOf,
  mul,
  reduceMean,
  reduceSum,
  spec,
  trace,
  type Value,
} from '../../engine/graph/index.ts';
import { compile } from '../../engine/runtime/index.ts';
import { type TrainableTower, trainableTower } from './trainable-tower.ts';

const normal = (seed: string, shape: readonly number[], deviation = 1) =>
  new Tensor(
    'float32',
    shape,
    new Rng(seed).fillNormal(new Float32Array(shape.reduce((product, dim) => product * dim, 1)), deviation),
  );

/** A tower like MobileNetV2 in small: a pointwise, a depthwise and a pointwise convolution, and a residual path around them. */
function smallTower(): Graph {
  return trace(
    ({ x }: { x: Value }) => {
      const wide = clip(conv(x, constant(normal('w0', [6, 2, 1, 1])), constant(normal('b0', [6], 0.1))), 0, 6);
      const deep = clip(
        conv(wide, constant(normal('w1', [6, 1, 3, 3], 3)), constant(normal('b1', [6], 0.1)), {
          pads: [1, 1, 1, 1],
          group: 6,
        }),
        0,
        6,
      );
      const block = add(x, conv(deep, constant(normal('w2', [2, 6, 1, 1]))));
      return { block, pooled: reduceMean(block, { axes: [2, 3] }) };
    },
    { x: spec(['batch', 2, 5, 5]) },
  );
}

async function run(graph: Graph, feeds: Record<string, Tensor>) {
  const executable = await compile(graph, { numThreads: 1 });
  const results = await executable.run(feeds);
  await executable.close();
  return results;
}

const x = normal('x', [3, 2, 5, 5]);
let tower: TrainableTower;
beforeAll(() => {
  tower = trainableTower(smallTower(), 2);
});

/** The tower applied to values, with changes as inputs. */
function applied(names: readonly string[]): { graph: Graph; loss: Value; inputs: readonly Value[] } {
  let inputs: readonly Value[] = [];
  let loss: Value | undefined;
  const graph = trace(
    (given: Record<string, Value>) => {
      const changes = Object.fromEntries(names.map((name, i) => [name, given[`c${i}`]!]));
      inputs = Object.values(changes);
      const { pooled, block } = tower.apply(changes, given.x!);
      loss = reduceSum(mul(pooled!, constant(normal('weights', [3, 2]))));
      return { pooled: pooled!, block: block!, loss };
    },
    {
      x: spec(x.shape),
      ...Object.fromEntries(names.map((name, i) => [`c${i}`, spec(tower.changes[name]!.shape)])),
    },
  );
  return { graph, loss: loss!, inputs };
}

const feedsOf = (changes: Record<string, Tensor>) => ({
  x,
  ...Object.fromEntries(Object.values(changes).map((change, i) => [`c${i}`, change])),
});

describe('trainableTower', () => {
  it('names kernels and biases by the place of their convolution, with changes of zero', () => {
    expect(Object.keys(tower.changes)).toEqual([
      'conv00.weight',
      'conv00.bias',
      'conv01.weight',
      'conv01.bias',
      'conv02.weight',
    ]);
    for (const change of Object.values(tower.changes)) expect(change.data.every((value) => value === 0)).toBe(true);
    expect(tower.changes['conv01.weight']!.shape).toEqual([6, 1, 3, 3]);
  });

  it('computes what the tower computed, as long as nothing is changed', async () => {
    const before = await run(smallTower(), { x });
    const { graph } = applied(Object.keys(tower.changes));
    const after = await run(graph, feedsOf(tower.changes));
    for (const name of ['pooled', 'block']) {
      before[name]!.data.forEach((value, i) => {
        expect(Number(after[name]!.data[i])).toBeCloseTo(Number(value), 5);
      });
    }
  });

  it('moves a kernel by the root mean square of each output channel, times the pace', async () => {
    const only = trainableTower(
      trace(({ x: input }: { x: Value }) => ({ y: conv(input, constant(kernel)) }), { x: spec(['batch', 2, 1, 1]) }),
      2,
    );
    const change = new Tensor('float32', [2, 2, 1, 1], Float32Array.from([0.5, 0, -1, 1]));
    const graph = only.changed({ 'conv00.weight': change });
    const input = new Tensor('float32', [2, 2, 1, 1], Float32Array.from([1, 0, 0, 1]));
    // √((9 + 16) / 2) = 3.5355 and √((0 + 2) / 2) = 1; a change of 1 is twice that.
    const { y } = await run(graph, { x: input });
    const expected = [3 + 0.5 * 2 * 3.53553, 0 - 2, 4, Math.SQRT2 + 2];
    expected.forEach((value, i) => {
      expect(Number(y!.data[i])).toBeCloseTo(value, 4);
    });
  });
  const kernel = new Tensor('float32', [2, 2, 1, 1], Float32Array.from([3, 4, 0, Math.SQRT2]));

  it('keeps a share of the change, and leaves kernels without a change alone', async () => {
    const changes = { 'conv01.weight': normal('change', [6, 1, 3, 3], 0.2) };
    const half = {
      'conv01.weight': new Tensor(
        'float32',
        [6, 1, 3, 3],
        changes['conv01.weight'].data.map((v) => v / 2),
      ),
    };
    const { graph } = applied(['conv01.weight']);
    const expected = await run(graph, feedsOf(half));
    const kept = await run(tower.changed(changes, { share: 0.5 }), { x });
    const none = await run(tower.changed(changes, { share: 0 }), { x });
    const start = await run(smallTower(), { x });
    kept.pooled!.data.forEach((value, i) => {
      expect(Number(value)).toBeCloseTo(Number(expected.pooled!.data[i]), 5);
      expect(Number(none.pooled!.data[i])).toBeCloseTo(Number(start.pooled!.data[i]), 6);
      expect(Number(value)).not.toBeCloseTo(Number(start.pooled!.data[i]), 3);
    });
  });

  it('has the gradients that central differences give, for every kernel and bias', async () => {
    const names = Object.keys(tower.changes);
    const at = Object.fromEntries(names.map((name) => [name, normal(name, tower.changes[name]!.shape, 0.1)]));
    const { graph, loss, inputs } = applied(names);
    const grads = await run(
      graphOf(
        graph.inputs,
        gradients(loss, inputs).map((value, i) => ({ name: `g${i}`, value })),
      ),
      feedsOf(at),
    );
    const executable = await compile(graph, { numThreads: 1 });
    const lossAt = async (name: string, along: Float32Array, step: number) => {
      const data = (at[name]!.data as Float32Array).map((value, i) => value + step * along[i]!);
      const results = await executable.run(feedsOf({ ...at, [name]: new Tensor('float32', at[name]!.shape, data) }));
      return Number(results.loss!.data[0]);
    };
    for (const [i, name] of names.entries()) {
      const along = normal(`along ${name}`, at[name]!.shape).data as Float32Array;
      const expected = (grads[`g${i}`]!.data as Float32Array).reduce((sum, g, k) => sum + g * along[k]!, 0);
      const measured = ((await lossAt(name, along, 1e-3)) - (await lossAt(name, along, -1e-3))) / 2e-3;
      expect(Math.abs(measured - expected), name).toBeLessThan(0.02 * Math.max(1, Math.abs(expected)));
    }
    await executable.close();
  });

  it('refuses a tower without convolutions, and one with two inputs', () => {
    const sum = trace(({ a, b }: { a: Value; b: Value }) => ({ c: add(a, b) }), { a: spec([1]), b: spec([1]) });
    expect(() => trainableTower(sum)).toThrow('one input, got 2');
    const plain = trace(({ a }: { a: Value }) => ({ c: add(a, a) }), { a: spec([1]) });
    expect(() => trainableTower(plain)).toThrow('no convolution');
  });
});
