/**
 * @file Batches of pictures with their texts and with further texts, in arrays that are filled again each step.
 *
 * B: pairs; C: texts, B of them those of the pairs; S: side of a picture; F: picture features; D: dimension of the space.
 */
import { type Rng, Tensor } from '../../../engine/core/index.ts';
import { samplePairs } from '../../data/sampler.ts';
import { fillDropout } from '../align-text-image/batches.ts';
import type { PixelCorpus } from './pixel-corpus.ts';
import { restyle } from './restyle.ts';

/** A batch of pictures and of embedded texts. */
export interface PixelBatch<T> {
  /** `uint8[B, S, S, 3]` */
  readonly pictures: T;
  /** `[C, D]`, unit vectors; row i < B belongs to picture i. */
  readonly texts: T;
  /** `[B, F]` */
  readonly pictureDropout: T;
}

/** What decides how batches are drawn. */
export interface PixelBatchOptions {
  readonly batchSize: number;
  readonly numExtraTexts: number;
  /** F */
  readonly pictureDim: number;
  readonly pictureDropout: number;
  readonly nameProbability: number;
}

/** A function that draws the next batch; its tensors are the same ones each time. */
export function pixelBatchSource(
  corpus: PixelCorpus,
  options: PixelBatchOptions,
): (rng: Rng) => PixelBatch<Tensor<'uint8' | 'float32'>> {
  const { batchSize, numExtraTexts, pictureDim } = options;
  const size = corpus.sources[0]!.pixels.size;
  const dim = corpus.textEmbeddings.shape[1]!;
  const numTexts = batchSize + numExtraTexts;
  const pictures = new Tensor('uint8', [batchSize, size, size, 3], new Uint8Array(batchSize * size * size * 3));
  const batch = {
    pictures,
    texts: new Tensor('float32', [numTexts, dim], new Float32Array(numTexts * dim)),
    pictureDropout: new Tensor('float32', [batchSize, pictureDim], new Float32Array(batchSize * pictureDim)),
  };
  const pictureBytes = size * size * 3;
  return (rng) => {
    const pairs = samplePairs(corpus.sources, batchSize, rng, options.nameProbability);
    pairs.forEach(({ source, row }, i) => {
      corpus.sources[source]!.pixels.copy(row, pictures.data, i * pictureBytes);
      restyle(pictures.data.subarray(i * pictureBytes, (i + 1) * pictureBytes), rng);
    });
    const own = pairs.map(({ text }) => text);
    const concepts = new Set(own.flatMap((text) => [...corpus.textConcepts[text]!]));
    for (const { source, row } of pairs) concepts.add(conceptOfRow(corpus, source, row));
    const extra = extraTexts(corpus, numExtraTexts, { taken: own, concepts, ...options }, rng);
    [...own, ...extra].forEach((text, i) => {
      batch.texts.data.set(corpus.textEmbeddings.data.subarray(text * dim, (text + 1) * dim), i * dim);
    });
    fillDropout(batch.pictureDropout.data, options.pictureDropout, rng);
    return batch;
  };
}

function conceptOfRow({ sources }: PixelCorpus, source: number, row: number): string {
  const { items } = sources[source]!;
  return items[Math.floor(row / items[0]!.rows.length)]!.concept;
}

/** Draws before further texts are given up as impossible to find. */
const drawsPerText = 200;

/** Texts, each once, that stand for none of the concepts: sources alike, then an item, then its name or any of its texts. */
function extraTexts(
  { sources, textConcepts }: PixelCorpus,
  count: number,
  not: { taken: readonly number[]; concepts: ReadonlySet<string>; nameProbability: number },
  rng: Rng,
): number[] {
  const taken = new Set(not.taken);
  const texts: number[] = [];
  for (let draws = 0; texts.length < count; draws++) {
    if (draws > count * drawsPerText) {
      throw new RangeError(`extraTexts: found only ${texts.length} of ${count} texts of other concepts`);
    }
    const item = rng.pick(rng.pick(sources).items);
    const text = rng.uniform() < not.nameProbability ? item.texts[0]! : rng.pick(item.texts);
    if (taken.has(text) || [...textConcepts[text]!].some((concept) => not.concepts.has(concept))) continue;
    taken.add(text);
    texts.push(text);
  }
  return texts;
}
