/**
 * @file Training of byte-level BPE (arXiv:1508.07909): the commonest pair of neighbours becomes a token, again and again. Counts are of
 * distinct words, pairs are recounted only in the words that a merge touches, and a heap holds the pairs, so that 20 MB of text
 * take seconds. The outcome depends on the texts alone, not on their order: equal counts are decided by the tokens.
 */
import { byteCharacters, characterOfByte } from './byte-alphabet.ts';
import { type BpeNormalizer, normalizeText, type TokenizerJson } from './byte-level-bpe.ts';
import { Heap } from './heap.ts';

const han = '㐀-䶿一-鿿豈-﫿𠀀-𳎯';

/**
 * What is a word, by first fit: an English ending after an apostrophe; a run of Han; a run of other letters, or of signs, each with the space
 * before it; a single digit; spaces. Like the pattern of Qwen, but Han stays apart from other letters. Written so that JavaScript and the
 * engines of other tokenizers read it alike.
 */
const wordPattern = [
  `'(?:s|t|re|ve|m|ll|d)(?![\\p{L}\\p{M}])`,
  `[${han}]+`,
  ` ?(?:(?![${han}])[\\p{L}\\p{M}])+`,
  `\\p{N}`,
  ` ?[^\\s\\p{L}\\p{M}\\p{N}]+`,
  `\\s+(?!\\S)`,
  `\\s+`,
].join('|');

/** What `trainByteLevelBpe` needs besides texts. */
export interface BpeTrainingOptions {
  /** Ids of the tokenizer, at least 256: the bytes come first. Fewer if the texts do not have so many pairs. */
  readonly vocabularySize: number;
  /** NFKC and lower case if absent. */
  readonly normalizers?: readonly BpeNormalizer[];
  /** Pairs that occur less often are not merged; 2 if absent. */
  readonly minCount?: number;
}

/**
 * The tokenizer of texts, in the standard form.
 * @throws RangeError if the vocabulary would not hold the bytes.
 */
export function trainByteLevelBpe(texts: Iterable<string>, options: BpeTrainingOptions): TokenizerJson {
  const { vocabularySize, normalizers = ['NFKC', 'Lowercase'], minCount = 2 } = options;
  if (!(vocabularySize >= 256)) {
    throw new RangeError(`trainByteLevelBpe: the vocabulary must hold the 256 bytes, got ${vocabularySize}`);
  }
  const tokens = [...characterOfByte];
  const merges: [string, string][] = [];
  const pairs = new PairCounts(countWords(texts, normalizers), tokens, vocabularySize);
  while (tokens.length < vocabularySize) {
    const best = pairs.commonest();
    if (best === undefined || best.count < minCount) break;
    const [left, right] = [tokens[best.left]!, tokens[best.right]!];
    merges.push([left, right]);
    pairs.merge(best, tokens.push(left + right) - 1);
  }
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false } as const;
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer:
      normalizers.length === 0 ? null : { type: 'Sequence', normalizers: normalizers.map((type) => ({ type })) },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: wordPattern }, behavior: 'Isolated', invert: false },
        byteLevel,
      ],
    },
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
}

function countWords(texts: Iterable<string>, normalizers: readonly BpeNormalizer[]): Map<string, number> {
  const counts = new Map<string, number>();
  const pattern = new RegExp(wordPattern, 'gu');
  for (const text of texts) {
    for (const [word] of normalizeText(text, normalizers).matchAll(pattern)) {
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return counts;
}

interface Pair {
  readonly left: number;
  readonly right: number;
  /** How often it occurred when it came into the heap. */
  readonly count: number;
}

/** The pairs of neighbours in all words, with their counts. */
class PairCounts {
  readonly #words: Int32Array[] = [];
  readonly #weights: number[] = [];
  readonly #counts = new Map<number, number>();
  /** The words in which a pair occurs, or occurred; some more than once. */
  readonly #places = new Map<number, number[]>();
  readonly #heap: Heap<Pair>;
  /** Above any id, so that two ids make one number; no larger than it must be, for small numbers are fast keys. */
  readonly #idRange: number;

  constructor(words: ReadonlyMap<string, number>, tokens: readonly string[], idRange: number) {
    this.#idRange = idRange;
    this.#heap = new Heap((a, b) => {
      if (a.count !== b.count) return a.count > b.count;
      if (a.left !== b.left) return tokens[a.left]! < tokens[b.left]!;
      return tokens[a.right]! < tokens[b.right]!;
    });
    const idOf = new Map(characterOfByte.map((character, id) => [character, id]));
    for (const [word, weight] of words) {
      const ids = Int32Array.from(byteCharacters(word), (character) => idOf.get(character)!);
      const index = this.#words.push(ids) - 1;
      this.#weights.push(weight);
      for (let i = 0; i + 1 < ids.length; i++) this.#add(ids[i]!, ids[i + 1]!, weight, index);
    }
    for (const key of this.#counts.keys()) this.#offer(key);
  }

  #add(left: number, right: number, weight: number, word: number): void {
    const key = left * this.#idRange + right;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + weight);
    const places = this.#places.get(key);
    if (places === undefined) this.#places.set(key, [word]);
    else if (places.at(-1) !== word) places.push(word);
  }

  #offer(key: number): void {
    const count = this.#counts.get(key) ?? 0;
    if (count > 0) this.#heap.push({ left: Math.floor(key / this.#idRange), right: key % this.#idRange, count });
  }

  /** The pair that occurs most. Entries of the heap that have been overtaken are put right on the way. */
  commonest(): Pair | undefined {
    for (let best = this.#heap.pop(); best !== undefined; best = this.#heap.pop()) {
      const key = best.left * this.#idRange + best.right;
      if (this.#counts.get(key) === best.count) return best;
    }
    return undefined;
  }

  /** Writes `token` for the pair wherever it occurs. */
  merge({ left, right }: Pair, token: number): void {
    const merged = left * this.#idRange + right;
    const changed = new Set<number>();
    for (const index of this.#places.get(merged) ?? []) {
      const word = this.#words[index]!;
      const weight = this.#weights[index]!;
      const after = replacePair(word, left, right, token);
      if (after.length === word.length) continue;
      for (let i = 0; i + 1 < word.length; i++) {
        const key = word[i]! * this.#idRange + word[i + 1]!;
        this.#counts.set(key, this.#counts.get(key)! - weight);
        changed.add(key);
      }
      for (let i = 0; i + 1 < after.length; i++) {
        this.#add(after[i]!, after[i + 1]!, weight, index);
        changed.add(after[i]! * this.#idRange + after[i + 1]!);
      }
      this.#words[index] = after;
    }
    this.#counts.delete(merged);
    this.#places.delete(merged);
    changed.delete(merged);
    for (const key of changed) this.#offer(key);
  }
}

function replacePair(word: Int32Array, left: number, right: number, token: number): Int32Array {
  const after = new Int32Array(word.length);
  let length = 0;
  for (let i = 0; i < word.length; i++) {
    const isPair = word[i] === left && word[i + 1] === right;
    after[length++] = isPair ? token : word[i]!;
    if (isPair) i++;
  }
  return after.slice(0, length);
}
