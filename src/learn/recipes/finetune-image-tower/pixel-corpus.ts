/** @file What a tower is trained on: compressed pixels of every view of every picture, and the features of every text. */
import type { TextTower } from '../../../bundle/index.ts';
import { FormatError, type OnProgress, Rng, Tensor } from '../../../engine/core/index.ts';
import type { Executable } from '../../../engine/runtime/index.ts';
import { cachedFeatures, stackRows } from '../../data/features.ts';
import type { PictureRecord, PictureSource } from '../../data/index.ts';
import { viewsOf } from '../../data/picture-views.ts';
import { cachedPixels, type PixelTable } from '../../data/pixels.ts';
import type { PairItem } from '../../data/sampler.ts';
import { captionsOf } from '../align-text-image/corpus.ts';

/** The pictures of one source. */
export interface PixelSource {
  readonly source: PictureSource;
  /** The rows of an item are its views; its texts begin with its name. */
  readonly items: readonly PairItem[];
  readonly pixels: PixelTable;
}

/** Everything that the recipe trains on. */
export interface PixelCorpus {
  readonly sources: readonly PixelSource[];
  readonly texts: readonly string[];
  /** Of each text, the concepts that it may stand for. */
  readonly textConcepts: readonly ReadonlySet<string>[];
  /** `[texts, D]`, unit vectors. */
  readonly textEmbeddings: Tensor<'float32'>;
}

/** What `buildPixelCorpus` needs. */
export interface PixelCorpusOptions {
  readonly records: readonly PictureRecord[];
  readonly textTower: TextTower;
  /** Embeds features of texts, `[N, G]` to `[N, D]`. */
  readonly textHead: Executable;
  /** S */
  readonly size: number;
  /** Views of each emoji, and of each icon. */
  readonly numViews: number;
  readonly numIconViews: number;
  readonly seed: number;
  /** Folder that holds the caches `features` and `pixels`. */
  readonly cacheDirectory: { readonly features: string; readonly pixels: string };
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

const iconSources: readonly PictureSource[] = ['lucide', 'tabler-outline', 'tabler-filled', 'mdi'];

/** Draws (or reads from the cache) every picture, and computes the features of every text. */
export async function buildPixelCorpus(options: PixelCorpusOptions): Promise<PixelCorpus> {
  const { records, size, seed, textTower, cacheDirectory } = options;
  const during = {
    ...(options.onProgress ? { onProgress: options.onProgress } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
  };
  const texts = new Map<string, number>();
  const textConcepts: Set<string>[] = [];
  const rowOf = (text: string, concept: string) => {
    const row = texts.get(text) ?? texts.size;
    texts.set(text, row);
    textConcepts[row] ??= new Set();
    textConcepts[row].add(concept);
    return row;
  };
  const sources: PixelSource[] = [];
  for (const source of new Set(records.map((record) => record.source))) {
    const own = records.filter((record) => record.source === source);
    const numViews = iconSources.includes(source) ? options.numIconViews : options.numViews;
    const pixels = await cachedPixels({
      pictures: own.flatMap((record) => viewsOf(record, numViews, seed).map((view) => ({ record, view }))),
      size,
      directory: cacheDirectory.pixels,
      unit: `${source} pictures`,
      ...during,
    });
    const items = own.map((record, i) => ({
      concept: record.concept,
      rows: Array.from({ length: numViews }, (_, view) => i * numViews + view),
      texts: captionsOf(record, new Rng(`${seed}/${record.id}`)).map((text) => rowOf(text, record.concept)),
    }));
    sources.push({ source, items, pixels });
  }
  const list = [...texts.keys()];
  const textFeatures = await cachedFeatures({
    directory: cacheDirectory.features,
    items: list,
    keyOf: (text) => text,
    encoderId: textTower.id,
    encode: (part) => textTower.run(part),
    unit: 'texts',
    shardSize: 8192,
    batchSize: 512,
    ...during,
  });
  return { sources, texts: list, textConcepts, textEmbeddings: await embedAll(textFeatures, options.textHead) };
}

/** Rows embedded in one run of the head. */
const embeddedTogether = 4096;

async function embedAll(features: Tensor<'float32'>, head: Executable): Promise<Tensor<'float32'>> {
  const [numRows, dim] = features.shape as [number, number];
  const parts: Tensor<'float32'>[] = [];
  for (let start = 0; start < numRows; start += embeddedTogether) {
    const end = Math.min(numRows, start + embeddedTogether);
    const rows = new Tensor('float32', [end - start, dim], features.data.subarray(start * dim, end * dim));
    const { embedding } = await head.run({ features: rows });
    if (embedding?.dtype !== 'float32') throw new FormatError('the text head must give "embedding" as float32');
    parts.push(embedding as Tensor<'float32'>);
  }
  return stackRows(parts);
}
