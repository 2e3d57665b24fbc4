/**
 * @file The alignment step of the training bench: frozen text and picture features through residual bottleneck adapters and
 * projections onto one unit sphere, symmetric InfoNCE (arXiv:2103.00020) with a learned, clamped logit scale.
 */
import { leaves, type MapLeaves, Rng, Tensor, type Tree } from '../../src/engine/index.ts';
import {
  type DualEncoder,
  dualEncoderLoss,
  initDualEncoder,
} from '../../src/model/architectures/dual-encoder/index.ts';
import { compiled, type Workload } from './workload.ts';

const [batchSize, textDim, pictureDim, bottleneckDim, spaceDim, numAdapters] = [512, 512, 1792, 128, 256, 1];

/** The workload, with the same numbers each time. */
export function alignmentWorkload(): Workload {
  const rng = new Rng('bench alignment');
  const params = initDualEncoder(rng, { pictureDim, textDim, spaceDim, numAdapters, bottleneckDim }) as MapLeaves<
    DualEncoder<Tensor>,
    Tensor,
    Tensor
  >;
  const draw = (dim: number, next: () => number) =>
    new Tensor('float32', [batchSize, dim], Float32Array.from({ length: batchSize * dim }, next));
  const dropout = () => (rng.uniform() < 0.1 ? 0 : 1 / 0.9);
  const batch = {
    picture: draw(pictureDim, () => rng.normal()),
    text: draw(textDim, () => rng.normal()),
    pictureDropout: draw(pictureDim, dropout),
    textDropout: draw(textDim, dropout),
  };
  const products = (dim: number) => 2 * batchSize * dim * (2 * bottleneckDim + spaceDim);
  return {
    name: 'alignment',
    description: `dual encoder: adapters (bottleneck ${bottleneckDim}) on ${textDim}-d text and ${pictureDim}-d picture features, projections to ${spaceDim}-d, symmetric InfoNCE, batch ${batchSize}`,
    start: new Map([...leaves<Tensor>(params as Tree<Tensor>, 'params'), ...leaves<Tensor>(batch, 'batch')]),
    // The features are inputs: no gradient toward them, so the first product of each side is computed twice, not three times.
    flopsPerStep:
      3 * (products(textDim) + products(pictureDim) + 2 * batchSize * batchSize * spaceDim) -
      2 * batchSize * (textDim + pictureDim) * bottleneckDim,
    compile: (optimizer, runtime) => compiled({ loss: dualEncoderLoss, optimizer, params, batch, runtime }),
  };
}
