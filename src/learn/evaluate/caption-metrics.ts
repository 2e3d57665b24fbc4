/**
 * @file How near captions come to what they should say: exact names, BLEU-4 (Papineni et al. 2002) and CIDEr (arXiv:1411.5726), each from its definition.
 * A text is a list of words; Chinese is read by characters.
 */

/** A caption and the texts that would have been right. */
export interface CaptionPair {
  readonly caption: string;
  readonly references: readonly string[];
}

/** Words of a text in lower case; each Han character is one, signs are none. */
export function captionWords(text: string): string[] {
  return (
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/\p{Script=Han}|[\p{L}\p{M}\p{N}]+(?:['’][\p{L}]+)*/gu)
      ?.flatMap(splitHan) ?? []
  );
}

/** A run of letters may hold Han among others ("t恤"). */
function splitHan(word: string): string[] {
  return word.match(/\p{Script=Han}|\P{Script=Han}+/gu) ?? [];
}

/** The share of captions whose words are those of a reference, in order. */
export function exactShare(pairs: readonly CaptionPair[]): number {
  const isExact = ({ caption, references }: CaptionPair) => {
    const own = captionWords(caption).join(' ');
    return references.some((reference) => captionWords(reference).join(' ') === own);
  };
  return pairs.filter(isExact).length / pairs.length;
}

type Counts = ReadonlyMap<string, number>;

/** How often each run of `n` words stands in a text. */
function countRuns(words: readonly string[], n: number): Counts {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= words.length; i++) {
    const run = words.slice(i, i + n).join(' ');
    counts.set(run, (counts.get(run) ?? 0) + 1);
  }
  return counts;
}

const orders = [1, 2, 3, 4] as const;

/**
 * BLEU of the whole set, in [0, 1]: the geometric mean of the clipped precisions of runs of 1 to 4 words, times the penalty exp(1 - r / c) where
 * the captions are shorter in sum (c) than their nearest references (r). 0 if no run of four words is right anywhere: names are short, so
 * `maxOrder` may be lowered, and should then be told.
 */
export function bleu(pairs: readonly CaptionPair[], maxOrder: 1 | 2 | 3 | 4 = 4): number {
  let [captionLength, referenceLength] = [0, 0];
  const [right, all] = [new Array<number>(maxOrder).fill(0), new Array<number>(maxOrder).fill(0)];
  for (const { caption, references } of pairs) {
    const words = captionWords(caption);
    const others = references.map(captionWords);
    captionLength += words.length;
    referenceLength += nearestLength(words.length, others);
    for (const n of orders.slice(0, maxOrder)) {
      const known = others.map((other) => countRuns(other, n));
      for (const [run, count] of countRuns(words, n)) {
        all[n - 1]! += count;
        right[n - 1]! += Math.min(count, Math.max(0, ...known.map((counts) => counts.get(run) ?? 0)));
      }
    }
  }
  if (right.some((count) => count === 0)) return 0;
  const logs = right.map((count, i) => Math.log(count / all[i]!));
  const penalty = captionLength >= referenceLength ? 1 : Math.exp(1 - referenceLength / captionLength);
  return penalty * Math.exp(logs.reduce((sum, log) => sum + log, 0) / maxOrder);
}

/** The length of the reference that is nearest in length, the shorter one of two. */
function nearestLength(length: number, references: readonly (readonly string[])[]): number {
  const lengths = references.map((words) => words.length).sort((a, b) => a - b);
  return lengths.reduce(
    (best, one) => (Math.abs(one - length) < Math.abs(best - length) ? one : best),
    lengths[0] ?? 0,
  );
}

/**
 * CIDEr of the set, in [0, 10]: for runs of 1 to 4 words, the cosine between the caption's and each reference's counts, weighted by how few items'
 * references hold a run; averaged over references, lengths and items, times 10. A length that neither text has is left out of the mean, so that
 * a name of two words can reach 10.
 */
export function cider(pairs: readonly CaptionPair[]): number {
  const tables = orders.map((n) => {
    const frequency = new Map<string, number>();
    for (const { references } of pairs) {
      const runs = new Set(references.flatMap((reference) => [...countRuns(captionWords(reference), n).keys()]));
      for (const run of runs) frequency.set(run, (frequency.get(run) ?? 0) + 1);
    }
    return frequency;
  });
  const weighted = (words: readonly string[], n: (typeof orders)[number]) =>
    new Map(
      [...countRuns(words, n)].map(([run, count]) => [
        run,
        count * Math.log(pairs.length / Math.max(1, tables[n - 1]!.get(run) ?? 0)),
      ]),
    );
  const scores = pairs.map(({ caption, references }) => {
    const words = captionWords(caption);
    const perReference = references.map((reference) => {
      const other = captionWords(reference);
      const lengths = orders.filter((n) => n <= Math.max(words.length, other.length));
      const cosines = lengths.map((n) => cosine(weighted(words, n), weighted(other, n)));
      return cosines.length === 0 ? 0 : cosines.reduce((sum, one) => sum + one, 0) / cosines.length;
    });
    return perReference.reduce((sum, one) => sum + one, 0) / Math.max(1, perReference.length);
  });
  return (10 * scores.reduce((sum, one) => sum + one, 0)) / pairs.length;
}

function cosine(a: Counts, b: Counts): number {
  const length = (counts: Counts) => Math.sqrt([...counts.values()].reduce((sum, value) => sum + value * value, 0));
  let dot = 0;
  for (const [run, weight] of a) dot += weight * (b.get(run) ?? 0);
  const norm = length(a) * length(b);
  return norm === 0 ? 0 : dot / norm;
}
