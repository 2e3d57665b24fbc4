/** @file Branches, loops, scans and lists: what they give in ONNX Runtime, and what replaying makes of those that are known. */
import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/engine/autodiff/index.ts';
import { float32, int64, type Shape, Tensor, UnsupportedOpError } from '../../src/engine/core/index.ts';
import {
  add,
  applyOp,
  cast,
  concatFromSequence,
  constant,
  constantInts,
  constantScalar,
  type Graph,
  graphOf,
  greater,
  ifElse,
  less,
  loop,
  matMul,
  mul,
  nodesInOrder,
  opKey,
  ops,
  reduceSum,
  replay,
  scan,
  sequenceAt,
  sequenceConstruct,
  shapeOf,
  sin,
  slice,
  sub,
  tanh,
  unrollLoops,
  Value,
} from '../../src/engine/graph/index.ts';
import { int } from '../../src/engine/graph/value.ts';
import { compile } from '../../src/engine/runtime/index.ts';
import { disagreements, PreparedCase, uniform } from '../gradients/checker.ts';

const input = (name: string, shape: Shape, dtype: 'float32' | 'bool' | 'int64' = 'float32') =>
  new Value({ dtype, shape }, { kind: 'input', name });

const graphWith = (inputs: readonly Value[], outputs: readonly Value[]): Graph =>
  graphOf(
    inputs.map((value, i) => ({ name: value.origin.kind === 'input' ? value.origin.name : `in${i}`, value })),
    outputs.map((value, i) => ({ name: `out${i}`, value })),
  );

/** The outputs of the graph in ONNX Runtime, each with the shape that inference gave; unknown dimensions fit any. */
async function run(graph: Graph, feeds: Readonly<Record<string, Tensor>>): Promise<number[][]> {
  const executable = await compile(graph, { numThreads: 1 });
  const results = await executable.run(feeds);
  await executable.close();
  return graph.outputs.map(({ name, value }) => {
    const { shape, data } = results[name]!;
    expect(shape.length, `${name} is ${value}`).toBe(value.rank);
    shape.forEach((dim, axis) => {
      if (typeof value.shape[axis] === 'number') expect(dim).toBe(value.shape[axis]);
    });
    return Array.from(data as ArrayLike<number | bigint>, Number);
  });
}

const opTypesOf = (values: readonly Value[]) => nodesInOrder(values).map((node) => opKey(node.op));
const yes = (value: boolean) => new Tensor('bool', [], Uint8Array.of(value ? 1 : 0));

describe('ifElse', () => {
  const condition = input('condition', [], 'bool');
  const x = input('x', [2]);
  const shared = constant(float32([10, 20]));
  const outputs = ifElse(
    condition,
    () => [add(mul(x, x), shared)],
    () => [sub(x, shared)],
  );
  const graph = graphWith([condition, x], outputs);

  it('runs the branch that the condition chooses, with constants and values from around it', async () => {
    expect(await run(graph, { condition: yes(true), x: float32([1, 2]) })).toEqual([[11, 24]]);
    expect(await run(graph, { condition: yes(false), x: float32([1, 2]) })).toEqual([[-9, -18]]);
  });

  it('knows of its outputs what both branches agree on', () => {
    const [result] = ifElse(
      condition,
      () => [x],
      () => [slice(x, { starts: [0], ends: [1] })],
    );
    expect(String(result)).toBe('float32[?]');
  });

  it('becomes its branch where the condition is known, and derivatives flow', async () => {
    const known = replay(graph, { condition: constantScalar(1, 'bool'), x });
    expect(opTypesOf(known)).toEqual(['Mul', 'Add']);
    const [derivative] = gradients(reduceSum(known[0]!), [x]);
    expect(await run(graphWith([x], [derivative!]), { x: float32([3, -1]) })).toEqual([[6, -2]]);
  });

  it('has no gradient where it is not, and says what to do', () => {
    const differentiate = () => gradients(reduceSum(outputs[0]!), [x]);
    expect(differentiate).toThrow(UnsupportedOpError);
    expect(differentiate).toThrow(/If has no gradient: .*replay takes the branch of a condition that is known/);
  });
});

/** y <- tanh(y w + x), a number of times; the states on the way are the outputs. */
const recurrence = (steps: Value | number, y: Value, w: Value, x: Value) =>
  loop(steps, [y], (step, [state]) => {
    const next = tanh(add(matMul(state!, w), mul(x, add(cast(step, x.dtype), 1))));
    return { states: [next], outputs: [next] };
  });

describe('loop', () => {
  const [y, w, x] = [input('y', [1, 2]), input('w', [2, 2]), input('x', [1, 2])] as const;
  const feeds = {
    y: float32([0.5, -1], [1, 2]),
    w: float32([0.1, 0.4, -0.3, 0.2], [2, 2]),
    x: float32([0.3, -0.2], [1, 2]),
  };

  it('carries states and stacks outputs, of a number of steps that is known', async () => {
    const outputs = recurrence(3, y, w, x);
    expect(outputs.map(String)).toEqual(['float32[1,2]', 'float32[3,1,2]']);
    const [last, all] = (await run(graphWith([y, w, x], outputs), feeds)) as [number[], number[]];
    expect(all.slice(4)).toEqual(last);
  });

  it('gives the same when it is written out step by step', async () => {
    const graph = graphWith([y, w, x], recurrence(3, y, w, x));
    const flat = graphWith([y, w, x], unrollLoops(graph));
    expect(opTypesOf(flat.outputs.map(({ value }) => value))).not.toContain('Loop');
    expect(flat.outputs.map(({ value }) => String(value))).toEqual(['float32[1,2]', 'float32[3,1,2]']);
    expect(await run(flat, feeds)).toEqual(await run(graph, feeds));
  });

  it('stays a loop where its steps are not known, or too many', () => {
    const steps = input('steps', [], 'int64');
    const open = recurrence(steps, y, w, x);
    expect(open.map(String)).toEqual(['float32[1,2]', 'float32[?,1,2]']);
    expect(opTypesOf(unrollLoops(graphWith([steps, y, w, x], open)))).toContain('Loop');
    expect(opTypesOf(unrollLoops(graphWith([y, w, x], recurrence(9, y, w, x)), 8))).toContain('Loop');
  });

  it('ends when its body says so, also written out', async () => {
    const outputs = loop(10, [constantScalar(1, 'int64')], (_, [state]) => {
      const next = mul(state!, 2);
      return { states: [next], goesOn: less(next, 20) };
    });
    const graph = graphWith([], outputs);
    expect(await run(graph, {})).toEqual([[32]]);
    const [flat] = unrollLoops(graph);
    expect(flat!.origin.kind).toBe('constant');
    expect(await run(graphWith([], [flat!]), {})).toEqual([[32]]);
  });

  it('has states whose shape grows from step to step', async () => {
    const start = input('start', [1]);
    const outputs = loop(3, [start], (_, [state]) => ({
      states: [applyOp(ops.Concat, [state!, state!], { axis: int(0) })[0]!],
    }));
    const graph = graphWith([start], outputs);
    const replayed = replay(graph, { start }, { fold: false });
    expect(String(replayed[0])).toBe('float32[?]');
    expect(await run(graphWith([start], replayed), { start: float32([5]) })).toEqual([new Array(8).fill(5)]);
    expect(String(unrollLoops(graph)[0])).toBe('float32[8]');
  });

  it('has derivatives that agree with differences, written out', async () => {
    const prepared = new PreparedCase({
      name: 'a loop of three steps, written out',
      operands: [uniform([1, 2]), uniform([2, 2]), uniform([1, 2])],
      apply: (operands) => {
        const [y0, w0, x0] = operands as [Value, Value, Value];
        return unrollLoops(graphWith(operands, recurrence(3, y0, w0, x0)));
      },
    });
    expect(await disagreements(prepared)).toEqual([]);
  });

  it('inside a loop, with a branch inside', async () => {
    const outputs = loop(2, [y], (outer, [state]) => {
      const [sum] = loop(2, [state!], (inner, [own]) => {
        const [moved] = ifElse(
          greater(inner, outer),
          () => [add(own!, w)],
          () => [mul(own!, sub(state!, 1))],
        );
        return { states: [moved!] };
      });
      return { states: [reduceSum(sum!, { axes: [0], keepDims: true })] };
    });
    const graph = graphWith([y, w], outputs);
    const fed = { y: feeds.y, w: feeds.w };
    const flat = unrollLoops(graph);
    expect(opTypesOf(flat).filter((op) => op === 'If' || op === 'Loop')).toEqual([]);
    const [before, after] = [await run(graph, fed), await run(graphWith([y, w], flat), fed)];
    before[0]!.forEach((value, i) => {
      expect(after[0]![i]).toBeCloseTo(value, 5);
    });
  });
});

describe('scan', () => {
  const [state, xs] = [input('state', [2]), input('xs', [4, 2])];
  const feeds = { state: float32([1, 2]), xs: float32([1, 2, 3, 4, 5, 6, 7, 8], [4, 2]) };
  const outputs = scan([state], [xs], ([sum], [x]) => {
    const next = add(sum!, x!);
    return { states: [next], outputs: [mul(next, x!)] };
  });
  const graph = graphWith([state, xs], outputs);

  it('carries states along the first axis', async () => {
    expect(outputs.map(String)).toEqual(['float32[2]', 'float32[4,2]']);
    expect(await run(graph, feeds)).toEqual([
      [17, 22],
      [2, 8, 15, 32, 50, 84, 119, 176],
    ]);
  });

  it('gives the same when it is written out, from either end and along other axes', async () => {
    const body = outputs[0]!.origin.kind === 'node' ? outputs[0]!.origin.node.attributes.body! : undefined;
    const turned = applyOp(ops.Scan, [state, applyOp(ops.Transpose, [xs])[0]!], {
      body: body!,
      num_scan_inputs: int(1),
      scan_input_axes: { kind: 'ints', value: [-1] },
      scan_input_directions: { kind: 'ints', value: [1] },
      scan_output_axes: { kind: 'ints', value: [1] },
      scan_output_directions: { kind: 'ints', value: [1] },
    });
    expect(turned.map(String)).toEqual(['float32[2]', 'float32[2,4]']);
    for (const one of [graph, graphWith([state, xs], turned)]) {
      const flat = graphWith([state, xs], unrollLoops(one));
      expect(opTypesOf(flat.outputs.map(({ value }) => value))).not.toContain('Scan');
      expect(await run(flat, feeds)).toEqual(await run(one, feeds));
    }
  });

  it('has derivatives that agree with differences, written out', async () => {
    const prepared = new PreparedCase({
      name: 'a scan written out',
      operands: [uniform([2]), uniform([3, 2])],
      apply: (operands) => {
        const results = scan([operands[0]!], operands.slice(1), ([sum], [x]) => {
          const next = sin(add(sum!, x!));
          return { states: [next], outputs: [mul(next, x!)] };
        });
        return unrollLoops(graphWith(operands, results));
      },
    });
    expect(await disagreements(prepared)).toEqual([]);
  });
});

describe('lists', () => {
  const x = input('x', [6, 2]);
  const feeds = {
    x: float32(
      Array.from({ length: 12 }, (_, i) => i),
      [6, 2],
    ),
  };
  const length = (list: Value) => applyOp(ops.SequenceLength, [list])[0]!;
  const insert = (list: Value, value: Value, at?: Value) => applyOp(ops.SequenceInsert, [list, value, at])[0]!;
  const empty = () => applyOp(ops.SequenceEmpty, [], { dtype: int(1) })[0]!;
  const parts = (sizes?: Value, keep = 1) =>
    applyOp(ops.SplitToSequence, [x, sizes], { axis: int(0), keepdims: int(keep) })[0]!;

  const lists: readonly (readonly [string, () => readonly Value[]])[] = [
    ['an element from the end', () => [sequenceAt(sequenceConstruct([x, mul(x, 2), mul(x, 3)]), -1)]],
    [
      'equal parts',
      () => [concatFromSequence(parts(constantScalar(2, 'int64')), 1), length(parts(constantInts([2, 4])))],
    ],
    ['rows without their axis', () => [concatFromSequence(parts(undefined, 0), 1, { newAxis: true })]],
    ['rows with their axis', () => [sequenceAt(parts(), 4), length(parts())]],
    ['parts with a smaller last one', () => [sequenceAt(parts(constantScalar(4, 'int64')), 1)]],
    [
      'elements put in at places',
      () => {
        const one = insert(insert(empty(), x), mul(x, 2));
        const two = insert(one, mul(x, 3), constantScalar(-1, 'int64'));
        return [concatFromSequence(insert(two, mul(x, 4), constantScalar(0, 'int64')), 0), length(two)];
      },
    ],
    [
      'an element taken out',
      () => {
        const list = sequenceConstruct([x, mul(x, 2), mul(x, 3)]);
        const without = applyOp(ops.SequenceErase, [list, constantScalar(1, 'int64')])[0]!;
        const last = applyOp(ops.SequenceErase, [list])[0]!;
        return [concatFromSequence(without, 1), concatFromSequence(last, 0)];
      },
    ],
    [
      'a map over a list',
      () => {
        const list = sequenceConstruct([x, mul(x, 2)]);
        const element = input('element', [6, 2]);
        const body = { inputs: [{ name: 'element', value: element }], captures: [] };
        const doubled = add(element, element);
        const graph = graphOf(body.inputs, [{ name: 'doubled', value: doubled }]);
        const mapped = applyOp(ops.SequenceMap, [list], { body: { kind: 'graph', value: { ...graph, captures: [] } } });
        return [concatFromSequence(mapped[0]!, 0)];
      },
    ],
  ];

  it.each(lists)('give %s, and fold to plain tensors', async (_, make) => {
    const graph = graphWith([x], make());
    const flat = graphWith([x], replay(graph, { x }, { unroll: 8 }));
    const left = opTypesOf(flat.outputs.map(({ value }) => value)).filter((op) => op.includes('Sequence'));
    expect(left).toEqual([]);
    expect(await run(flat, feeds)).toEqual(await run(graph, feeds));
  });

  it('that a loop collects fold away with it', async () => {
    const list = loop(3, [insert(empty(), x)], (step, [own]) => ({
      states: [insert(own!, mul(x, cast(step, 'float32')))],
    }))[0]!;
    const graph = graphWith([x], [concatFromSequence(list, 0)]);
    const flat = unrollLoops(graph);
    expect(String(flat[0])).toBe('float32[24,2]');
    expect(await run(graphWith([x], flat), feeds)).toEqual(await run(graph, feeds));
  });

  it('have no gradient where they are not known, and say what to do', () => {
    expect(() => gradients(reduceSum(sequenceAt(sequenceConstruct([x, mul(x, 2)]), 0)), [x])).toThrow(
      /SequenceAt has no gradient: .*replay folds lists away/,
    );
  });

  it('and optional values are looked through', async () => {
    const wrapped = applyOp(ops.Optional, [x])[0]!;
    expect(String(wrapped)).toBe('optional(float32[6,2])');
    const outputs = [
      applyOp(ops.OptionalGetElement, [wrapped])[0]!,
      cast(applyOp(ops.OptionalHasElement, [wrapped])[0]!, 'int64'),
    ];
    const graph = graphWith([x], outputs);
    const flat = replay(graph, { x });
    expect(flat[0]).toBe(x);
    expect(await run(graphWith([x], flat), feeds)).toEqual(await run(graph, feeds));
  });
});

describe('shapes inside loops', () => {
  it('are known once those around are', () => {
    const x = input('x', ['batch', 3]);
    const outputs = loop(2, [x], (_, [state]) => {
      const rows = applyOp(ops.Gather, [shapeOf(state!), constant(int64([0]))], { axis: int(0) })[0]!;
      return { states: [mul(state!, cast(rows, 'float32'))] };
    });
    const graph = graphWith([x], outputs);
    const [now] = replay(graph, { x: input('x', [5, 3]) });
    expect(String(now)).toBe('float32[5,3]');
    const body = now!.origin.kind === 'node' ? now!.origin.node.attributes.body : undefined;
    expect(body?.kind === 'graph' && body.value.nodes.map((node) => opKey(node.op))).toEqual(['Mul']);
  });
});
