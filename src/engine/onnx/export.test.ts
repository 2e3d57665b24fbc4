import { BinaryReader } from '@bufbuild/protobuf/wire';
import * as web from 'onnxruntime-web';
import { describe, expect, it } from 'vitest';
import { float32, Rng } from '../core/index.ts';
import { constant, type Graph, gelu, layerNormalization, matMul, softmax, spec, trace } from '../graph/index.ts';
import { loadExecutable } from '../runtime/index.ts';
import { exportOnnx } from './index.ts';

const random = (rng: Rng, shape: number[]) =>
  float32(rng.fillNormal(new Float32Array(shape.reduce((product, dim) => product * dim, 1))), shape);

/** A small model with weights, a normalization, an op that runtimes fuse, and a symbolic dimension. */
function model(): Graph {
  const rng = new Rng('export');
  const weights = {
    scale: random(rng, [6]),
    bias: random(rng, [6]),
    up: random(rng, [6, 9]),
    down: random(rng, [9, 4]),
  };
  return trace(
    ({ x }) => {
      const normed = layerNormalization(x, constant(weights.scale, 'scale'), constant(weights.bias, 'bias'));
      const hidden = gelu(matMul(normed, constant(weights.up, 'up')));
      return { scores: softmax(matMul(hidden, constant(weights.down, 'down')), -1) };
    },
    { x: spec(['batch', 6]) },
  );
}

describe('an exported model', () => {
  it('loads in onnxruntime-web and gives there what it gives here', async () => {
    const bytes = exportOnnx(model());
    const x = random(new Rng('input'), [5, 6]);
    const here = await loadExecutable(bytes);
    const { scores } = await here.run({ x });
    await here.close();
    web.env.wasm.numThreads = 1;
    const there = await web.InferenceSession.create(bytes, { executionProviders: ['wasm'] });
    const results = await there.run({ x: new web.Tensor('float32', x.data, x.shape) });
    await there.release();
    const found = results.scores!.data as Float32Array;
    expect(results.scores!.dims).toEqual([5, 4]);
    found.forEach((value, i) => {
      expect(Math.abs(value - Number(scores!.data[i]))).toBeLessThan(1e-6);
    });
    // Rows of a softmax: neither runtime gave zeros.
    for (let row = 0; row < 5; row++) {
      expect(found.subarray(row * 4, row * 4 + 4).reduce((sum, value) => sum + value)).toBeCloseTo(1, 5);
    }
  });

  it('is the same bytes each time', () => {
    expect(Buffer.compare(exportOnnx(model()), exportOnnx(model()))).toBe(0);
  });

  it('says IR version 10 and operator set 21, which is what its readers go by', () => {
    const found: { ir?: number; opset?: number } = {};
    const reader = new BinaryReader(exportOnnx(model()));
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === 1) found.ir = Number(reader.int64());
      else if (field === 8) {
        const end = reader.uint32() + reader.pos;
        while (reader.pos < end) {
          const [inner, innerType] = reader.tag();
          if (inner === 2) found.opset = Number(reader.int64());
          else reader.skip(innerType, inner);
        }
      } else reader.skip(wireType, field);
    }
    expect(found).toEqual({ ir: 10, opset: 21 });
  });

  it('keeps the names of weights and what is written beside the graph', () => {
    const text = Buffer.from(exportOnnx(model(), { metadata: { source: 'a test' } })).toString('latin1');
    for (const word of ['scale', 'down', 'batch', 'scores', 'a test']) expect(text).toContain(word);
  });
});
