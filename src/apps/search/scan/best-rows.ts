/** @file The best of many scored rows. */

/** Rows with their scores, best first; equal ones in the order of their numbers. */
export interface ScoredRows {
  readonly rows: Int32Array;
  readonly scores: Float32Array;
}

/** The `top` best of `count` rows, given as their numbers or, where these are 0, 1, 2 and so on, as undefined. Scores of -Infinity are left out. */
export function bestRows(
  rows: ArrayLike<number> | undefined,
  scores: ArrayLike<number>,
  count: number,
  top: number,
): ScoredRows {
  // A heap whose first is the worst that is kept, as places in `rows`.
  const heap: number[] = [];
  const numberOf = (place: number) => (rows === undefined ? place : rows[place]!);
  const isWorse = (a: number, b: number) =>
    scores[a]! < scores[b]! || (scores[a]! === scores[b]! && numberOf(a) > numberOf(b));
  const sink = (from: number) => {
    let at = from;
    const own = heap[at]!;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isWorse(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isWorse(heap[child]!, own)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = own;
  };
  // Most rows are worse than the worst that is kept: one comparison each.
  let worst = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const score = scores[i]!;
    if (score < worst || score === Number.NEGATIVE_INFINITY || top === 0) continue;
    if (heap.length < top) {
      heap.push(i);
      if (heap.length < top) continue;
      for (let at = (top >> 1) - 1; at >= 0; at--) sink(at);
    } else if (isWorse(heap[0]!, i)) {
      heap[0] = i;
      sink(0);
    }
    worst = scores[heap[0]!]!;
  }
  heap.sort((a, b) => (isWorse(a, b) ? 1 : -1));
  return {
    rows: Int32Array.from(heap, numberOf),
    scores: Float32Array.from(heap, (i) => scores[i]!),
  };
}
