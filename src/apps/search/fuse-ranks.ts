/** @file Several ranked lists as one: reciprocal rank fusion (Cormack, Clarke, Büttcher, SIGIR 2009). */

/** Softens the lead of first places; the value of the paper. */
const softening = 60;

/**
 * The items of all lists, best first by the sum of 1 / (60 + place) over the lists that hold them; of an item that several hold, the form in the first. One list stays as it is.
 * @param keyOf tells which items are the same.
 */
export function fuseRanks<T>(lists: readonly (readonly T[])[], keyOf: (item: T) => unknown): T[] {
  const fused = new Map<unknown, { item: T; score: number }>();
  for (const list of lists) {
    list.forEach((item, place) => {
      const score = 1 / (softening + place + 1);
      const before = fused.get(keyOf(item));
      if (before === undefined) fused.set(keyOf(item), { item, score });
      else before.score += score;
    });
  }
  // Sorting is stable: of equal sums, what an earlier list holds comes first.
  return [...fused.values()].sort((a, b) => b.score - a.score).map(({ item }) => item);
}
