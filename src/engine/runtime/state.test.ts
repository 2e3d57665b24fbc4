/** @file State that sessions advance, in the calling thread and in one of its own. */
import { afterAll, describe, expect, it } from 'vitest';
import { float32, full, ShapeError, scalar, Tensor } from '../core/index.ts';
import {
  add,
  constant,
  type Graph,
  gather,
  matMul,
  mul,
  reduceMean,
  reduceSum,
  spec,
  trace,
  type Value,
} from '../graph/index.ts';
import { exportOnnx } from '../onnx/index.ts';
import { callingThread, HeldState, loadSession, type SessionThread, WorkerError, WorkerThread } from './index.ts';

const threads: SessionThread[] = [];
afterAll(() => Promise.all(threads.map((thread) => thread.close())));

const start = { x: float32([1, 2, 3]), count: scalar(0) };

const portsOf = (tensors: Readonly<Record<string, Tensor>>) =>
  Object.entries(tensors).map(([name, { dtype, shape }]) => ({ name, dtype, shape }));

/** x ← by · x and count ← count + 1, with Σ x as the output. */
const advancing = () =>
  trace(({ x, count, by }) => ({ next: { x: mul(x, by), count: add(count, 1) }, sum: reduceSum(x) }), {
    x: spec([3]),
    count: spec([]),
    by: spec([]),
  });

/** Takes long: a product of large matrices, over and over. `next.x` is its mean. */
const slow = (rounds: number) =>
  trace(
    ({ x, large }) => {
      let product = large as Value;
      for (let i = 0; i < rounds; i++) product = mul(matMul(product, large), 0.001);
      return { 'next.x': add(mul(x, 0), reduceMean(product)) };
    },
    { x: spec([3]), large: spec([512, 512]) },
  );
const large = full([512, 512], 0.5);
const float32Ones = constant(full([2], 1));

async function loaded(thread: SessionThread, graph: Graph) {
  return loadSession(thread, exportOnnx(graph), { numThreads: 1 });
}

async function make(isWorker: boolean, graph: Graph, scratch: Parameters<typeof HeldState.create>[1]['scratch'] = []) {
  const thread = isWorker ? new WorkerThread() : callingThread();
  threads.push(thread);
  return {
    thread,
    session: await loaded(thread, graph),
    state: await HeldState.create(thread, { ports: portsOf(start), start, scratch }),
  };
}

const valuesOf = (state: HeldState, name: string) => Array.from(state.read().tensors.get(name)!.data, Number);

describe.each([false, true])('state, in a thread of its own: %s', (isWorker) => {
  it('advances run by run, and other outputs come back', async () => {
    const { session, state } = await make(isWorker, advancing());
    expect(await state.advance([{ session, feeds: { by: scalar(2) } }])).toEqual([{ sum: scalar(6) }]);
    expect(await state.advance([{ session, feeds: { by: scalar(3) } }])).toEqual([{ sum: scalar(12) }]);
    expect(valuesOf(state, 'x')).toEqual([6, 12, 18]);
    expect(valuesOf(state, 'count')).toEqual([2]);
    expect(state.read().version).toBe(2);
    expect(Array.from(start.x.data), 'what it started from').toEqual([1, 2, 3]);
  });

  it('takes what is written into it', async () => {
    const { session, state } = await make(isWorker, advancing());
    await state.advance([{ session, feeds: { by: scalar(2) } }]);
    await state.write({ x: float32([1, 0, 1]) });
    await state.advance([{ session, feeds: { by: scalar(5) } }]);
    expect(valuesOf(state, 'x')).toEqual([5, 0, 5]);
    expect(valuesOf(state, 'count')).toEqual([2]);
  });

  it('stays as it was when feeds do not fit', async () => {
    const { session, state } = await make(isWorker, advancing());
    await expect(state.advance([{ session, feeds: { by: float32([1, 2]) } }])).rejects.toThrow(ShapeError);
    await expect(state.advance([{ session, feeds: {} }])).rejects.toThrow('"by"');
    expect(valuesOf(state, 'x')).toEqual([1, 2, 3]);
  });

  it('takes effect as a whole: what a phase left behind is gone when a later one fails', async () => {
    const scratch = [{ name: 'total', dtype: 'float32', shape: [] }] as const;
    const counting = trace(({ x, total }) => ({ 'next.total': add(total, reduceSum(x)) }), {
      x: spec([3]),
      total: spec([]),
    });
    const { thread, session, state } = await make(isWorker, counting, scratch);
    const taking = trace(({ x, total, at }) => ({ 'next.x': add(x, mul(total, gather(float32Ones, at))) }), {
      x: spec([3]),
      total: spec([]),
      at: spec([], 'int64'),
    });
    const last = await loaded(thread, taking);
    const phase = { session, feeds: {} };
    const failing = state.advance([phase, phase, { session: last, feeds: { at: scalar(7, 'int64') } }]);
    await expect(failing).rejects.toThrow();
    expect(valuesOf(state, 'x')).toEqual([1, 2, 3]);
    await state.advance([phase, phase, { session: last, feeds: { at: scalar(0, 'int64') } }]);
    expect(valuesOf(state, 'x'), 'each phase sees the sum of those before').toEqual([13, 14, 15]);
    await state.advance([phase, { session: last, feeds: { at: scalar(0, 'int64') } }]);
    expect(valuesOf(state, 'x'), 'scratch is zero again').toEqual([55, 56, 57]);
  });

  it('does not begin when its signal has aborted', async () => {
    const { session, state } = await make(isWorker, advancing());
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(state.advance([{ session, feeds: { by: scalar(2) } }], signal)).rejects.toThrow('enough');
    expect(state.read().version).toBe(0);
  });
});

describe('state in a worker thread', () => {
  it('leaves the event loop free while it advances', async () => {
    const { session, state } = await make(true, slow(60));
    let beats = 0;
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      beats++;
    }, 5);
    const from = performance.now();
    await state.advance([{ session, feeds: { large } }]);
    const milliseconds = performance.now() - from;
    clearInterval(timer);
    expect(milliseconds).toBeGreaterThan(100);
    expect(beats).toBeGreaterThan(milliseconds / 25);
    expect(longest).toBeLessThan(milliseconds / 2);
  });

  it('is cancelled at once: nothing has changed, and the next run works', async () => {
    const { thread, session, state } = await make(true, slow(60));
    const quick = await loaded(thread, advancing());
    const controller = new AbortController();
    const from = performance.now();
    const cancelled = state.advance([{ session, feeds: { large } }], controller.signal);
    const outcome = cancelled.then(
      () => 'ended',
      (error) => error,
    );
    setTimeout(() => controller.abort(new Error('the user left')), 20);
    expect(((await outcome) as Error).message).toBe('the user left');
    const waited = performance.now() - from;
    expect(valuesOf(state, 'x')).toEqual([1, 2, 3]);
    expect(performance.now() - from, 'the run itself takes longer').toBeGreaterThan(2 * waited);
    await state.advance([{ session: quick, feeds: { by: scalar(2) } }]);
    expect(valuesOf(state, 'x')).toEqual([2, 4, 6]);
    expect(state.read().version).toBe(1);
  });

  it('says so when the thread ends, in runs under way and later', async () => {
    const { thread, session, state } = await make(true, slow(20));
    const running = state.advance([{ session, feeds: { large } }]);
    const outcome = running.catch((error) => error);
    await (thread as WorkerThread).worker.terminate();
    expect(await outcome).toBeInstanceOf(WorkerError);
    await expect(state.advance([{ session, feeds: { large } }])).rejects.toThrow('its worker thread ended');
    expect(() => state.read()).toThrow(WorkerError);
  });

  it('is read whole where it is larger than one reading copies', async () => {
    const thread = new WorkerThread();
    threads.push(thread);
    const big = Object.fromEntries([0, 1, 2].map((i) => [`t${i}`, full([1 << 20], i)]));
    const odd = { few: float32([1, 2]), half: new Tensor('float16', [1], Uint16Array.of(0x3c00)), last: scalar(9) };
    const state = await HeldState.create(thread, { ports: portsOf({ ...odd, ...big }), start: { ...odd, ...big } });
    const { tensors } = state.read();
    expect(tensors.get('few')).toEqual(odd.few);
    expect(tensors.get('half')).toEqual(odd.half);
    expect(tensors.get('last')).toEqual(odd.last);
    for (const [name, tensor] of Object.entries(big)) {
      expect(
        Buffer.compare(
          Buffer.from(tensors.get(name)!.data.buffer as ArrayBuffer),
          Buffer.from(tensor.data.buffer as ArrayBuffer),
        ),
      ).toBe(0);
    }
  });
});
