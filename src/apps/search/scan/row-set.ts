/**
 * @file Sets of rows, as one bit a row. They are made from columns once (all rows of a kind, of a tenant, of a span of time), kept, and put together for each
 * search.
 */

/** A set of rows below a number of rows. It does not change. */
export class RowSet {
  /** How many rows there are of which this set has some. */
  readonly numRows: number;
  /** Bit `row & 31` of word `row >> 5` tells whether the row is in the set. */
  readonly words: Uint32Array;
  #size: number | undefined;
  #rows: Int32Array | undefined;

  private constructor(numRows: number, words: Uint32Array) {
    this.numRows = numRows;
    this.words = words;
  }

  /** These rows. @throws RangeError if one is not in [0, numRows). */
  static of(numRows: number, rows: Iterable<number>): RowSet {
    const words = new Uint32Array(Math.ceil(numRows / 32));
    for (const row of rows) {
      if (!(Number.isInteger(row) && row >= 0 && row < numRows)) {
        throw new RangeError(`RowSet.of: rows must be whole numbers in [0, ${numRows}), got ${row}`);
      }
      words[row >> 5]! |= 1 << (row & 31);
    }
    return new RowSet(numRows, words);
  }

  /** All rows. */
  static all(numRows: number): RowSet {
    const words = new Uint32Array(Math.ceil(numRows / 32)).fill(0xffffffff);
    return new RowSet(numRows, cut(words, numRows));
  }

  /** The rows whose value in a column is one of `values`: kinds, tenants, files. */
  static where(column: ArrayLike<number>, values: Iterable<number>): RowSet {
    const wanted = new Set(values);
    const only = wanted.size === 1 ? [...wanted][0]! : undefined;
    return RowSet.#test(column, only === undefined ? (value) => wanted.has(value) : (value) => value === only);
  }

  /** The rows whose value in a column is in [low, high): times, sizes. */
  static between(column: ArrayLike<number>, low: number, high: number): RowSet {
    return RowSet.#test(column, (value) => value >= low && value < high);
  }

  static #test(column: ArrayLike<number>, holds: (value: number) => boolean): RowSet {
    const numRows = column.length;
    const words = new Uint32Array(Math.ceil(numRows / 32));
    for (let at = 0, row = 0; at < words.length; at++) {
      const end = Math.min(numRows, row + 32);
      let word = 0;
      for (let bit = 0; row < end; row++, bit++) if (holds(column[row]!)) word |= 1 << bit;
      words[at] = word;
    }
    return new RowSet(numRows, words);
  }

  /** How many rows are in the set. */
  get size(): number {
    if (this.#size === undefined) {
      let size = 0;
      for (const word of this.words) size += bitsOf(word);
      this.#size = size;
    }
    return this.#size;
  }

  /** The rows, in rising order. */
  get rows(): Int32Array {
    if (this.#rows === undefined) {
      const rows = new Int32Array(this.size);
      let end = 0;
      for (let at = 0; at < this.words.length; at++) {
        for (let word = this.words[at]!; word !== 0; word &= word - 1) {
          rows[end++] = at * 32 + 31 - Math.clz32(word & -word);
        }
      }
      this.#rows = rows;
    }
    return this.#rows;
  }

  /** Whether a row is in the set. */
  has(row: number): boolean {
    return row >= 0 && row < this.numRows && ((this.words[row >> 5]! >>> (row & 31)) & 1) === 1;
  }

  /** The rows that are in both sets; among the fewer rows if they differ. */
  and(other: RowSet): RowSet {
    const numRows = Math.min(this.numRows, other.numRows);
    const words = new Uint32Array(Math.ceil(numRows / 32));
    for (let i = 0; i < words.length; i++) words[i] = this.words[i]! & other.words[i]!;
    return new RowSet(numRows, words);
  }

  /** The rows that are in either set; among the more rows if they differ. */
  or(other: RowSet): RowSet {
    const [more, fewer] = this.numRows >= other.numRows ? [this, other] : [other, this];
    const words = more.words.slice();
    for (let i = 0; i < fewer.words.length; i++) words[i]! |= fewer.words[i]!;
    return new RowSet(more.numRows, words);
  }

  /** The rows that are not in the set. */
  not(): RowSet {
    return new RowSet(
      this.numRows,
      cut(
        this.words.map((word) => ~word),
        this.numRows,
      ),
    );
  }
}

/** Takes the bits behind the last row away. */
function cut(words: Uint32Array, numRows: number): Uint32Array {
  if (numRows % 32 !== 0) words[words.length - 1]! &= 2 ** (numRows % 32) - 1;
  return words;
}

/** How many bits of a word are set. */
function bitsOf(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
