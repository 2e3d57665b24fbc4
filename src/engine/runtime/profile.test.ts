/** @file Profiles: that every node is counted, and what is fed. */
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../core/index.ts';
import { gather, matMul, relu, spec, trace, type Value } from '../graph/index.ts';
import { exportOnnx } from '../onnx/index.ts';
import { drawFeeds, profileModel, summarizeProfile } from './profile.ts';

const model = exportOnnx(
  trace(
    ({ x, w, ids }) => ({
      y: matMul(relu(matMul(x as Value, w as Value)), w as Value),
      rows: gather(x as Value, ids as Value),
    }),
    { x: spec(['batch', 64]), w: spec([64, 64]), ids: spec(['n'], 'int64') },
  ),
);

describe('a profile', () => {
  it('counts the nodes of a run by op and by name', async () => {
    const profile = await profileModel(model, { runs: 3, dims: { batch: 32 }, runtime: { optimization: 'disabled' } });
    expect(profile.runs).toBe(3);
    const calls = Object.fromEntries(profile.ops.map(({ name, calls }) => [name, calls]));
    expect(calls).toEqual({ MatMul: 2, Relu: 1, Gather: 1 });
    expect(profile.nodes.map(({ calls }) => calls)).toEqual([1, 1, 1, 1]);
    for (const rows of [profile.ops, profile.nodes]) {
      expect(rows.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
      expect(rows.map(({ milliseconds }) => milliseconds)).toEqual(
        rows.map(({ milliseconds }) => milliseconds).sort((a, b) => b - a),
      );
    }
    const inNodes = profile.nodes.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    expect(inNodes).toBeLessThanOrEqual(profile.milliseconds);
  });

  it('leaves out the first run', () => {
    const node = (dur: number) => ({
      cat: 'Node',
      name: 'a_kernel_time',
      dur,
      args: { op_name: 'Add', mem_in_use_peak: '64' },
    });
    const run = (dur: number) => ({ cat: 'Session', name: 'model_run', dur });
    const events = [node(900), run(1000), node(10), node(20), run(50), node(30), node(40), run(70), {}];
    const row = { calls: 2, milliseconds: 0.05, share: 1, opType: 'Add' };
    expect(summarizeProfile(JSON.stringify(events))).toEqual({
      runs: 2,
      milliseconds: 0.06,
      peakBytes: 64,
      ops: [{ name: 'Add', ...row }],
      nodes: [{ name: 'a', ...row }],
    });
  });

  it('refuses a number of runs that is none, and a dimension that is not there', async () => {
    await expect(profileModel(model, { runs: 0 })).rejects.toThrow(RangeError);
    await expect(profileModel(model, { dims: { time: 3 } })).rejects.toThrow(
      'no dimension is named "time"; there are batch, n',
    );
  });
});

describe('what is fed', () => {
  it('has the shapes of the inputs, with 1 for what is not said', () => {
    const inputs = [
      { name: 'x', dtype: 'float32', shape: ['batch', 3, '?'] },
      { name: 'ids', dtype: 'int64', shape: ['batch'] },
      { name: 'mask', dtype: 'bool', shape: [2] },
    ] as const;
    const feeds = drawFeeds(inputs, { batch: 5 });
    expect(feeds.x!.shape).toEqual([5, 3, 1]);
    expect((feeds.x!.data as Float32Array).every((value) => value >= 0 && value < 1)).toBe(true);
    expect(feeds.ids!.data).toEqual(new BigInt64Array(5));
    expect(feeds.mask!.data).toEqual(Uint8Array.of(1, 1));
    expect(() => drawFeeds(inputs, { other: 1 })).toThrow(ShapeError);
  });
});
