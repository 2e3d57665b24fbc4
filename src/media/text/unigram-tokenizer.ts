/**
 * @file The Universal Sentence Encoder's tokenizer: SentencePiece's unigram model (Kudo 2018, arXiv 1804.10959) as TensorFlow.js's
 * port runs it, id for id. The port is not quite SentencePiece, and the encoder was published with it, so its ways are kept: an
 * unknown character scores 0 (better than any piece), as do the pieces with a colon, which its vocabulary lists with null; and a place
 * that no piece ends at counts as 0 too. In time linear in the
 * length of the text (times the longest piece, 16 characters).
 */
import { FormatError, int64, type Tensor } from '../../engine/core/index.ts';

/** Pieces before this one are control symbols: never found in text. */
const numReserved = 6;
/** SentencePiece's visible space, U+2581. */
const space = '\u2581';
const unknownId = 0;

/** A node of the prefix tree; `id` is -1 where no piece ends. */
interface TrieNode {
  id: number;
  score: number;
  readonly children: Map<number, TrieNode>;
}

/** Splits text into the pieces of a vocabulary, the likeliest split by the sum of their log-probabilities. */
export class UnigramTokenizer {
  readonly #root: TrieNode = { id: -1, score: 0, children: new Map() };
  /** Characters by which the walk back steps over each piece. */
  readonly #lengths: Int32Array;

  /**
   * @param vocabulary `[piece, logProbability]` pairs in the order of their ids, as the encoder's `vocab.json` holds them.
   * @throws FormatError where it is something else.
   */
  constructor(vocabulary: unknown) {
    if (!Array.isArray(vocabulary) || vocabulary.length <= numReserved) {
      throw new FormatError(`tokenizer vocabulary: must be a list of more than ${numReserved} pieces`);
    }
    this.#lengths = new Int32Array(vocabulary.length);
    vocabulary.forEach((entry: unknown, id) => {
      const [piece, listed] = Array.isArray(entry) ? (entry as unknown[]) : [];
      const score = listed === null ? 0 : listed;
      if (typeof piece !== 'string' || piece === '' || typeof score !== 'number' || !Number.isFinite(score)) {
        throw new FormatError(`tokenizer vocabulary: entry ${id} must be [piece, logProbability]`);
      }
      this.#lengths[id] = piece.length;
      if (id >= numReserved) this.#insert(piece, score, id);
    });
  }

  #insert(piece: string, score: number, id: number): void {
    let node = this.#root;
    for (const character of piece) {
      const code = character.codePointAt(0)!;
      let child = node.children.get(code);
      if (child === undefined) {
        child = { id: -1, score: 0, children: new Map() };
        node.children.set(code, child);
      }
      node = child;
    }
    node.id = id;
    node.score = score;
  }

  /** The ids of the pieces of `text`, after NFKC; runs of unknown characters are one id 0; none for the empty text. */
  encode(text: string): number[] {
    const normalized = text.normalize('NFKC');
    if (normalized === '') return [];
    const codes = Array.from(space + normalized.replaceAll(' ', space), (character) => character.codePointAt(0)!);
    const bestId = new Int32Array(codes.length + 1);
    const bestScore = new Float64Array(codes.length + 1);
    // Later starts win ties, and a best of exactly 0 counts as none yet: both as in the port.
    const offer = (end: number, id: number, score: number) => {
      if (bestScore[end] !== 0 && score < bestScore[end]!) return;
      bestScore[end] = score;
      bestId[end] = id;
    };
    for (let start = 0; start < codes.length; start++) {
      const before = bestScore[start]!;
      let found = false;
      let node = this.#root.children.get(codes[start]!);
      for (let end = start + 1; node !== undefined; end++) {
        if (node.id >= 0) {
          found = true;
          offer(end, node.id, node.score + before);
        }
        node = end < codes.length ? node.children.get(codes[end]!) : undefined;
      }
      if (!found) offer(start + 1, unknownId, before);
    }
    const ids: number[] = [];
    for (let end = codes.length; end > 0; end -= this.#lengths[bestId[end]!]!) {
      const id = bestId[end]!;
      if (id !== unknownId || ids.at(-1) !== unknownId) ids.push(id);
    }
    return ids.reverse();
  }
}

/**
 * Rows of ids as one `int64[N, T]`, T the longest row but at least 1 and at most `maxLength`; shorter rows are filled up with -1, longer ones
 * are cut, which the encoder does too.
 */
export function padTokens(rows: readonly (readonly number[])[], maxLength: number): Tensor<'int64'> {
  const time = Math.max(1, Math.min(maxLength, Math.max(0, ...rows.map((row) => row.length))));
  const ids = new Float64Array(rows.length * time).fill(-1);
  rows.forEach((row, n) => {
    ids.set(row.slice(0, time), n * time);
  });
  return int64(ids, [rows.length, time]);
}
