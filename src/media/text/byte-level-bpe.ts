/**
 * @file Byte-level byte-pair encoding (Sennrich et al., arXiv:1508.07909; on bytes as in GPT-2) that reads a standard `tokenizer.json` and
 * tokenizes as the tokenizers of Hugging Face do. It knows what our own training writes (`trainByteLevelBpe`): no added
 * tokens, normalization to NFKC and lower case or none, one pattern that cuts the text into words. Any Unicode text has ids, and they give
 * the normalized text back byte for byte.
 */
import { FormatError, int64, Tensor } from '../../engine/core/index.ts';
import { byteCharacters, byteOfCharacter } from './byte-alphabet.ts';
import { Heap } from './heap.ts';

/** What is done to a text before it is cut. */
export type BpeNormalizer = 'NFKC' | 'Lowercase';

/** The standard form of a byte-level tokenizer, as far as ours goes. */
export interface TokenizerJson {
  readonly version: string;
  readonly truncation: null;
  readonly padding: null;
  readonly added_tokens: readonly never[];
  readonly normalizer: {
    readonly type: 'Sequence';
    readonly normalizers: readonly { readonly type: BpeNormalizer }[];
  } | null;
  readonly pre_tokenizer: {
    readonly type: 'Sequence';
    readonly pretokenizers: readonly [
      {
        readonly type: 'Split';
        readonly pattern: { readonly Regex: string };
        readonly behavior: 'Isolated';
        readonly invert: false;
      },
      {
        readonly type: 'ByteLevel';
        readonly add_prefix_space: false;
        readonly trim_offsets: false;
        readonly use_regex: false;
      },
    ];
  };
  readonly post_processor: null;
  readonly decoder: {
    readonly type: 'ByteLevel';
    readonly add_prefix_space: false;
    readonly trim_offsets: false;
    readonly use_regex: false;
  };
  readonly model: {
    readonly type: 'BPE';
    readonly dropout: null;
    readonly unk_token: null;
    readonly continuing_subword_prefix: null;
    readonly end_of_word_suffix: null;
    readonly fuse_unk: false;
    readonly byte_fallback: false;
    readonly ignore_merges: false;
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges: readonly (readonly [string, string])[];
  };
}

/** Words whose ids are remembered. */
const maxRemembered = 20_000;

/** Texts to ids and back. */
export class ByteLevelBpe {
  /** The number of ids. */
  readonly vocabularySize: number;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #tokens: readonly string[];
  readonly #merges: Merges;
  readonly #normalizers: readonly BpeNormalizer[];
  readonly #pattern: RegExp;
  readonly #remembered = new Map<string, readonly number[]>();

  /** @throws FormatError if it is no tokenizer of this kind. */
  constructor(json: unknown) {
    const { vocab, merges, normalizers, pattern } = checked(json);
    this.#ids = new Map(Object.entries(vocab));
    this.vocabularySize = this.#ids.size;
    const tokens: string[] = new Array(this.vocabularySize);
    for (const [token, id] of this.#ids) tokens[id] = token;
    this.#tokens = tokens;
    const ranks = new Map(merges.map(([left, right], rank) => [pairKey(vocab[left]!, vocab[right]!), rank]));
    this.#merges = { ranks, results: merges.map(([left, right]) => vocab[left + right]!) };
    this.#normalizers = normalizers;
    this.#pattern = pattern;
  }

  /** The text as the tokenizer sees it. */
  normalize(text: string): string {
    return normalizeText(text, this.#normalizers);
  }

  /** The ids of a text, at most `maxTokens` of them if given; none for the empty text. In O(n log n) for n characters. */
  encode(text: string, maxTokens = Number.POSITIVE_INFINITY): number[] {
    const ids: number[] = [];
    for (const [word] of this.normalize(text).matchAll(this.#pattern)) {
      for (const id of this.#encodeWord(word)) ids.push(id);
      if (ids.length >= maxTokens) return ids.slice(0, maxTokens);
    }
    return ids;
  }

  /** The text of ids; bytes that are not UTF-8 become U+FFFD. @throws RangeError for an id that is not in the vocabulary. */
  decode(ids: readonly number[]): string {
    const bytes = ids.flatMap((id) => {
      const token = this.#tokens[id];
      if (token === undefined) {
        throw new RangeError(`tokenizer: an id must be a whole number below ${this.vocabularySize}, got ${id}`);
      }
      return Array.from(token, (character) => byteOfCharacter.get(character)!);
    });
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes));
  }

  #encodeWord(word: string): readonly number[] {
    const known = this.#remembered.get(word);
    if (known !== undefined) return known;
    const bytes = byteCharacters(word).map((character) => this.#ids.get(character)!);
    const ids = mergeWord(bytes, this.#merges);
    if (this.#remembered.size >= maxRemembered) this.#remembered.clear();
    this.#remembered.set(word, ids);
    return ids;
  }
}

/** A text under normalizers, in their order. */
export function normalizeText(text: string, normalizers: readonly BpeNormalizer[]): string {
  return normalizers.reduce((now, one) => (one === 'NFKC' ? now.normalize('NFKC') : now.toLowerCase()), text);
}

/** Larger than any id, so that two ids make one number. */
const idRange = 2 ** 21;

const pairKey = (left: number, right: number) => left * idRange + right;

/** What is merged: the rank of each pair of ids, and the id that the merge of each rank makes. */
interface Merges {
  readonly ranks: ReadonlyMap<number, number>;
  readonly results: readonly number[];
}

/** A pair of neighbours that may be merged. Its key is that of its ids when it was found; another merge may have taken one since. */
interface Candidate {
  readonly rank: number;
  readonly at: number;
  readonly key: number;
}

/** Merges neighbours, the pair of lowest rank first and of these the leftmost, until no pair has a rank. */
function mergeWord(ids: readonly number[], { ranks, results }: Merges): number[] {
  const taken = -1;
  const parts = Int32Array.from(ids);
  const end = parts.length;
  const next = Int32Array.from(ids, (_, i) => i + 1);
  const previous = Int32Array.from(ids, (_, i) => i - 1);
  const heap = new Heap<Candidate>((a, b) => a.rank < b.rank || (a.rank === b.rank && a.at < b.at));
  const keyAt = (at: number) => (next[at]! < end ? pairKey(parts[at]!, parts[next[at]!]!) : taken);
  const offer = (at: number) => {
    const key = keyAt(at);
    const rank = ranks.get(key);
    if (rank !== undefined) heap.push({ rank, at, key });
  };
  for (let i = 0; i + 1 < end; i++) offer(i);
  for (let best = heap.pop(); best !== undefined; best = heap.pop()) {
    const { at, rank, key } = best;
    if (parts[at] === taken || keyAt(at) !== key) continue;
    const after = next[at]!;
    parts[at] = results[rank]!;
    parts[after] = taken;
    next[at] = next[after]!;
    if (next[at]! < end) previous[next[at]!] = at;
    if (previous[at]! >= 0) offer(previous[at]!);
    offer(at);
  }
  return Array.from(parts.filter((part) => part !== taken));
}

function checked(json: unknown) {
  const fail = (what: string): never => {
    throw new FormatError(`tokenizer.json: ${what}; only byte-level BPE as Sensorium writes it is read`);
  };
  const { model, normalizer, pre_tokenizer, added_tokens } = (json ?? {}) as Partial<TokenizerJson>;
  if (model?.type !== 'BPE') fail(`the model must be BPE, got ${String(model?.type)}`);
  if (added_tokens !== undefined && added_tokens.length > 0) fail('it has added tokens');
  const normalizers = (normalizer?.normalizers ?? []).map(({ type }) => type);
  if (normalizers.some((type) => type !== 'NFKC' && type !== 'Lowercase')) fail(`it normalizes by ${normalizers}`);
  const [split, bytes] = pre_tokenizer?.pretokenizers ?? [];
  if (split?.type !== 'Split' || bytes?.type !== 'ByteLevel') fail('it must be cut by a pattern, then into bytes');
  const { vocab, merges } = model!;
  const ids = Object.values(vocab ?? {});
  if (ids.length < 256 || ids.some((id) => !Number.isInteger(id) || id < 0 || id >= ids.length)) {
    fail('the ids must count up from 0');
  }
  if (new Set(ids).size !== ids.length) fail('two tokens have the same id');
  for (const character of byteOfCharacter.keys()) if (!Object.hasOwn(vocab, character)) fail('a byte has no token');
  if (!Array.isArray(merges)) fail('it has no merges');
  for (const merge of merges) {
    const [left, right] = Array.isArray(merge) ? (merge as unknown[]) : [];
    const isKnown = (token: unknown) => typeof token === 'string' && Object.hasOwn(vocab, token);
    if (!isKnown(left) || !isKnown(right) || !isKnown(`${left}${right}`)) {
      fail(`the merge ${JSON.stringify(merge)} must be two tokens that make a third`);
    }
  }
  for (const token of Object.keys(vocab)) {
    for (const character of token) if (!byteOfCharacter.has(character)) fail(`"${token}" is not made of bytes`);
  }
  return { vocab, merges, normalizers, pattern: new RegExp(split!.pattern.Regex, 'gu') };
}

/**
 * Rows of ids as one batch: `ids` `int64[N, T]` and `mask` `[N, T]`, 1 at tokens and 0 after the end. T is the longest row, at least 1 and at
 * most `maxTokens`; longer rows are cut.
 */
export function padTokensWithMask(
  rows: readonly (readonly number[])[],
  maxTokens: number,
): { readonly ids: Tensor<'int64'>; readonly mask: Tensor<'float32'> } {
  const time = Math.max(1, Math.min(maxTokens, Math.max(0, ...rows.map((row) => row.length))));
  const ids = new Float64Array(rows.length * time);
  const mask = new Float32Array(rows.length * time);
  rows.forEach((row, n) => {
    const kept = row.slice(0, time);
    ids.set(kept, n * time);
    mask.fill(1, n * time, n * time + kept.length);
  });
  return { ids: int64(ids, [rows.length, time]), mask: new Tensor('float32', [rows.length, time], mask) };
}
