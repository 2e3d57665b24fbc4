/** @file Batches of the recipe: pairs drawn from the corpus, with dropout factors, in arrays that are filled again each step. */
import { type Rng, Tensor } from '../../../engine/core/index.ts';
import type { PairBatch } from '../../../model/index.ts';
import { samplePairs } from '../../data/sampler.ts';
import type { Corpus } from './corpus.ts';
import type { AlignSettings } from './settings.ts';

/** A function that draws the next batch; its tensors are the same ones each time. */
export function batchSource(corpus: Corpus, settings: AlignSettings): (rng: Rng) => PairBatch<Tensor> {
  const { batchSize } = settings;
  const pictureDim = corpus.sources[0]!.features.shape[1]!;
  const textDim = corpus.textFeatures.shape[1]!;
  const table = (dim: number) => new Tensor('float32', [batchSize, dim], new Float32Array(batchSize * dim));
  const batch = {
    picture: table(pictureDim),
    text: table(textDim),
    pictureDropout: table(pictureDim),
    textDropout: table(textDim),
  };
  return (rng) => {
    const pairs = samplePairs(corpus.sources, batchSize, rng, settings.nameProbability);
    pairs.forEach(({ source, row, text }, i) => {
      copyRow(corpus.sources[source]!.features, row, batch.picture, i);
      copyRow(corpus.textFeatures, text, batch.text, i);
    });
    fillDropout(batch.pictureDropout.data, settings.pictureDropout, rng);
    fillDropout(batch.textDropout.data, settings.textDropout, rng);
    return batch;
  };
}

function copyRow(from: Tensor<'float32'>, row: number, to: Tensor<'float32'>, at: number): void {
  const dim = from.shape[1]!;
  to.data.set(from.data.subarray(row * dim, (row + 1) * dim), at * dim);
}

/** Each factor is 0 with probability `rate` (to a 256th), else 1 / (1 - rate), so that the mean stays 1. Four factors a draw. */
export function fillDropout(factors: Float32Array, rate: number, rng: Rng): void {
  const dropped = Math.round(rate * 256);
  const kept = 256 / (256 - dropped);
  let bits = 0;
  for (let i = 0; i < factors.length; i++) {
    bits = i % 4 === 0 ? rng.uint32() : bits >>> 8;
    factors[i] = (bits & 255) < dropped ? 0 : kept;
  }
}
