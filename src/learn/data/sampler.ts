/**
 * @file The order of training data when sources differ in size: a source is drawn by one of the strategies of the table below, P(source) =
 * log N / Σ log N unless another is asked for, so that large ones lead without drowning the small; an item of it uniformly. Within a batch
 * no two pairs share a concept or a text, because either would be a wrong negative to the other.
 */
import type { Rng } from '../../engine/core/index.ts';

/** An item that may be drawn: what it is of, and the texts and feature rows to choose from. */
export interface PairItem {
  readonly concept: string;
  readonly rows: readonly number[];
  readonly texts: readonly number[];
}

/** One pair of a batch. */
export interface Pair {
  /** Index of the source. */
  readonly source: number;
  /** Row of the source's features. */
  readonly row: number;
  /** Row of the text features. */
  readonly text: number;
}

/** How often a source of N items is drawn, before all are brought to a sum of 1. */
const weightOf = {
  logarithmic: Math.log,
  uniform: () => 1,
  proportional: (size: number) => size,
} as const satisfies Readonly<Record<string, (size: number) => number>>;

/** A way to draw among sources that differ in size: P = log N / Σ log N, 1 / sources, or N / Σ N. */
export type SamplingStrategy = keyof typeof weightOf;

/** Every strategy, the one that is taken by itself first. */
export const samplingStrategies = Object.keys(weightOf) as readonly SamplingStrategy[];

/** P(source) for sources of N items each. @throws RangeError if a source has fewer than two items. */
export function sourceProbabilities(sizes: readonly number[], strategy: SamplingStrategy = 'logarithmic'): number[] {
  if (sizes.length === 0 || sizes.some((size) => !(size >= 2))) {
    throw new RangeError(`sourceProbabilities: every source needs at least 2 items, got [${sizes}]`);
  }
  const weights = sizes.map(weightOf[strategy]);
  const total = weights.reduce((sum, value) => sum + value, 0);
  return weights.map((value) => value / total);
}

/** Draws before a batch is given up as impossible to fill with different concepts. */
const drawsPerPair = 200;

/**
 * Draws a batch of pairs.
 * @param nameProbability how often the first text, the name, is taken; otherwise any text of the item.
 * @param strategy how sources that differ in size are drawn.
 * @throws RangeError if the sources do not hold enough different concepts.
 */
export function samplePairs(
  sources: readonly { readonly items: readonly PairItem[] }[],
  batchSize: number,
  rng: Rng,
  nameProbability = 0.5,
  strategy: SamplingStrategy = 'logarithmic',
): Pair[] {
  const probabilities = sourceProbabilities(
    sources.map(({ items }) => items.length),
    strategy,
  );
  const [concepts, texts] = [new Set<string>(), new Set<number>()];
  const pairs: Pair[] = [];
  for (let draws = 0; pairs.length < batchSize; draws++) {
    if (draws > batchSize * drawsPerPair) {
      throw new RangeError(`samplePairs: found only ${pairs.length} different concepts for a batch of ${batchSize}`);
    }
    const source = rng.categorical(probabilities);
    const item = rng.pick(sources[source]!.items);
    const text = rng.uniform() < nameProbability ? item.texts[0]! : rng.pick(item.texts);
    if (concepts.has(item.concept) || texts.has(text)) continue;
    concepts.add(item.concept);
    texts.add(text);
    pairs.push({ source, row: rng.pick(item.rows), text });
  }
  return pairs;
}

/** An item of several modalities: what it is of, and the rows to choose from in the table of each modality that it has. */
export interface GroupItem {
  readonly concept: string;
  readonly rows: Readonly<Record<string, readonly number[]>>;
}

/** One sample of a batch: the source, and the row of each modality that it has. */
export interface Group {
  readonly source: number;
  readonly rows: Readonly<Record<string, number>>;
}

/** How `sampleGroups` draws. */
export interface GroupSampling {
  readonly strategy: SamplingStrategy;
  /** Modalities whose first row is the item's name, and no row of which may stand twice in a batch. */
  readonly texts: readonly string[];
  /** How often the name is taken of a text; otherwise any row. */
  readonly nameProbability: number;
}

/**
 * Draws a batch of samples that may lack modalities. A text that stands in the batch already is left out of the sample; a sample is drawn
 * again if its concept is there already, or if less than two modalities are left of it.
 * @throws RangeError if the sources do not hold enough different concepts.
 */
export function sampleGroups(
  sources: readonly { readonly items: readonly GroupItem[] }[],
  batchSize: number,
  rng: Rng,
  { strategy, texts, nameProbability }: GroupSampling,
): Group[] {
  const probabilities = sourceProbabilities(
    sources.map(({ items }) => items.length),
    strategy,
  );
  const concepts = new Set<string>();
  const shown = new Map(texts.map((modality) => [modality, new Set<number>()]));
  const groups: Group[] = [];
  for (let draws = 0; groups.length < batchSize; draws++) {
    if (draws > batchSize * drawsPerPair) {
      throw new RangeError(`sampleGroups: found only ${groups.length} different concepts for a batch of ${batchSize}`);
    }
    const source = rng.categorical(probabilities);
    const item = rng.pick(sources[source]!.items);
    if (concepts.has(item.concept)) continue;
    const drawn = Object.entries(item.rows).flatMap(([modality, rows]): [string, number][] => {
      if (rows.length === 0) return [];
      const own = shown.get(modality);
      const row = own !== undefined && rng.uniform() < nameProbability ? rows[0]! : rng.pick(rows);
      return own?.has(row) ? [] : [[modality, row]];
    });
    if (drawn.length < 2) continue;
    concepts.add(item.concept);
    for (const [modality, row] of drawn) shown.get(modality)?.add(row);
    groups.push({ source, rows: Object.fromEntries(drawn) });
  }
  return groups;
}
