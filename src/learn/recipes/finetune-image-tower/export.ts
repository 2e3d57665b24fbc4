/** @file Trained weights as the files of a bundle, kept as float16: half the size, and no figure changes. */
import { float16Bits, float32Data, Tensor } from '../../../engine/core/index.ts';
import { cast, concat, constant, type Graph, spec, trace, type Value } from '../../../engine/graph/index.ts';
import { exportOnnx } from '../../../engine/onnx/index.ts';
import { type FeatureStatistics, type Head, head, standardize } from '../../../model/index.ts';

/** A constant that is stored as float16 and computed with as float32. */
export function storedHalf(tensor: Tensor, name?: string): Value {
  const bits = Uint16Array.from(float32Data(tensor, name ?? 'storedHalf'), float16Bits);
  return cast(constant(new Tensor('float16', tensor.shape, bits), name), 'float32');
}

/** The ONNX bytes of a tower. */
export function exportTower(graph: Graph, metadata: Readonly<Record<string, string>>): Uint8Array {
  return exportOnnx(graph, { name: 'picture-tower', metadata });
}

/** The ONNX bytes of a head: inputs `[batch, F]` by name, side by side as it was trained, to `embedding` `[batch, D]`. */
export function exportHalfHead(
  params: Head<Tensor>,
  statistics: FeatureStatistics,
  inputs: readonly { readonly name: string; readonly dim: number }[],
): Uint8Array {
  const linear = ({ weight, bias }: { weight: Tensor; bias: Tensor }, name: string) => ({
    weight: storedHalf(weight, `${name}.weight`),
    bias: storedHalf(bias, `${name}.bias`),
  });
  const graph = trace(
    (features) => {
      const row = concat(
        inputs.map(({ name }) => features[name] as Value),
        1,
      );
      const stored: Head<Value> = {
        adapters: params.adapters.map(({ down, up }, i) => ({
          down: linear(down, `adapters.${i}.down`),
          up: linear(up, `adapters.${i}.up`),
        })),
        projection: linear(params.projection, 'projection'),
      };
      return { embedding: head(stored, standardize(row, statistics)) };
    },
    Object.fromEntries(inputs.map(({ name, dim }) => [name, spec(['batch', dim])])),
  );
  return exportOnnx(graph, { name: 'head' });
}
