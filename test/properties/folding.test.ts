/**
 * @file Folding never changes results: random shape arithmetic computed here and by ONNX Runtime, with and without dimensions
 * that are known; and every op that has a gradient, replayed on its own inputs.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Dim, int64, Rng, Tensor } from '../../src/engine/core/index.ts';
import {
  applyOp,
  cast,
  constant,
  constantInts,
  constantOf,
  constantScalar,
  expand,
  gather,
  graphOf,
  knownDims,
  type OpType,
  ops,
  replay,
  reshape,
  shapeOf,
  slice,
  split,
  squeeze,
  unsqueeze,
  Value,
  where,
} from '../../src/engine/graph/index.ts';
import { int } from '../../src/engine/graph/value.ts';
import { compile } from '../../src/engine/runtime/index.ts';
import { preparedByOp } from '../gradients/cases.ts';

/** A step of random arithmetic: picks operands among the values so far and gives another value, if they suit. */
type Step = (pick: (suits: (value: Value) => boolean) => Value | undefined, draw: Rng) => Value | undefined;

const isInt = (value: Value) => value.dtype === 'int64';
const isVector = (value: Value) => isInt(value) && value.rank === 1 && Number(value.shape[0]) > 0;
const isScalar = (value: Value) => isInt(value) && value.rank === 0;
const small = (draw: Rng) => constantInts([1 + Math.floor(draw.uniform() * 4)]);

const binary =
  (opType: OpType): Step =>
  (pick) => {
    const a = pick(isInt);
    const b = a && pick((value) => isInt(value) && (value.rank === 0 || a.rank === 0 || value.shape[0] === a.shape[0]));
    return a && b && applyOp(ops[opType], [a, b])[0];
  };
const byConstant =
  (opType: OpType): Step =>
  (pick, draw) => {
    const a = pick(isVector);
    return a && applyOp(ops[opType], [a, small(draw)])[0];
  };
const comparison =
  (opType: OpType): Step =>
  (pick, draw) => {
    const [a, b] = [pick(isVector), pick(isVector)];
    if (!a || !b) return undefined;
    const holds = applyOp(ops[opType], [a, draw.uniform() < 0.3 ? constantInts([-1]) : small(draw)])[0]!;
    return a.shape[0] === b.shape[0] ? where(holds, a, b) : cast(holds, 'int64');
  };
const reduction =
  (opType: OpType): Step =>
  (pick, draw) => {
    const a = pick(isVector);
    return a && applyOp(ops[opType], [a, constantInts([0])], { keepdims: int(draw.uniform() < 0.5 ? 1 : 0) })[0];
  };
const unary =
  (suits: (value: Value) => boolean, apply: (value: Value, draw: Rng) => Value | undefined): Step =>
  (pick, draw) => {
    const a = pick(suits);
    return a && apply(a, draw);
  };
const whole = (draw: Rng, count: number) => Math.floor(draw.uniform() * count);

const steps: readonly Step[] = [
  ...(['Add', 'Sub', 'Max', 'Min'] as const).map(binary),
  ...(['Mul', 'Div', 'Mod'] as const).map(byConstant),
  ...(['Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual'] as const).map(comparison),
  ...(['ReduceSum', 'ReduceProd', 'ReduceMax', 'ReduceMin'] as const).map(reduction),
  (pick) => {
    const [a, b] = [pick(isVector), pick(isVector)];
    return a && b && applyOp(ops.Concat, [a, b], { axis: int(0) })[0];
  },
  unary(isVector, (a, draw) => gather(a, constantScalar(whole(draw, Number(a.shape[0])), 'int64'))),
  unary(isVector, (a, draw) => gather(a, constantInts([whole(draw, Number(a.shape[0])) - Number(a.shape[0])]))),
  unary(isVector, (a, draw) => slice(a, { starts: [whole(draw, 3) - 1], ends: [draw.uniform() < 0.5 ? 2 ** 40 : -1] })),
  unary(isVector, (a) => slice(a, { starts: [-1], ends: [-(2 ** 40)], steps: [-1] })),
  unary(isScalar, (a) => unsqueeze(a, [0])),
  unary(isScalar, (a, draw) => expand(a, [1 + whole(draw, 3)])),
  unary(
    (a) => isVector(a) && a.shape[0] === 1,
    (a) => squeeze(a, [0]),
  ),
  unary(
    (a) => isVector(a) && a.shape[0] === 1,
    (a) => reshape(a, []),
  ),
  unary(
    (a) => isVector(a) && Number(a.shape[0]) > 1,
    (a) => split(a, [1, Number(a.shape[0]) - 1], 0)[1],
  ),
  unary(
    (a) => isVector(a) && Number(a.shape[0]) < 4,
    (a) => applyOp(ops.Tile, [a, constantInts([2])])[0],
  ),
  unary(isInt, (a) => applyOp(ops.Neg, [a])[0]),
  unary(isInt, (a) => cast(cast(a, 'int32'), 'int64')),
  unary(isVector, (a, draw) => {
    const scaled = applyOp(ops.Mul, [cast(a, 'float32'), constantScalar([0.5, 2, 1.25][whole(draw, 3)]!)])[0]!;
    return cast(applyOp(draw.uniform() < 0.5 ? ops.Floor : ops.Ceil, [scaled])[0]!, 'int64');
  }),
];

/** Values of shape arithmetic over a constant and the shape of x. */
function arithmetic(x: Value, seed: number, length: number): Value[] {
  const draw = new Rng(`arithmetic ${seed}`);
  const values = [shapeOf(x), constant(int64([2, -1, 5])), constantInts([3])];
  for (let i = 0; i < length; i++) {
    const pick = (suits: (value: Value) => boolean) => {
      const fitting = values.filter((value) => value.shape.every((dim) => Number(dim) <= 16) && suits(value));
      return fitting[whole(draw, fitting.length)];
    };
    const next = steps[whole(draw, steps.length)]!(pick, draw);
    if (next !== undefined) values.push(next);
  }
  return values;
}

const dims: Readonly<Record<string, number>> = { batch: 3, time: 5 };
const shape: readonly Dim[] = ['batch', 'time', 2, 'batch'];
const staticShape = shape.map((dim) => (typeof dim === 'string' ? dims[dim]! : dim));
const input = (ofShape: readonly Dim[]) =>
  new Value({ dtype: 'float32', shape: ofShape }, { kind: 'input', name: 'x' });
const feeds = { x: new Tensor('float32', staticShape, new Float32Array(90)) };

const named = (values: readonly Value[]) => values.map((value, i) => ({ name: `value${i}`, value }));

async function contents(x: Value, values: readonly Value[]): Promise<number[][]> {
  const executable = await compile(graphOf([{ name: 'x', value: x }], named(values)), {
    numThreads: 1,
    optimization: 'disabled',
  });
  const results = await executable.run(feeds);
  await executable.close();
  return values.map((_, i) => Array.from(results[`value${i}`]!.data as ArrayLike<number | bigint>, Number));
}

/** What a dimension is once its names are numbers. */
function evaluated(dim: Dim): number {
  if (typeof dim === 'number') return dim;
  const text = dim.replace(/[a-z]+/g, (name) => String(dims[name]));
  return Number(new Function(`return ${text};`)());
}

const programs = fc.tuple(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 5, max: 25 }));

describe('shape arithmetic', () => {
  it('that folds away at a known shape comes to what ONNX Runtime computes', async () => {
    const seen = { folded: 0, all: 0 };
    await fc.assert(
      fc.asyncProperty(programs, async ([seed, length]) => {
        const x = input(shape);
        const values = arithmetic(x, seed, length);
        const folded = replay(graphOf([{ name: 'x', value: x }], named(values)), { x: input(staticShape) });
        const expected = await contents(x, values);
        folded.forEach((value, i) => {
          const tensor = constantOf(value);
          seen.all++;
          if (tensor === undefined) return;
          seen.folded++;
          expect(Array.from(tensor.data as ArrayLike<number | bigint>, Number), `value ${i}`).toEqual(expected[i]);
          expect(value.shape).toEqual(values[i]!.shape);
        });
      }),
      { numRuns: 60, seed: 3 },
    );
    expect(seen.folded).toBe(seen.all);
  });

  it('is known dimension by dimension where some are names', async () => {
    const seen = { names: 0 };
    await fc.assert(
      fc.asyncProperty(programs, async ([seed, length]) => {
        const x = input(shape);
        const values = arithmetic(x, seed, length);
        const expected = await contents(x, values);
        values.forEach((value, i) => {
          knownDims(value)?.forEach((dim, k) => {
            if (dim === '?') return;
            if (typeof dim === 'string') seen.names++;
            expect(evaluated(dim), `${dim} at ${k} of value ${i}`).toBe(expected[i]![k]);
          });
        });
      }),
      { numRuns: 60, seed: 4 },
    );
    expect(seen.names).toBeGreaterThan(100);
  });
});

describe('an op replayed on its own inputs', () => {
  const cases = [...preparedByOp].map(([opType, list]) => ({ opType, prepared: list[0]!.prepared }));

  it.each(cases)('gives the same results: $opType', async ({ prepared }) => {
    const { inputs, outputs } = prepared.trace();
    const graph = graphOf(inputs, named(outputs));
    const fresh = inputs.map(
      ({ name, value }) => new Value({ dtype: value.dtype, shape: value.shape }, { kind: 'input', name }),
    );
    const replayed = replay(graph, fresh);
    expect(replayed.map(String)).toEqual(outputs.map(String));
    const again = graphOf(
      inputs.map(({ name }, i) => ({ name, value: fresh[i]! })),
      named(replayed),
    );
    const results = await Promise.all(
      [graph, again].map(async (one) => {
        const executable = await compile(one, { numThreads: 1, optimization: 'disabled' });
        const tensors = await executable.run(prepared.feeds(prepared.elements));
        await executable.close();
        return outputs.map((_, i) => tensors[`value${i}`]!.data);
      }),
    );
    expect(results[1]).toEqual(results[0]);
  });
});
