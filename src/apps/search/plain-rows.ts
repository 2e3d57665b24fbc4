/**
 * @file Exact search over vectors held in memory, row by row. It costs 4 D bytes a segment.
 *
 * N: number of rows; D: dimension of the vectors.
 */

/** Vectors in memory. */
export class PlainRows {
  readonly #dim: number;
  #vectors = new Float32Array(0);
  #length = 0;
  readonly #dead = new Set<number>();

  constructor(dim: number) {
    this.#dim = dim;
  }

  /** The number of rows that were not removed. */
  get numLive(): number {
    return this.#length - this.#dead.size;
  }

  /** Adds vectors `[N, D]`. @returns the number of the first row. */
  add(vectors: Float32Array): number {
    const first = this.#length;
    const end = first * this.#dim + vectors.length;
    if (end > this.#vectors.length) {
      const grown = new Float32Array(Math.max(end, this.#vectors.length * 2));
      grown.set(this.#vectors.subarray(0, first * this.#dim));
      this.#vectors = grown;
    }
    this.#vectors.set(vectors, first * this.#dim);
    this.#length += vectors.length / this.#dim;
    return first;
  }

  /** Marks rows that are no more. */
  remove(rows: readonly number[]): void {
    for (const row of rows) this.#dead.add(row);
  }

  /** The best of these rows for `query` `[D]`, best first; equal ones in the order of the rows. */
  search(query: Float32Array, top: number, among: Int32Array): { row: number; score: number }[] {
    const wide = Float64Array.from(query);
    const best: { row: number; score: number }[] = [];
    let worst = Number.NEGATIVE_INFINITY;
    for (const row of among) {
      const score = this.#dot(wide, row);
      if (best.length >= top && score <= worst) continue;
      let low = 0;
      let high = best.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (best[middle]!.score >= score) low = middle + 1;
        else high = middle;
      }
      best.splice(low, 0, { row, score });
      if (best.length > top) best.pop();
      if (best.length === top) worst = best[top - 1]!.score;
    }
    return best;
  }

  /** The cosines of `query` with rows spread evenly over these, at most `maxRows`. */
  sampleScores(query: Float32Array, among: Int32Array, maxRows: number): Float32Array {
    const wide = Float64Array.from(query);
    const step = Math.ceil(among.length / maxRows) || 1;
    return Float32Array.from({ length: Math.ceil(among.length / step) }, (_, i) => this.#dot(wide, among[i * step]!));
  }

  /** The cosine of `query` with a row. */
  scoreOf(query: Float32Array, row: number): number {
    return this.#dot(Float64Array.from(query), row);
  }

  #dot(query: Float64Array, row: number): number {
    const values = this.#vectors;
    const dim = query.length;
    let at = row * dim;
    let even = 0;
    let odd = 0;
    for (let i = 0; i + 1 < dim; i += 2, at += 2) {
      even += values[at]! * query[i]!;
      odd += values[at + 1]! * query[i + 1]!;
    }
    return dim % 2 === 1 ? even + odd + values[at]! * query[dim - 1]! : even + odd;
  }
}
