import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DtypeError, FormatError, float32, full, int64, ShapeError, Tensor, zeros } from '../core/index.ts';
import {
  add,
  cast,
  concat,
  constantInts,
  gather,
  mul,
  not,
  reduceSum,
  relu,
  slice,
  spec,
  trace,
  type Value,
} from '../graph/index.ts';
import { compile, type Executable, loadExecutable } from './index.ts';

const open: Executable[] = [];
let worker = false;
async function compiled(graph: Parameters<typeof compile>[0]): Promise<Executable> {
  const executable = await compile(graph, { worker });
  open.push(executable);
  return executable;
}
afterAll(() => Promise.all(open.map((executable) => executable.close())));

describe.each([false, true])('an executable, in a thread of its own: %s', (inWorker) => {
  beforeAll(() => {
    worker = inWorker;
  });
  it('says what it takes and gives', async () => {
    const graph = trace(({ x, i }) => ({ rows: gather(x, i) }), { x: spec(['batch', 2]), i: spec([3], 'int64') });
    const executable = await compiled(graph);
    expect(executable.inputs).toEqual([
      { name: 'x', dtype: 'float32', shape: ['batch', 2] },
      { name: 'i', dtype: 'int64', shape: [3] },
    ]);
    expect(executable.outputs).toEqual([{ name: 'rows', dtype: 'float32', shape: [3, 2] }]);
  });

  it('refuses what does not fit: nothing, another type, another shape, two sizes for one name', async () => {
    const graph = trace(({ x, y }) => concat([x, y], 1), { x: spec(['batch', 2]), y: spec(['batch', 1]) });
    const executable = await compiled(graph);
    const y = zeros([3, 1]);
    const refused = (feeds: Parameters<Executable['run']>[0]) => executable.run(feeds);
    await expect(refused({ y })).rejects.toThrow(ShapeError);
    await expect(refused({ y })).rejects.toThrow('Executable: input "x" needs float32[batch,2], got nothing');
    await expect(refused({ x: int64([1, 2], [1, 2]), y })).rejects.toThrow(DtypeError);
    await expect(refused({ x: zeros([3, 3]), y })).rejects.toThrow('needs float32[batch,2], got [3,3]');
    await expect(refused({ x: zeros([6]), y })).rejects.toThrow(ShapeError);
    await expect(refused({ x: zeros([2, 2]), y })).rejects.toThrow('where batch is 2 already, got [3,1]');
    expect((await refused({ x: zeros([3, 2]), y })).output!.shape).toEqual([3, 3]);
  });

  it('refuses to write into a tensor that is not what the model gives', async () => {
    const executable = await compiled(trace((x: Value) => relu(x), spec([2])));
    const feeds = { input: float32([1, -1]) };
    await expect(executable.run(feeds, { output: zeros([3]) })).rejects.toThrow('output "output" needs float32[2]');
    await expect(executable.run(feeds, { output: zeros([2], 'float64') })).rejects.toThrow(DtypeError);
    await expect(executable.run(feeds, { other: zeros([2]) })).rejects.toThrow('has no output "other"');
  });

  it('writes in place, step after step between two buffers', async () => {
    const executable = await compiled(
      trace(({ state, by }) => ({ next: add(mul(state, 2), by) }), { state: spec([3]), by: spec([]) }),
    );
    let [front, back] = [float32([1, 2, 3]), zeros([3])];
    const expected = [1, 2, 3];
    for (let step = 0; step < 10; step++) {
      const before = front.data.slice();
      const target = back.data;
      const results = await executable.run({ state: front, by: full([], step) }, { next: back });
      expected.forEach((value, i) => {
        expected[i] = 2 * value + step;
      });
      expect(results.next).toBe(back);
      expect(back.data).toBe(target);
      expect(Array.from(back.data)).toEqual(expected);
      expect(front.data, 'what was read is as it was').toEqual(before);
      [front, back] = [back, front];
    }
  });

  it('allocates the outputs that are not given', async () => {
    const executable = await compiled(trace((x: Value) => ({ a: relu(x), b: mul(x, 2) }), spec([2])));
    const a = zeros([2]);
    const results = await executable.run({ input: float32([-1, 3]) }, { a });
    expect(results.a).toBe(a);
    expect(a.data).toEqual(Float32Array.of(0, 3));
    expect(results.b!.data).toEqual(Float32Array.of(-2, 6));
  });

  it('runs one graph with a symbolic batch at several sizes, 0 among them', async () => {
    const executable = await compiled(trace((x: Value) => reduceSum(mul(x, x), { axes: [1] }), spec(['batch', 2])));
    for (const batch of [1, 4, 0, 17]) {
      const x = float32(
        Float32Array.from({ length: batch * 2 }, (_, i) => i),
        [batch, 2],
      );
      const { output } = await executable.run({ input: x });
      expect(output!.shape).toEqual([batch]);
      expect(Array.from(output!.data as Float32Array)).toEqual(
        Array.from({ length: batch }, (_, i) => (2 * i) ** 2 + (2 * i + 1) ** 2),
      );
    }
  });

  it('runs for several callers at once', async () => {
    const executable = await compiled(trace((x: Value) => mul(x, 3), spec([1])));
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) => executable.run({ input: float32([i]) })));
    expect(results.map(({ output }) => output!.data[0])).toEqual(Array.from({ length: 20 }, (_, i) => 3 * i));
  });

  it('passes every element type in and out, scalars and empty tensors too', async () => {
    const tensors: readonly Tensor[] = [
      float32([1.5, -0]),
      new Tensor('float64', [2], Float64Array.of(0.1, -2)),
      new Tensor('float16', [2], Uint16Array.of(0x3c00, 0xc000)),
      int64([2 ** 40, -1]),
      new Tensor('int32', [2], Int32Array.of(7, -7)),
      new Tensor('uint8', [2], Uint8Array.of(0, 255)),
      new Tensor('int8', [2], Int8Array.of(-128, 127)),
      new Tensor('bool', [2], Uint8Array.of(0, 1)),
      zeros([0, 3]),
      full([], 4),
    ];
    for (const tensor of tensors) {
      const executable = await compiled(trace((x: Value) => x, spec(tensor.shape, tensor.dtype)));
      expect((await executable.run({ input: tensor })).output).toEqual(tensor);
    }
  });

  it('carries NaN, infinities and the sign of zero', async () => {
    const executable = await compiled(trace((x: Value) => mul(x, -1), spec([4])));
    const { output } = await executable.run({ input: float32([0, Number.NaN, Number.POSITIVE_INFINITY, -0]) });
    expect(Array.from(output!.data as Float32Array)).toEqual([-0, Number.NaN, Number.NEGATIVE_INFINITY, 0]);
  });

  it('computes with float16 numbers and bools, down to nothing', async () => {
    const graph = trace(
      ({ half, flag }) => ({
        sum: cast(add(mul(half, 0.5), 1), 'float32'),
        opposite: not(flag),
        none: slice(half, { starts: [2], ends: [2] }),
      }),
      { half: spec([2], 'float16'), flag: spec([2], 'bool') },
    );
    const executable = await compiled(graph);
    const half = new Tensor('float16', [2], Uint16Array.of(0x3c00, 0xc000));
    const { sum, opposite, none } = await executable.run({ half, flag: new Tensor('bool', [2], Uint8Array.of(0, 1)) });
    expect(sum!.data).toEqual(Float32Array.of(1.5, 0));
    expect(opposite!.data).toEqual(Uint8Array.of(1, 0));
    expect(none!.shape).toEqual([0]);
  });

  it('does not load what is not a model, and says so', async () => {
    const nonsense = Uint8Array.from({ length: 64 }, (_, i) => (i * 37) % 256);
    await expect(loadExecutable(nonsense, { worker })).rejects.toThrow(FormatError);
    await expect(loadExecutable('/nowhere/model.onnx', { worker })).rejects.toThrow(
      /cannot load \/nowhere\/model\.onnx/,
    );
  });
  it('leaves what it is fed to the caller, and takes parts of larger arrays and shared memory', async () => {
    const executable = await compiled(trace((x: Value) => mul(x, 2), spec([40_000])));
    const whole = Float32Array.from({ length: 80_000 }, (_, i) => i);
    const shared = new Float32Array(new SharedArrayBuffer(160_000)).fill(3);
    for (const data of [whole.subarray(40_000), shared]) {
      const x = float32(data);
      const first = data[0]!;
      const { output } = await executable.run({ input: x });
      expect(output!.data[0]).toBe(2 * first);
      expect(output!.data[39_999]).toBe(2 * data[39_999]!);
      expect([x.data.length, x.data[0]]).toEqual([40_000, first]);
    }
  });

  it('takes and gives text', async () => {
    const executable = await compiled(trace((x: Value) => gather(x, constantInts([1, 0])), spec([2], 'string')));
    const { output } = await executable.run({ input: new Tensor('string', [2], ['wort', '字']) });
    expect(output!.data).toEqual(['字', 'wort']);
  });

  it('cannot be run when it is closed', async () => {
    const executable = await compile(
      trace((x: Value) => mul(x, 2), spec([1])),
      { worker },
    );
    await executable.close();
    await expect(executable.run({ input: float32([1]) })).rejects.toThrow('it is closed');
  });
});
