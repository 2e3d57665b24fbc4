/** @file Trained heads as graphs that a bundle keeps: the tower's raw features in, unit vectors out. */
import type { Tensor } from '../../../engine/core/index.ts';
import { concat, constant, type Graph, spec, trace, type Value } from '../../../engine/graph/index.ts';
import { exportOnnx } from '../../../engine/onnx/index.ts';
import { type FeatureStatistics, type Head, head, standardize } from '../../../model/index.ts';

/**
 * The graph of a head: inputs `[batch, F]` by name, side by side as the head was trained, to `embedding` `[batch, D]`.
 * @param inputs the name and width of each input, in order.
 */
export function headGraph(
  params: Head<Tensor>,
  statistics: FeatureStatistics,
  inputs: readonly { readonly name: string; readonly dim: number }[],
): Graph {
  const specs = Object.fromEntries(inputs.map(({ name, dim }) => [name, spec(['batch', dim])]));
  return trace((features) => {
    const row = concat(
      inputs.map(({ name }) => features[name] as Value),
      1,
    );
    return { embedding: head(constantHead(params), standardize(row, statistics)) };
  }, specs);
}

/** The ONNX bytes of `headGraph`. */
export function exportHead(...args: Parameters<typeof headGraph>): Uint8Array {
  return exportOnnx(headGraph(...args), { name: 'head' });
}

function constantHead({ adapters, projection }: Head<Tensor>): Head<Value> {
  const linear = ({ weight, bias }: { weight: Tensor; bias: Tensor }, name: string) => ({
    weight: constant(weight, `${name}.weight`),
    bias: constant(bias, `${name}.bias`),
  });
  return {
    adapters: adapters.map(({ down, up }, i) => ({
      down: linear(down, `adapters.${i}.down`),
      up: linear(up, `adapters.${i}.up`),
    })),
    projection: linear(projection, 'projection'),
  };
}
