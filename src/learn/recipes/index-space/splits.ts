/** @file The things of a split in the space, by kind: rows that are looked for, and queries. D: dimension of the space. */
import type { Encoder, RowKind } from '../../../bundle/index.ts';
import { rowKinds } from '../../../bundle/index.ts';
import { Rng } from '../../../engine/core/index.ts';
import { type KindQueries, type KindRows, searchTrials } from '../../calibrate/trials.ts';
import type { Split } from '../../data/concept.ts';
import { takeRows } from '../../hash/matrix-rows.ts';
import type { Products } from '../../hash/products.ts';
import { type ItemVectorOptions, itemVectors } from './item-vectors.ts';
import type { IndexItem } from './items.ts';
import type { CalibrationSettings } from './settings.ts';

/** The things of one split. */
export interface SplitVectors {
  readonly rows: Readonly<Record<RowKind, KindRows>>;
  /** Texts that ask, by language. */
  readonly texts: Readonly<Record<'en' | 'zh', KindRows>>;
}

/** Encodes (or reads from the cache) the things of a split. @throws as `itemVectors` does. */
export async function splitVectors(
  encoder: Encoder,
  items: readonly IndexItem[],
  split: Split,
  options: ItemVectorOptions,
): Promise<SplitVectors> {
  const own = items.filter((item) => item.split === split);
  const encode = async (wanted: readonly IndexItem[]): Promise<KindRows> => ({
    concepts: wanted.map(({ concept }) => concept),
    vectors: await itemVectors(encoder, wanted, options),
  });
  const rows: Partial<Record<RowKind, KindRows>> = {};
  for (const kind of rowKinds)
    rows[kind] = await encode(own.filter((item) => item.kind === kind && item.use !== 'query'));
  const texts = own.filter((item) => item.kind === 'text' && item.use === 'query');
  const { concepts, vectors } = await encode(texts);
  const ofLanguage = (language: 'en' | 'zh'): KindRows => {
    const places = texts.flatMap((item, place) => (item.kind === 'text' && item.language === language ? [place] : []));
    return { concepts: places.map((place) => concepts[place]!), vectors: takeRows(vectors, places) };
  };
  return { rows: rows as SplitVectors['rows'], texts: { en: ofLanguage('en'), zh: ofLanguage('zh') } };
}

/** The queries of a split: all texts, and up to `numMedia` files of each kind, drawn from the seed. */
export function queriesOf({ rows, texts }: SplitVectors, numMedia: number, seed: number): KindQueries[] {
  const media = (['image', 'audio', 'video'] as const).map((kind): KindQueries => {
    const { concepts, vectors } = rows[kind];
    const own = new Rng(`${seed} queries ${kind}`).shuffle([...concepts.keys()]).slice(0, numMedia);
    return { kind, own, concepts: own.map((row) => concepts[row]!), vectors: takeRows(vectors, own) };
  });
  const all: KindQueries[] = [{ kind: 'text-en', ...texts.en }, { kind: 'text-zh', ...texts.zh }, ...media];
  return all.filter(({ concepts }) => concepts.length > 0);
}

/** The searches of a split. */
export function splitTrials(split: SplitVectors, settings: CalibrationSettings, seed: number, products: Products) {
  return searchTrials(
    {
      rows: split.rows,
      queries: queriesOf(split, settings.numQueries, seed),
      libraries: settings.libraries.map(({ size = Number.POSITIVE_INFINITY, count }) => ({ size, count })),
      numHits: settings.numHits,
      seed,
    },
    products,
  );
}
