/**
 * @file Searches whose answers are known: held-out queries in libraries of held-out things, drawn at several sizes. Each query that has an answer in a library
 * is asked twice, in that library and in one without any file of its concept, so that half of all searches have no answer. N: rows; D: dimension.
 */
import { cosineSpread, type QueryKind, type RowKind, rowKinds, standingOf } from '../../bundle/index.ts';
import { Rng, type Tensor } from '../../engine/core/index.ts';
import { largest } from '../hash/code-recall.ts';
import type { Products } from '../hash/products.ts';
import type { JudgedHit } from './logistic.ts';

/** Things of one kind in the space. */
export interface KindRows {
  /** Of each row. */
  readonly concepts: readonly string[];
  /** `[N, D]` */
  readonly vectors: Tensor<'float32'>;
}

/** Queries of one kind. */
export interface KindQueries extends KindRows {
  readonly kind: QueryKind;
  /** The row of its own kind that each query is, which it does not find; absent if queries are no rows. */
  readonly own?: readonly number[];
}

/** A hit of a trial. */
export interface TrialHit extends JudgedHit {
  readonly rowKind: RowKind;
}

/** One search. */
export interface Trial {
  readonly queryKind: QueryKind;
  readonly concept: string;
  /** Rows of the library, those that were taken out counted; all of them where it is the whole. */
  readonly size: number;
  readonly hasAnswer: boolean;
  /** The best of each kind of rows, best first. */
  readonly hits: readonly TrialHit[];
}

/** What `searchTrials` needs. */
export interface TrialOptions {
  readonly rows: Readonly<Record<RowKind, KindRows>>;
  readonly queries: readonly KindQueries[];
  /** Sizes of libraries and how many are drawn of each; `Infinity` for the whole. */
  readonly libraries: readonly { readonly size: number; readonly count: number }[];
  /** Hits of each kind. */
  readonly numHits: number;
  readonly seed: number;
}

/** How many cosines tell how they are spread, as in search. */
const maxCosinesOfSpread = 2048;
const minCosinesOfSpread = 12;

/** Asks everything. */
export async function searchTrials(options: TrialOptions, products: Products): Promise<Trial[]> {
  const { rows, queries, libraries, seed } = options;
  const trials: Trial[] = [];
  const drawn = libraries.flatMap(({ size, count }) =>
    Array.from({ length: count }, (_, i) => drawLibrary(rows, size, new Rng(`${seed} library ${size} ${i}`))),
  );
  for (const asked of queries) {
    const cosines: Partial<Record<RowKind, Float32Array>> = {};
    for (const kind of rowKinds) cosines[kind] = await products.dots(asked.vectors, rows[kind].vectors);
    for (const library of drawn) {
      asked.concepts.forEach((concept, query) => {
        const cosinesOf = (kind: RowKind) => {
          const count = rows[kind].concepts.length;
          return cosines[kind]!.subarray(query * count, (query + 1) * count);
        };
        const self = (kind: RowKind) => (kind === asked.kind ? (asked.own?.[query] ?? -1) : -1);
        const isAnswer = (kind: RowKind, row: number) => rows[kind].concepts[row] === concept && row !== self(kind);
        if (!rowKinds.some((kind) => library.rows[kind].some((row) => isAnswer(kind, row)))) return;
        for (const hasAnswer of [true, false]) {
          const among = (kind: RowKind) =>
            library.rows[kind].filter((row) => row !== self(kind) && (hasAnswer || !isAnswer(kind, row)));
          const hits = hitsOf(among, cosinesOf, isAnswer, options.numHits);
          trials.push({ queryKind: asked.kind, concept, size: library.size, hasAnswer, hits });
        }
      });
    }
  }
  return trials;
}

interface Library {
  readonly size: number;
  readonly rows: Readonly<Record<RowKind, readonly number[]>>;
}

function drawLibrary(rows: TrialOptions['rows'], size: number, rng: Rng): Library {
  const all = rowKinds.flatMap((kind) => rows[kind].concepts.map((_, row) => ({ kind, row })));
  const drawn = size < all.length ? rng.shuffle(all).slice(0, size) : all;
  const own = (wanted: RowKind) => drawn.flatMap(({ kind, row }) => (kind === wanted ? [row] : []));
  return {
    size: drawn.length,
    rows: { image: own('image'), audio: own('audio'), video: own('video'), text: own('text') },
  };
}

function hitsOf(
  among: (kind: RowKind) => readonly number[],
  cosinesOf: (kind: RowKind) => Float32Array,
  isAnswer: (kind: RowKind, row: number) => boolean,
  numHits: number,
): TrialHit[] {
  const kinds = rowKinds.map((kind) => {
    const rows = among(kind);
    const all = cosinesOf(kind);
    return { kind, rows, cosines: Float32Array.from(rows, (row) => all[row]!) };
  });
  return kinds.flatMap(({ kind, rows, cosines }) => {
    if (rows.length === 0) return [];
    // Too few rows of a kind do not tell how their cosines are spread: those of all kinds do.
    const isFew = cosines.length < minCosinesOfSpread;
    const known = isFew ? Float32Array.from(kinds.flatMap((one) => Array.from(one.cosines))) : cosines;
    const spread = cosineSpread(someOf(known), cosines.length);
    return largest(cosines, numHits).map((place) => ({
      rowKind: kind,
      cosine: cosines[place]!,
      standing: standingOf(cosines[place]!, spread),
      isRight: isAnswer(kind, rows[place]!),
    }));
  });
}

function someOf(cosines: Float32Array): Float32Array {
  const step = Math.ceil(cosines.length / maxCosinesOfSpread);
  return Float32Array.from({ length: Math.ceil(cosines.length / step) }, (_, i) => cosines[i * step]!);
}
