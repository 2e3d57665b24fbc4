/**
 * @file What stage one learns from: pictures under several views, their English texts as features of the sentence encoder, and, for emoji, their
 * Chinese texts as features of the distilled encoder, which puts them into the same feature space.
 *
 * F: picture features; G: text features.
 */
import { join } from 'node:path';
import type { TextTower } from '../../../bundle/index.ts';
import { Rng, type Tensor } from '../../../engine/core/index.ts';
import { cachedFeatures, stackRows } from '../../data/features.ts';
import { defaultDataDirectory } from '../../data/packages.ts';
import type { GroupItem } from '../../data/sampler.ts';
import { buildCorpus, type CorpusOptions } from '../align-text-image/corpus.ts';
import { chineseCaptions, readChineseCaptions } from './chinese-captions.ts';

/** Everything that stage one trains on. */
export interface PictureCorpus {
  /** The pictures of each source, with rows of `picture` (views), `text` and `chinese` (names first). */
  readonly sources: readonly { readonly items: readonly GroupItem[] }[];
  /** `[views, F]` */
  readonly pictures: Tensor<'float32'>;
  /** `[texts, G]` */
  readonly texts: Tensor<'float32'>;
  /** `[texts, G]`; undefined without a tower for Chinese. */
  readonly chinese: Tensor<'float32'> | undefined;
  /** The Chinese texts, by row. */
  readonly chineseTexts: readonly string[];
}

/** What `buildPictureCorpus` needs. */
export interface PictureCorpusOptions extends CorpusOptions {
  /** The distilled encoder; without it, nothing Chinese is learned. */
  readonly chineseTower?: TextTower;
  readonly dataDirectory?: string;
}

/** Computes (or reads from the cache) the features of all records, which must be fit to learn from. */
export async function buildPictureCorpus(options: PictureCorpusOptions): Promise<PictureCorpus> {
  const { records, chineseTower, seed } = options;
  const corpus = await buildCorpus(options);
  const chinese = new TextRows();
  const annotations = chineseTower === undefined ? undefined : readChineseCaptions(modulesOf(options.dataDirectory));
  let start = 0;
  const sources = corpus.sources.map(({ source, items, features }) => {
    const own = records.filter((record) => record.source === source);
    const first = start;
    start += features.shape[0]!;
    return {
      items: items.map(({ concept, rows, texts }, i): GroupItem => {
        const annotation = annotations?.get(own[i]!.id.split('/')[1]!);
        const captions =
          annotation === undefined ? [] : chineseCaptions(annotation, new Rng(`${seed}/zh/${own[i]!.id}`));
        return {
          concept,
          rows: {
            picture: rows.map((row) => first + row),
            text: texts,
            chinese: captions.map((text) => chinese.rowOf(text)),
          },
        };
      }),
    };
  });
  const pictures = stackRows(corpus.sources.map(({ features }) => features));
  return {
    sources,
    pictures,
    texts: corpus.textFeatures,
    chineseTexts: chinese.texts,
    chinese: chineseTower === undefined ? undefined : await textFeatures(chinese.texts, chineseTower, options),
  };
}

/** Texts, each once, by row. */
export class TextRows {
  readonly #rows = new Map<string, number>();

  /** The row of a text, a new one if it has none. */
  rowOf(text: string): number {
    const row = this.#rows.get(text) ?? this.#rows.size;
    this.#rows.set(text, row);
    return row;
  }

  /** All texts, by row. */
  get texts(): string[] {
    return [...this.#rows.keys()];
  }
}

/** Features `[texts, G]` of texts, from the cache where it has them. */
export function textFeatures(
  texts: readonly string[],
  tower: TextTower,
  { cacheDirectory, onProgress, signal }: Pick<CorpusOptions, 'cacheDirectory' | 'onProgress' | 'signal'>,
): Promise<Tensor<'float32'>> {
  return cachedFeatures({
    directory: cacheDirectory,
    items: texts,
    keyOf: (text) => text,
    encoderId: tower.id,
    encode: (part) => tower.run(part),
    unit: 'texts',
    shardSize: 8192,
    batchSize: 512,
    ...(onProgress ? { onProgress } : {}),
    ...(signal ? { signal } : {}),
  });
}

function modulesOf(directory: string = defaultDataDirectory()): string {
  return join(directory, 'node_modules');
}
