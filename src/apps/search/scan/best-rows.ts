/** @file The best of many scored rows. */

/** Rows with their scores, best first; equal ones in the order of their numbers. */
export interface ScoredRows {
  readonly rows: Int32Array;
  readonly scores: Float32Array;
}

/** The `top` best of `count` rows. */
export function bestRows(rows: ArrayLike<number>, scores: ArrayLike<number>, count: number, top: number): ScoredRows {
  // A heap whose first is the worst that is kept, as places in `rows`.
  const heap: number[] = [];
  const isWorse = (a: number, b: number) =>
    scores[a]! < scores[b]! || (scores[a]! === scores[b]! && rows[a]! > rows[b]!);
  const sink = (at: number) => {
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
  for (let i = 0; i < count; i++) {
    if (heap.length < top) {
      heap.push(i);
      if (heap.length === top) for (let at = (top >> 1) - 1; at >= 0; at--) sink(at);
    } else if (top > 0 && isWorse(heap[0]!, i)) {
      heap[0] = i;
      sink(0);
    }
  }
  heap.sort((a, b) => (isWorse(a, b) ? 1 : -1));
  return {
    rows: Int32Array.from(heap, (i) => rows[i]!),
    scores: Float32Array.from(heap, (i) => scores[i]!),
  };
}
