/**
 * @file What the recipe learns from: the pictures of each source under several views, and the texts that may stand for each.
 */

import { basename } from 'node:path';
import type { PictureTower, TextTower } from '../../../bundle/index.ts';
import { type OnProgress, Rng, type Tensor } from '../../../engine/core/index.ts';
import { renderPicture } from '../../../media/index.ts';
import { cachedFeatures } from '../../data/features.ts';
import type { PictureRecord, PictureSource } from '../../data/index.ts';
import { joinFeatures } from '../../data/join-features.ts';
import { type PictureView, viewsOf } from '../../data/picture-views.ts';
import type { PairItem } from '../../data/sampler.ts';

/** The pictures of one source with their features. */
export interface CorpusSource {
  readonly source: PictureSource;
  /** The rows of an item are its views, plain view first; its texts begin with its name. */
  readonly items: readonly PairItem[];
  /** `[rows, F]` */
  readonly features: Tensor<'float32'>;
}

/** Everything that the recipe trains on. */
export interface Corpus {
  readonly sources: readonly CorpusSource[];
  /** Every text that stands for a picture, once. */
  readonly texts: readonly string[];
  /** `[texts, G]` */
  readonly textFeatures: Tensor<'float32'>;
}

/** What `buildCorpus` needs. */
export interface CorpusOptions {
  readonly records: readonly PictureRecord[];
  readonly pictureTower: PictureTower;
  readonly textTower: TextTower;
  /** Views of each picture. */
  readonly numViews: number;
  /** Views of each icon, of which there are many, so that each is drawn seldom; `numViews` if absent. */
  readonly numIconViews?: number;
  readonly seed: number;
  /** Folder of the feature cache. */
  readonly cacheDirectory: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

const iconSources: readonly PictureSource[] = ['lucide', 'tabler-outline', 'tabler-filled', 'mdi'];

/** Computes (or reads from the cache) the features of all records, which must be fit to learn from. */
export async function buildCorpus(options: CorpusOptions): Promise<Corpus> {
  const { records, seed, textTower } = options;
  const texts = new Map<string, number>();
  const rowOf = (text: string) => {
    if (!texts.has(text)) texts.set(text, texts.size);
    return texts.get(text)!;
  };
  const sources: CorpusSource[] = [];
  for (const source of new Set(records.map((record) => record.source))) {
    const own = records.filter((record) => record.source === source);
    const isIcon = iconSources.includes(source);
    const numViews = isIcon ? (options.numIconViews ?? options.numViews) : options.numViews;
    const features = await pictureFeatures(own, { ...options, numViews });
    const items = own.map((record, i) => ({
      concept: record.concept,
      rows: Array.from({ length: numViews }, (_, view) => i * numViews + view),
      texts: captionsOf(record, new Rng(`${seed}/${record.id}`)).map(rowOf),
    }));
    sources.push({ source, items, features });
  }
  const list = [...texts.keys()];
  const textFeatures = await cachedFeatures({
    ...cacheOptions(options),
    items: list,
    keyOf: (text) => text,
    encoderId: textTower.id,
    encode: (part) => textTower.run(part),
    unit: 'texts',
    shardSize: 8192,
    batchSize: 512,
  });
  return { sources, texts: list, textFeatures };
}

/** The features `[records · views, F]` of pictures under their views, record by record. */
async function pictureFeatures(
  records: readonly PictureRecord[],
  options: Pick<CorpusOptions, 'pictureTower' | 'numViews' | 'seed' | 'cacheDirectory' | 'onProgress' | 'signal'>,
): Promise<Tensor<'float32'>> {
  const { pictureTower, numViews, seed } = options;
  const shown = records.flatMap((record) =>
    viewsOf(record, numViews, seed).map((view): ShownPicture => ({ record, view })),
  );
  return cachedFeatures({
    ...cacheOptions(options),
    items: shown,
    keyOf: ({ record, view: { path, ...view } }) =>
      `${record.id}${path === undefined ? '' : ` ${basename(path)}`} ${JSON.stringify(view)}`,
    encoderId: `${pictureTower.id} views-1`,
    encode: async (part) => {
      const render = ({ record, view: { path = record.path, ...view } }: ShownPicture) =>
        renderPicture(path, { ...view, size: pictureTower.size });
      return joinFeatures(await pictureTower.run(await Promise.all(part.map(render))), pictureTower.outputs);
    },
    unit: `${records[0]?.source ?? ''} pictures`,
    batchSize: 32,
  });
}

interface ShownPicture {
  readonly record: PictureRecord;
  readonly view: PictureView;
}

function cacheOptions(options: Pick<CorpusOptions, 'cacheDirectory' | 'onProgress' | 'signal'>) {
  const { cacheDirectory, onProgress, signal } = options;
  return { directory: cacheDirectory, ...(onProgress ? { onProgress } : {}), ...(signal ? { signal } : {}) };
}

/**
 * The texts that stand for a picture: its name, alone and in phrases as people type them; its name with some keywords; keywords
 * together; keywords alone.
 */
export function captionsOf({ name, keywords }: Pick<PictureRecord, 'name' | 'keywords'>, rng: Rng): string[] {
  const withArticle = `${/^[aeiou]/i.test(name) ? 'an' : 'a'} ${name}`;
  const phrases = [name, withArticle, `a picture of ${withArticle}`];
  if (keywords.length === 0) return phrases;
  const some = rng.shuffle([...keywords]);
  return [
    ...phrases,
    `${some[0]} ${name}`,
    `${some.at(-1)} of ${name}`,
    `${name}, ${some.slice(0, 3).join(', ')}`,
    some.slice(0, 5).join(', '),
    ...some.slice(0, 4),
  ];
}
