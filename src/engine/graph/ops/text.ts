/** @file Ops on text: normalizing, joining, splitting, matching, and counting n-grams. */
import { broadcastShapes, formatShape, isRanked, ShapeError, unknownDim, unknownShape } from '../../core/index.ts';
import { applyOp, applyOp1, defineOp, int, ints, intsOf, string, stringsOf, type Value } from '../value.ts';
import { requireDtype, required } from './operand.ts';

/** The text op definitions. */
export const textOps = {
  StringNormalizer: defineOp('StringNormalizer', (inputs, attributes) => {
    const x = required('StringNormalizer', inputs, 0);
    requireDtype('StringNormalizer', 'x', x, 'string');
    if (!isRanked(x.shape)) return [{ dtype: 'string', shape: unknownShape }];
    const isRow = x.rank === 2 && (typeof x.shape[0] !== 'number' || x.shape[0] === 1);
    if (!(x.rank === 1 || isRow) || x.shape.at(-1) === 0) {
      throw new ShapeError(`StringNormalizer: x must be [C] or [1,C] with C > 0, got ${formatShape(x.shape)}`);
    }
    const drops = stringsOf(attributes, 'stopwords', []).length > 0;
    return [{ dtype: 'string', shape: drops ? [...x.shape.slice(0, -1), unknownDim] : x.shape }];
  }),
  StringConcat: defineOp('StringConcat', (inputs) => {
    const [a, b] = [required('StringConcat', inputs, 0), required('StringConcat', inputs, 1)];
    for (const value of [a, b]) requireDtype('StringConcat', 'operands', value, 'string');
    return [{ dtype: 'string', shape: broadcastShapes('StringConcat', a.shape, b.shape) }];
  }),
  /** The second output is how many parts each text has; the first is padded with empty texts. */
  StringSplit: defineOp('StringSplit', (inputs) => {
    const x = required('StringSplit', inputs, 0);
    requireDtype('StringSplit', 'x', x, 'string');
    return [
      { dtype: 'string', shape: isRanked(x.shape) ? [...x.shape, unknownDim] : unknownShape },
      { dtype: 'int64', shape: x.shape },
    ];
  }),
  RegexFullMatch: defineOp('RegexFullMatch', (inputs) => {
    const x = required('RegexFullMatch', inputs, 0);
    requireDtype('RegexFullMatch', 'x', x, 'string');
    return [{ dtype: 'bool', shape: x.shape }];
  }),
  TfIdfVectorizer: defineOp('TfIdfVectorizer', (inputs, attributes) => {
    const x = required('TfIdfVectorizer', inputs, 0);
    requireDtype('TfIdfVectorizer', 'x', x, 'string', 'int32', 'int64');
    if (!isRanked(x.shape)) return [{ dtype: 'float32', shape: unknownShape }];
    if (x.rank < 1 || x.rank > 2) {
      throw new ShapeError(`TfIdfVectorizer: x must be [C] or [B,C], got ${formatShape(x.shape)}`);
    }
    const columns = Math.max(-1, ...intsOf(attributes, 'ngram_indexes', [])) + 1;
    return [{ dtype: 'float32', shape: [...x.shape.slice(0, -1), columns] }];
  }),
} as const;

/** The texts of a and b, one after the other; shapes broadcast. */
export function stringConcat(a: Value, b: Value): Value {
  return applyOp1(textOps.StringConcat, [a, b]);
}

/** The parts of each text between `delimiter` (runs of white space if it is absent), and how many there are (`int64`). */
export function stringSplit(x: Value, delimiter?: string): { parts: Value; counts: Value } {
  const attributes = delimiter === undefined ? {} : { delimiter: string(delimiter) };
  const [parts, counts] = applyOp(textOps.StringSplit, [x], attributes);
  return { parts: parts!, counts: counts! };
}

/** Whether each text matches the whole of a regular expression (RE2's syntax). */
export function regexFullMatch(x: Value, pattern: string): Value {
  return applyOp1(textOps.RegexFullMatch, [x], { pattern: string(pattern) });
}

/** Texts `[C]` or `[1, C]` in one case and without the given words. */
export function stringNormalizer(
  x: Value,
  options: {
    readonly case?: 'LOWER' | 'UPPER';
    readonly stopwords?: readonly string[];
    /** Whether a word must be in the same case to be a stop word. */
    readonly caseSensitive?: boolean;
    /** Where cases are those of; 'en_US' if absent, which not every machine has. 'C' is everywhere. */
    readonly locale?: string;
  } = {},
): Value {
  return applyOp1(textOps.StringNormalizer, [x], {
    case_change_action: string(options.case ?? 'NONE'),
    is_case_sensitive: int(options.caseSensitive ? 1 : 0),
    ...(options.stopwords ? { stopwords: { kind: 'strings', value: options.stopwords } } : {}),
    ...(options.locale === undefined ? {} : { locale: string(options.locale) }),
  });
}

/** How n-grams are counted. */
export interface TfIdfOptions {
  /** The n-grams, as tokens one after another: those of 1 token, then those of 2, and so on. */
  readonly pool: readonly string[] | readonly number[];
  /** Where in `pool` the n-grams of each length begin. */
  readonly ngramCounts: readonly number[];
  /** The column of each n-gram. */
  readonly ngramIndexes: readonly number[];
  readonly minLength: number;
  readonly maxLength: number;
  /** How many tokens may lie between two of an n-gram. */
  readonly maxSkip?: number;
  /** Counts, inverse document frequencies, or both multiplied. */
  readonly mode?: 'TF' | 'IDF' | 'TFIDF';
  readonly weights?: readonly number[];
}

/** How often each n-gram of a pool occurs in tokens `[C]` or `[B, C]` (text or whole numbers): `[columns]` or `[B, columns]`. */
export function tfIdfVectorizer(x: Value, options: TfIdfOptions): Value {
  const isText = typeof options.pool[0] === 'string';
  return applyOp1(textOps.TfIdfVectorizer, [x], {
    mode: string(options.mode ?? 'TF'),
    min_gram_length: int(options.minLength),
    max_gram_length: int(options.maxLength),
    max_skip_count: int(options.maxSkip ?? 0),
    ngram_counts: ints(options.ngramCounts),
    ngram_indexes: ints(options.ngramIndexes),
    ...(isText
      ? { pool_strings: { kind: 'strings', value: options.pool as readonly string[] } }
      : { pool_int64s: ints(options.pool as readonly number[]) }),
    ...(options.weights ? { weights: { kind: 'floats', value: options.weights } } : {}),
  });
}
