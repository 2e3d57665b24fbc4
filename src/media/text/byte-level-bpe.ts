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
  /** The rank of each merge, by its two tokens joined with a space, which no token holds. */
  readonly #ranks: ReadonlyMap<string, number>;
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
    this.#ranks = new Map(merges.map(([left, right], rank) => [`${left} ${right}`, rank]));
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
    const ids = mergeWord(byteCharacters(word), this.#ranks).map((token) => this.#ids.get(token)!);
    if (this.#remembered.size >= maxRemembered) this.#remembered.clear();
    this.#remembered.set(word, ids);
    return ids;
  }
}

/** A text under normalizers, in their order. */
export function normalizeText(text: string, normalizers: readonly BpeNormalizer[]): string {
  return normalizers.reduce((now, one) => (one === 'NFKC' ? now.normalize('NFKC') : now.toLowerCase()), text);
}

interface Candidate {
  readonly rank: number;
  readonly at: number;
  /** The parts when it was found; another pair may have taken one since. */
  readonly left: string;
  readonly right: string;
}

/** Merges neighbours, the pair of lowest rank first and of these the leftmost, until no pair has a rank. */
function mergeWord(parts: string[], ranks: ReadonlyMap<string, number>): string[] {
  const next = parts.map((_, i) => i + 1);
  const previous = parts.map((_, i) => i - 1);
  const merged: (string | undefined)[] = parts;
  const heap = new Heap<Candidate>((a, b) => a.rank < b.rank || (a.rank === b.rank && a.at < b.at));
  const offer = (at: number) => {
    const [left, right] = [merged[at], merged[next[at] ?? parts.length]];
    if (left === undefined || right === undefined) return;
    const rank = ranks.get(`${left} ${right}`);
    if (rank !== undefined) heap.push({ rank, at, left, right });
  };
  for (let i = 0; i + 1 < parts.length; i++) offer(i);
  for (let best = heap.pop(); best !== undefined; best = heap.pop()) {
    const { at, left, right } = best;
    const after = next[at]!;
    if (merged[at] !== left || merged[after] !== right) continue;
    merged[at] = left + right;
    merged[after] = undefined;
    next[at] = next[after]!;
    if (next[at]! < parts.length) previous[next[at]!] = at;
    if (previous[at]! >= 0) offer(previous[at]!);
    offer(at);
  }
  return merged.filter((part) => part !== undefined);
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
    const [left, right] = merge as unknown as [unknown, unknown];
    if (typeof left !== 'string' || typeof right !== 'string' || !Object.hasOwn(vocab, left + right)) {
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
