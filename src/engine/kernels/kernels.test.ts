import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float32, Rng, Tensor } from '../core/index.ts';
import {
  abs,
  add,
  constantScalar,
  div,
  equal,
  graphOf,
  greater,
  greaterOrEqual,
  less,
  max,
  min,
  mul,
  neg,
  reciprocal,
  reduceSum,
  relu,
  sign,
  sqrt,
  sub,
  Value,
  where,
} from '../graph/index.ts';
import { compile } from '../runtime/index.ts';
import { extractProgram, kernelExport, paddedElements, programToWasm } from './index.ts';

const input = (name: string, shape: readonly number[], dtype: 'float32' | 'bool' = 'float32') =>
  new Value({ dtype, shape }, { kind: 'input', name });

/** Runs the program of `targets` by WebAssembly, on vectors laid out one after another. */
function runKernel(targets: readonly Value[], feeds: ReadonlyMap<Value, Float32Array | number>): Float32Array[] {
  const extracted = extractProgram(targets, (value) => value.origin.kind === 'input')!;
  const length = (targets[0]!.shape as readonly number[]).reduce((a, b) => a * b, 1);
  const padded = paddedElements([length]);
  const memory = new WebAssembly.Memory({ initial: 4 });
  const module = new WebAssembly.Module(programToWasm(extracted.program));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const views = [...extracted.vectors, ...targets].map(
    (_, i) => new Float32Array(memory.buffer, i * padded * 4, padded),
  );
  extracted.vectors.forEach((value, i) => {
    views[i]!.set(feeds.get(value) as Float32Array);
  });
  const scalars = extracted.scalars.map((value) => feeds.get(value) as number);
  (exports[kernelExport] as (...parameters: number[]) => void)(
    padded,
    ...views.map((view) => view.byteOffset),
    ...scalars,
  );
  return views.slice(extracted.vectors.length).map((view) => view.slice(0, length));
}

async function runSession(targets: readonly Value[], feeds: ReadonlyMap<Value, Float32Array | number>) {
  const inputs = [...feeds.keys()].map((value, i) => ({ name: `in${i}`, value }));
  const executable = await compile(
    graphOf(
      inputs,
      targets.map((value, i) => ({ name: `out${i}`, value })),
    ),
    { numThreads: 1 },
  );
  const tensors = [...feeds].map(([value, data], i) => {
    const list = typeof data === 'number' ? [data] : data;
    const shape = value.shape as readonly number[];
    return [`in${i}`, value.dtype === 'bool' ? new Tensor('bool', shape, Uint8Array.from(list)) : float32(list, shape)];
  });
  const results = await executable.run(Object.fromEntries(tensors) as Record<string, Tensor>);
  await executable.close();
  return targets.map((_, i) => results[`out${i}`]!.data as Float32Array);
}

const draws = (seed: number, length: number) => new Rng(seed).fillNormal(new Float32Array(length));

describe('element-wise kernels', () => {
  it('compute what ONNX Runtime computes, for every op that they know, at lengths that are no multiple of 4', async () => {
    for (const length of [1, 3, 4, 37]) {
      const [x, y, s] = [input('x', [length]), input('y', [length]), input('s', [])];
      const flag = input('flag', [], 'bool');
      const targets = [
        add(x, y),
        sub(x, s),
        mul(mul(x, y), 3),
        div(x, y),
        max(x, y),
        min(x, s),
        neg(x),
        abs(x),
        sqrt(abs(x)),
        reciprocal(y),
        sign(sub(x, max(x, 0))),
        relu(x),
        where(greater(x, y), x, y),
        where(greaterOrEqual(x, 0), s, y),
        where(less(x, y), x, constantScalar(7)),
        where(equal(x, x), y, x),
        where(flag, x, y),
      ];
      for (const truth of [0, 1]) {
        const feeds = new Map<Value, Float32Array | number>([
          [x, draws(1, length)],
          [y, draws(2, length)],
          [s, 0.25],
          [flag, truth],
        ]);
        const expected = await runSession(targets, feeds);
        expect(runKernel(targets, feeds)).toEqual(expected);
      }
    }
  });

  it('compute random programs as ONNX Runtime does', async () => {
    const length = 10;
    const binary = [add, sub, mul, max, min] as const;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(4), fc.nat(9), fc.nat(9)), { minLength: 1, maxLength: 6 }),
        async (steps) => {
          const [x, y, s] = [input('x', [length]), input('y', [length]), input('s', [])];
          const vectors: Value[] = [x, y];
          for (const [op, a, b] of steps) {
            const other = b % (vectors.length + 1);
            vectors.push(binary[op]!(vectors[a % vectors.length]!, vectors[other] ?? s));
          }
          const target = add(add(vectors.at(-1)!, x), y);
          const feeds = new Map<Value, Float32Array | number>([
            [x, draws(3, length)],
            [y, draws(4, length)],
            [s, 1.5],
          ]);
          const [expected, got] = [(await runSession([target], feeds))[0]!, runKernel([target], feeds)[0]!];
          got.forEach((value, i) => {
            expect(Math.abs(value - expected[i]!)).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(expected[i]!)));
          });
        },
      ),
      { numRuns: 30, seed: 5 },
    );
  });

  it('share one program between vectors of different shapes', () => {
    const program = (shape: readonly number[]) => {
      const [p, g] = [input('p', shape), input('g', shape)];
      return extractProgram([sub(p, mul(g, 0.1))], (value) => value.origin.kind === 'input')!.program;
    };
    expect(program([2, 3])).toEqual(program([7]));
  });

  it('are not made where elements mix or shapes differ', () => {
    const [x, row] = [input('x', [2, 3]), input('row', [3])];
    const given = (value: Value) => value.origin.kind === 'input';
    expect(extractProgram([add(x, row)], given)).toBeUndefined();
    expect(extractProgram([mul(x, reduceSum(x, { axes: [0], keepDims: true }))], given)).toBeUndefined();
    expect(extractProgram([mul(x, reduceSum(x))], given)?.scalars).toHaveLength(1);
  });

  it('read a vector and write it in place', () => {
    const [p, g] = [input('p', [8]), input('g', [8])];
    const extracted = extractProgram([sub(p, g)], (value) => value.origin.kind === 'input')!;
    const memory = new WebAssembly.Memory({ initial: 1 });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(programToWasm(extracted.program)), {
      env: { memory },
    });
    const view = new Float32Array(memory.buffer, 0, 16);
    view.set([10, 20, 30, 40, 50, 60, 70, 80, 1, 2, 3, 4, 5, 6, 7, 8]);
    (exports[kernelExport] as (...parameters: number[]) => void)(8, 0, 32, 0);
    expect([...view.subarray(0, 8)]).toEqual([9, 18, 27, 36, 45, 54, 63, 72]);
  });
});
