/**
 * @file What features of sounds are worth, without any text: do held-out recordings lie next to their concept, and is a phrase found again in a
 * voice that training never heard? F: features.
 */
import { Tensor } from '../../../engine/core/index.ts';
import type { Split } from '../../data/concept.ts';
import { type RetrievalFigures, ranksOf, retrievalFigures } from '../../evaluate/retrieval.ts';
import { columnStatistics, standardizeRows } from '../align-text-image/statistics.ts';
import type { AudioCorpus } from './audio-corpus.ts';

/** How well recordings lie next to those of their concept. */
export interface NeighbourFigures {
  /** Share of the held-out recordings whose nearest training recording is of their concept. */
  readonly accuracy: number;
  /** That of always answering with the largest concept. */
  readonly chance: number;
  readonly numQueries: number;
  readonly numConcepts: number;
}

/** How well a phrase is found again in another voice. */
export interface SpokenFigures extends RetrievalFigures {
  readonly candidates: number;
  /** R@10 of guessing. */
  readonly chance: number;
}

/** The figures of a set of features. */
export interface AudioFigures {
  readonly sounds: NeighbourFigures;
  /** Training phrases by held-out voices, found among the same by a training voice. */
  readonly knownPhrases: SpokenFigures;
  /** The same for phrases that training never heard. */
  readonly newPhrases: SpokenFigures;
  /** The same in Mandarin, phrases that training never heard. */
  readonly newMandarin: SpokenFigures;
}

/**
 * The figures of features `[sounds, F]` and `[clips, F]`, each column standardized by what may be trained on, compared by cosine.
 * @param splits the recordings and phrases that ask; those of `test` once everything is chosen.
 */
export function audioFigures(
  corpus: AudioCorpus,
  features: { readonly sounds: Tensor<'float32'>; readonly clips: Tensor<'float32'> },
  splits: readonly Exclude<Split, 'train'>[],
): AudioFigures {
  const { sounds, clips } = corpus;
  const soundRows = comparable(
    features.sounds,
    indices(sounds, ({ split }) => split === 'train'),
  );
  const clipRows = comparable(
    features.clips,
    indices(clips, ({ split, voice }) => split === 'train' && !voice.heldOut),
  );
  const isAsked = (split: Split) => split !== 'train' && splits.includes(split);
  const spoken = (language: string, isPhrase: (split: Split) => boolean) =>
    acrossVoices(corpus, clipRows, language, isPhrase);
  return {
    sounds: nearest(corpus, soundRows, isAsked),
    knownPhrases: spoken('en', (split) => split === 'train'),
    newPhrases: spoken('en', isAsked),
    newMandarin: spoken('zh', isAsked),
  };
}

function indices<Item>(items: readonly Item[], keep: (of: Item) => boolean): number[] {
  return items.flatMap((item, i) => (keep(item) ? [i] : []));
}

/** Rows standardized by the statistics of some of them, and of length 1. */
function comparable(features: Tensor<'float32'>, training: readonly number[]): Tensor<'float32'> {
  const rows = new Tensor('float32', features.shape, features.data.slice());
  standardizeRows(rows, columnStatistics([taken(features, training)]));
  const dim = rows.shape[1]!;
  for (let row = 0; row < rows.shape[0]!; row++) {
    const values = rows.data.subarray(row * dim, (row + 1) * dim);
    const length = Math.hypot(...values) || 1;
    for (let d = 0; d < dim; d++) values[d]! /= length;
  }
  return rows;
}

function taken({ shape, data }: Tensor<'float32'>, rows: readonly number[]): Tensor<'float32'> {
  const dim = shape[1]!;
  const out = new Float32Array(rows.length * dim);
  rows.forEach((row, i) => {
    out.set(data.subarray(row * dim, (row + 1) * dim), i * dim);
  });
  return new Tensor('float32', [rows.length, dim], out);
}

function nearest(
  { sounds }: AudioCorpus,
  rows: Tensor<'float32'>,
  isAsked: (split: Split) => boolean,
): NeighbourFigures {
  const known = indices(sounds, ({ split }) => split === 'train');
  const queries = indices(sounds, ({ split, conceptSplit }) => conceptSplit === 'train' && isAsked(split));
  const dim = rows.shape[1]!;
  const cosine = (a: number, b: number) => {
    let sum = 0;
    for (let d = 0; d < dim; d++) sum += rows.data[a * dim + d]! * rows.data[b * dim + d]!;
    return sum;
  };
  const counts = new Map<string, number>();
  for (const query of queries) counts.set(sounds[query]!.concept, (counts.get(sounds[query]!.concept) ?? 0) + 1);
  const hits = queries.filter((query) => {
    const best = known.reduce((a, b) => (cosine(query, b) > cosine(query, a) ? b : a));
    return sounds[best]!.concept === sounds[query]!.concept;
  });
  return {
    accuracy: hits.length / queries.length,
    chance: Math.max(...counts.values()) / queries.length,
    numQueries: queries.length,
    numConcepts: new Set(known.map((row) => sounds[row]!.concept)).size,
  };
}

/** Phrases by each held-out voice, found among the same phrases by the first training voice of the language. */
function acrossVoices(
  { clips }: AudioCorpus,
  rows: Tensor<'float32'>,
  language: string,
  isPhrase: (split: Split) => boolean,
): SpokenFigures {
  const own = indices(clips, (clip) => clip.language === language && isPhrase(clip.split));
  const asking = own.filter((i) => clips[i]!.voice.heldOut);
  const texts = new Set(asking.map((i) => clips[i]!.text));
  const voice = clips.find((clip) => clip.language === language && !clip.voice.heldOut)?.voice.id;
  const candidates = own.filter((i) => clips[i]!.voice.id === voice && texts.has(clips[i]!.text));
  const place = new Map(candidates.map((i, at) => [clips[i]!.text, at]));
  const answers = asking.map((i) => place.get(clips[i]!.text)!);
  const ranks = ranksOf(taken(rows, asking), taken(rows, candidates), answers);
  return { ...retrievalFigures(ranks), candidates: candidates.length, chance: Math.min(1, 10 / candidates.length) };
}
