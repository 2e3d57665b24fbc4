/** @file Graphs within graphs: the branches of If, the bodies of loops, and the functions of a file. */
import { describe, expect, it } from 'vitest';
import { type AnyTensor, float32, int64, Tensor } from '../../src/engine/core/index.ts';
import { applyOp, graphOf, ops, printGraph } from '../../src/engine/graph/index.ts';
import { exportOnnx, importOnnx } from '../../src/engine/onnx/index.ts';
import { compile } from '../../src/engine/runtime/index.ts';
import { type GraphParts, type ModelParts, type NodeParts, writeModel } from './write-model.ts';

const identity = (input: string, output: string): NodeParts => ({ op: 'Identity', inputs: [input], outputs: [output] });

/** What the model gives, run after import. */
async function outputsOf(
  parts: ModelParts,
  feeds: Readonly<Record<string, AnyTensor>> = {},
): Promise<Record<string, unknown[]>> {
  const executable = await compile(importOnnx(writeModel(parts)).toGraph(), { numThreads: 1 });
  const results = await executable.run(feeds);
  await executable.close();
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, Array.from(data as ArrayLike<unknown>)]),
  );
}

const body = (nodes: readonly NodeParts[], output: string, inputs: GraphParts['inputs'] = {}): GraphParts => ({
  nodes,
  inputs,
  outputs: { [output]: { shape: [2] } },
});

describe('graphs in nodes', () => {
  it('use the values and weights around them, each branch under names that the other has too', async () => {
    const parts: ModelParts = {
      nodes: [
        identity('x', 'outer'),
        {
          op: 'If',
          inputs: ['flag'],
          outputs: ['y'],
          attributes: {
            then_branch: { graph: body([{ op: 'Add', inputs: ['outer', 'w'], outputs: ['result'] }], 'result') },
            else_branch: { graph: body([{ op: 'Mul', inputs: ['outer', 'w'], outputs: ['result'] }], 'result') },
          },
        },
      ],
      inputs: { x: { shape: [2] }, flag: { dtype: 'bool', shape: [] } },
      outputs: { y: { shape: [2] } },
      initializers: { w: float32([10, 100]) },
    };
    const flag = (value: number) => new Tensor('bool', [], Uint8Array.of(value));
    expect(await outputsOf(parts, { x: float32([1, 2]), flag: flag(1) })).toEqual({ y: [11, 102] });
    expect(await outputsOf(parts, { x: float32([1, 2]), flag: flag(0) })).toEqual({ y: [10, 200] });
    expect([...importOnnx(writeModel(parts)).parameters.keys()]).toEqual(['w']);
  });

  it('may lie in each other and shadow names', async () => {
    const inner = body([{ op: 'Add', inputs: ['x', 'x'], outputs: ['t'] }], 't');
    const outer = body(
      [
        identity('x', 't'),
        {
          op: 'If',
          inputs: ['flag'],
          outputs: ['u'],
          attributes: { then_branch: { graph: inner }, else_branch: { graph: inner } },
        },
        { op: 'Add', inputs: ['t', 'u'], outputs: ['v'] },
      ],
      'v',
    );
    const parts: ModelParts = {
      nodes: [
        {
          op: 'If',
          inputs: ['flag'],
          outputs: ['y'],
          attributes: { then_branch: { graph: outer }, else_branch: { graph: outer } },
        },
      ],
      inputs: { x: { shape: [2] }, flag: { dtype: 'bool', shape: [] } },
      outputs: { y: { shape: [2] } },
    };
    expect(await outputsOf(parts, { x: float32([1, 2]), flag: new Tensor('bool', [], Uint8Array.of(1)) })).toEqual({
      y: [3, 6],
    });
  });

  it('of a loop run, with what they carry and what they collect', async () => {
    const step: GraphParts = {
      nodes: [
        identity('again', 'go'),
        { op: 'Add', inputs: ['sum', 'x'], outputs: ['next'] },
        identity('next', 'copy'),
      ],
      inputs: { i: { dtype: 'int64', shape: [] }, again: { dtype: 'bool', shape: [] }, sum: { shape: [2] } },
      outputs: { go: { dtype: 'bool', shape: [] }, next: { shape: [2] }, copy: { shape: [2] } },
    };
    const parts: ModelParts = {
      nodes: [{ op: 'Loop', inputs: ['n', '', 'start'], outputs: ['y', 'all'], attributes: { body: { graph: step } } }],
      inputs: { x: { shape: [2] } },
      outputs: { y: { shape: [2] }, all: { shape: [3, 2] } },
      initializers: { n: int64([3], []), start: float32([0, 10]) },
    };
    expect(await outputsOf(parts, { x: float32([1, 2]) })).toEqual({ y: [3, 16], all: [1, 12, 2, 14, 3, 16] });
  });
});

describe('functions of a file', () => {
  const parts: ModelParts = {
    domains: { mine: 1 },
    functions: [
      {
        name: 'Twice',
        domain: 'mine',
        inputs: ['a'],
        outputs: ['b'],
        nodes: [{ op: 'Add', inputs: ['a', 'a'], outputs: ['b'] }],
      },
      {
        name: 'Leak',
        domain: 'mine',
        inputs: ['a'],
        outputs: ['c'],
        attributes: ['slope'],
        nodes: [
          { op: 'Twice', domain: 'mine', inputs: ['a'], outputs: ['b'] },
          { op: 'LeakyRelu', inputs: ['b'], outputs: ['c'], attributes: { alpha: { reference: 'slope', type: 1 } } },
        ],
      },
    ],
    nodes: [
      { op: 'Leak', domain: 'mine', inputs: ['x'], outputs: ['t'], attributes: { slope: { float: 0.5 } } },
      { op: 'Leak', domain: 'mine', inputs: ['t'], outputs: ['y'] },
    ],
    inputs: { x: { shape: [2] } },
    outputs: { y: { shape: [2] } },
  };

  it('are written out, with the attributes that the caller gives, or the defaults of the op', async () => {
    const { y } = await outputsOf(parts, { x: float32([1, -1]) });
    expect(y![0]).toBe(4);
    expect(y![1]).toBeCloseTo(-1 * 2 * 0.5 * 2 * 0.01, 6);
    expect(importOnnx(writeModel(parts)).graph.nodes.map(({ op }) => op.opType)).toEqual([
      'Add',
      'LeakyRelu',
      'Add',
      'LeakyRelu',
    ]);
  });

  it('that call themselves are refused, and so are those that write out to millions of nodes', () => {
    const call = (name: string, input: string, output: string): NodeParts => ({
      op: name,
      domain: 'mine',
      inputs: [input],
      outputs: [output],
    });
    const circle = [
      { name: 'A', domain: 'mine', inputs: ['a'], outputs: ['b'], nodes: [call('B', 'a', 'b')] },
      { name: 'B', domain: 'mine', inputs: ['a'], outputs: ['b'], nodes: [call('A', 'a', 'b')] },
    ];
    expect(() => importOnnx(writeModel({ ...parts, functions: circle, nodes: [call('A', 'x', 'y')] }))).toThrow(
      /calls itself/,
    );
    const tower = Array.from({ length: 40 }, (_, i) => ({
      name: `F${i}`,
      domain: 'mine',
      inputs: ['a'],
      outputs: ['c'],
      nodes: [call(i === 0 ? 'Twice' : `F${i - 1}`, 'a', 'b'), call(i === 0 ? 'Twice' : `F${i - 1}`, 'b', 'c')],
    }));
    expect(() =>
      importOnnx(writeModel({ ...parts, functions: [parts.functions![0]!, ...tower], nodes: [call('F39', 'x', 'y')] })),
    ).toThrow(/more than \d+ nodes/);
  });
});

describe('an optional value without a value', () => {
  it('keeps the type that it would have, through export and import', async () => {
    const type = { dtype: 'float32', shape: ['n'], containers: ['sequence'] } as const;
    const absent = applyOp(ops.Optional, [], { type: { kind: 'type', value: type } })[0]!;
    const has = applyOp(ops.OptionalHasElement, [absent])[0]!;
    const graph = graphOf([], [{ name: 'has', value: has }]);
    const again = importOnnx(exportOnnx(graph)).toGraph();
    expect(printGraph(again)).toBe(printGraph(graph));
    expect(printGraph(again)).toContain('optional(sequence(float32[n]))');
    const executable = await compile(again, { numThreads: 1 });
    const results = await executable.run({});
    await executable.close();
    expect([...results.has!.data]).toEqual([0]);
  });
});
