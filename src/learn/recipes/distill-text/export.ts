/** @file The student as a file: an ONNX model of ids and mask with symbolic sizes, its large weights kept as float16. */
import { float16Bits, mapTree, Tensor } from '../../../engine/core/index.ts';
import { cast, constant, spec, trace, type Value } from '../../../engine/graph/index.ts';
import { exportOnnx } from '../../../engine/onnx/index.ts';
import { type TextEncoder, type TextEncoderOptions, textEncoder } from '../../../model/index.ts';

/** Smaller tensors (biases, norms) stay float32. */
const minHalfElements = 4096;

/**
 * The ONNX bytes of a text encoder: `ids` `int64[batch, time]` and `mask` `[batch, time]` to `embedding` `[batch, F]`, unit rows. Weights are
 * rounded to float16 and computed with in float32: half the file, and the runtime widens them once, when it loads it.
 */
export function exportTextEncoder(
  params: TextEncoder<Tensor>,
  options: Pick<TextEncoderOptions, 'numHeads'>,
): Uint8Array {
  const mapLeaves = mapTree as unknown as (tree: unknown, transform: (leaf: Tensor, path: string) => Value) => unknown;
  const graph = trace(
    ({ ids, mask }) => ({
      embedding: textEncoder(mapLeaves(params, keptAsHalf) as TextEncoder<Value>, { ids, mask }, options),
    }),
    { ids: spec(['batch', 'time'], 'int64'), mask: spec(['batch', 'time']) },
  );
  return exportOnnx(graph, { name: 'text-encoder' });
}

function keptAsHalf(leaf: Tensor, path: string): Value {
  if (leaf.data.length < minHalfElements) return constant(leaf, path);
  const half = new Tensor('float16', leaf.shape, Uint16Array.from(leaf.data as Float32Array, float16Bits));
  return cast(constant(half, path), 'float32');
}
