/**
 * @file Batches of the comparison: which items, which of their modalities are shown, which text stands for them. A group is drawn with P = log N /
 * Σ log N, an item of it uniformly; the group's own modality is shown, and each other one that the item has now and then, so that media are
 * seen alone and together. The draws depend on the seed alone: every architecture sees the same batches. B: items; T: tokens.
 */
import { type Rng, Tensor } from '../../../engine/core/index.ts';
import type { CaptionBatch, MediaBatch } from '../../../model/index.ts';
import { sourceProbabilities } from '../../data/sampler.ts';
import type { ComparisonCorpus, ComparisonItem } from './corpus.ts';
import type { MediaTables } from './media-tables.ts';
import type { ComparisonSettings } from './settings.ts';
import { type CaptionCodec, type CaptionRows, captionLanguages } from './texts.ts';

/** The rows of one item that are shown; a modality that is undefined is missing. */
export interface ShownItem {
  readonly picture?: number | undefined;
  readonly video?: number | undefined;
  readonly sound?: number | undefined;
}

/** Tensors for B items, filled again by each call. */
export class MediaFiller {
  readonly #tables: MediaTables;
  readonly batch: MediaBatch<Tensor<'float32'>>;

  constructor(tables: MediaTables, batchSize: number, settings: Pick<ComparisonSettings, 'numFrames' | 'numPatches'>) {
    this.#tables = tables;
    const { numFrames, numPatches } = settings;
    const table = (...shape: number[]) =>
      new Tensor('float32', [batchSize, ...shape], new Float32Array(batchSize * shape.reduce((a, b) => a * b, 1)));
    this.batch = {
      picture: table(tables.pictures.shape[1]!),
      frames: table(numFrames, tables.frames.shape[1]! / numFrames),
      thumbnails: table(numFrames, tables.thumbnails.shape[1]! / numFrames),
      sound: table(numPatches, tables.sounds.shape[1]! / numPatches),
      present: table(3),
    };
  }

  /** Fills the batch with items; it may hold fewer than B, the rest are absent in all modalities. */
  fill(items: readonly ShownItem[]): MediaBatch<Tensor<'float32'>> {
    const { picture, frames, thumbnails, sound, present } = this.batch;
    for (const tensor of [picture, frames, thumbnails, sound, present]) tensor.data.fill(0);
    items.forEach((item, i) => {
      copyRow(this.#tables.pictures, item.picture, picture, i);
      copyRow(this.#tables.frames, item.video, frames, i);
      copyRow(this.#tables.thumbnails, item.video, thumbnails, i);
      copyRow(this.#tables.sounds, item.sound, sound, i);
      [item.picture, item.video, item.sound].forEach((row, modality) => {
        present.data[3 * i + modality] = row === undefined ? 0 : 1;
      });
    });
    return this.batch;
  }
}

function copyRow(from: Tensor<'float32'>, row: number | undefined, to: Tensor<'float32'>, at: number): void {
  if (row === undefined) return;
  const dim = from.shape[1]!;
  to.data.set(from.data.subarray(row * dim, (row + 1) * dim), at * dim);
}

/** Which modality each group shows in any case. */
const ownModality: Readonly<Record<string, keyof ShownItem>> = {
  pictures: 'picture',
  videos: 'video',
  speech: 'sound',
  sounds: 'sound',
};

/** A function that draws the next batch of stage two. Its media tensors are the same ones each time. */
export function pairedBatches(
  corpus: ComparisonCorpus,
  tables: MediaTables,
  codec: CaptionCodec,
  settings: ComparisonSettings,
): (rng: Rng) => CaptionBatch<Tensor> {
  const { batchSize } = settings;
  const probabilities = sourceProbabilities(corpus.training.map(({ items }) => items.length));
  const filler = new MediaFiller(tables, batchSize, settings);
  const encoded = new Map<string, readonly number[]>();
  const tokensOf = (text: string) => {
    const known = encoded.get(text) ?? codec.encode(text);
    encoded.set(text, known);
    return known;
  };
  return (rng) => {
    const [concepts, taken] = [new Set<string>(), new Set<string>()];
    const shown: ShownItem[] = [];
    const texts: { tokens: readonly number[]; language: (typeof captionLanguages)[number] }[] = [];
    for (let draws = 0; shown.length < batchSize; draws++) {
      if (draws > 200 * batchSize) throw new RangeError(`pairedBatches: no ${batchSize} different concepts to draw`);
      const group = corpus.training[rng.categorical(probabilities)]!;
      const item = rng.pick(group.items);
      const language = rng.pick(captionLanguages);
      const text = textOf(item, language, settings.nameProbability, rng);
      const picked = showing(item, ownModality[group.id]!, settings.companionProbability, rng);
      if (concepts.has(item.concept) || taken.has(text)) continue;
      concepts.add(item.concept);
      taken.add(text);
      shown.push(picked);
      texts.push({ tokens: tokensOf(text), language });
    }
    return { media: filler.fill(shown), ...codec.batch(texts) };
  };
}

function textOf(
  item: ComparisonItem,
  language: (typeof captionLanguages)[number],
  nameProbability: number,
  rng: Rng,
): string {
  const keywords = item.keywords[language];
  const useName = rng.uniform() < nameProbability || keywords.length === 0;
  return useName ? item.name[language] : rng.pick(keywords);
}

function showing(item: ComparisonItem, own: keyof ShownItem, companionProbability: number, rng: Rng): ShownItem {
  const rows = { picture: item.pictures, video: item.videos, sound: item.sounds };
  const pick = (modality: keyof ShownItem) => {
    const isShown = modality === own || rng.uniform() < companionProbability;
    return isShown && rows[modality].length > 0 ? rng.pick(rows[modality]) : undefined;
  };
  return { picture: pick('picture'), video: pick('video'), sound: pick('sound') };
}

/** A function that draws the next batch of stage one: texts alone, each language as often. */
export function languageBatches(
  corpus: ComparisonCorpus,
  codec: CaptionCodec,
  { batchSize }: ComparisonSettings,
): (rng: Rng) => CaptionRows {
  const tokens = {
    en: corpus.texts.en.map((text) => codec.encode(text)),
    zh: corpus.texts.zh.map((text) => codec.encode(text)),
  };
  return (rng) =>
    codec.batch(
      Array.from({ length: batchSize }, () => {
        const language = rng.pick(captionLanguages);
        return { tokens: rng.pick(tokens[language]), language };
      }),
    );
}
