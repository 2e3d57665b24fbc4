/**
 * @file How many channels ONNX Runtime computes side by side on this machine: 16 where registers hold 16 numbers, 8 on most others, and
 * nothing where it has no such kernels. It does not say; a small convolution in both ways tells.
 */
import ort from 'onnxruntime-node';
import { Rng } from '../core/index.ts';
import { conv, type Graph, hasDepthwise, spec, trace, withFastDepthwise } from '../graph/index.ts';
import { exportOnnx } from '../onnx/index.ts';

const candidates = [16, 8] as const;
const picture = [1, 32, 5, 6] as const;
const kernels = [32, 1, 3, 3] as const;

/** The numbers of a small depthwise convolution, computed as the graph says; undefined where ONNX Runtime refuses it. */
async function numbersOf(graph: Graph): Promise<Float32Array | undefined> {
  const rng = new Rng('block size');
  const drawn = (shape: readonly number[]) => {
    const count = shape.reduce((product, dim) => product * dim, 1);
    return new ort.Tensor('float32', rng.fillNormal(new Float32Array(count)), shape);
  };
  try {
    const session = await ort.InferenceSession.create(exportOnnx(graph), {
      intraOpNumThreads: 1,
      graphOptimizationLevel: 'disabled',
      logSeverityLevel: 4,
    });
    const { output } = await session.run({ x: drawn(picture), w: drawn(kernels) });
    await session.release();
    return output!.data as Float32Array;
  } catch {
    return undefined;
  }
}

async function measure(): Promise<number | undefined> {
  const plain = trace(({ x, w }) => conv(x, w, undefined, { group: 32, pads: [1, 1, 1, 1] }), {
    x: spec(picture),
    w: spec(kernels),
  });
  const expected = await numbersOf(plain);
  for (const size of candidates) {
    const got = await numbersOf(withFastDepthwise(plain, size));
    if (expected && got && expected.every((value, i) => Math.abs(value - got[i]!) < 1e-4)) return size;
  }
  return undefined;
}

let known: Promise<number | undefined> | undefined;

/** The number of channels in a block; undefined where there are no kernels for blocks. Measured once. */
export function channelBlockSize(): Promise<number | undefined> {
  known ??= measure();
  return known;
}

/** The graph as this machine's processor computes it fastest. */
export async function forProcessor(graph: Graph): Promise<Graph> {
  return hasDepthwise(graph) ? withFastDepthwise(graph, await channelBlockSize()) : graph;
}
