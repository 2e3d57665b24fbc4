/** @file Import undoes export: the same graph comes back, printed the same, of every op and of random chains of ops. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float32, Rng } from '../../src/engine/core/index.ts';
import {
  add,
  concat,
  constant,
  type Graph,
  gelu,
  layerNormalization,
  matMul,
  mul,
  printGraph,
  reduceMean,
  relu,
  reshape,
  slice,
  softmax,
  spec,
  split,
  trace,
  transpose,
  type Value,
} from '../../src/engine/graph/index.ts';
import { exportOnnx, importOnnx } from '../../src/engine/onnx/index.ts';
import { applications, type TensorOp } from './applications.ts';
import { graphOfApplication } from './verdict.ts';

const roundTrip = (graph: Graph): string => printGraph(importOnnx(exportOnnx(graph)).toGraph());

describe('the import of an exported graph', () => {
  it.each(Object.keys(applications) as TensorOp[])('is that graph, of %s', (opType) => {
    const seen = { graphs: 0 };
    fc.assert(
      fc.property(applications[opType](opType), (application) => {
        const graph = graphOfApplication(application);
        if (graph === undefined) return;
        seen.graphs++;
        expect(roundTrip(graph)).toBe(printGraph(graph));
      }),
      { numRuns: 10, seed: 11 },
    );
    expect(seen.graphs, 'well-formed applications').toBeGreaterThan(1);
  });

  const weight = (rng: Rng, shape: number[]) =>
    constant(float32(rng.fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1))), shape), `w${rng.integer(3)}`);
  /** What may come next to values `[N, 4]`. */
  const steps: readonly ((x: Value, rng: Rng) => Value)[] = [
    (x) => relu(x),
    (x) => gelu(x),
    (x) => softmax(x),
    (x) => add(x, 0.1),
    (x) => mul(x, reduceMean(x, { axes: [1], keepDims: true })),
    (x, rng) => matMul(x, weight(rng, [4, 4])),
    (x, rng) => layerNormalization(x, weight(rng, [4]), weight(rng, [4]), { epsilon: 1e-5 }),
    (x) => concat([...split(x, [1, 3], 1)].reverse(), 1),
    (x) =>
      concat([slice(x, { starts: [1], ends: [4], axes: [1] }), slice(x, { starts: [0], ends: [1], axes: [1] })], 1),
    (x) => transpose(transpose(x)),
    (x) => reshape(reshape(x, [...x.shape.slice(0, 1), 2, 2]), [...x.shape.slice(0, 1), 4]),
  ];

  it('is that graph, of random chains with weights, branches and symbolic dimensions', () => {
    const batch = fc.constantFrom('batch', 3);
    fc.assert(
      fc.property(
        fc.array(fc.nat(steps.length - 1), { minLength: 1, maxLength: 12 }),
        batch,
        fc.nat(),
        (chain, N, seed) => {
          const rng = new Rng(seed);
          const graph = trace(
            ({ x }) => {
              const values = [x];
              for (const step of chain) values.push(steps[step]!(values[rng.integer(values.length)]!, rng));
              return { y: values.reduce((a, b) => add(a, b)), last: values.at(-1)! };
            },
            { x: spec([N, 4]) },
          );
          expect(roundTrip(graph)).toBe(printGraph(graph));
        },
      ),
      { numRuns: 100, seed: 3 },
    );
  });
});
