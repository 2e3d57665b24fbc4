/** @file What is looked for, as it travels: parts that count together, for or against. */
import * as z from 'zod/mini';

/** The longest text of a part, in UTF-16 units. */
export const maxTextLength = 1000;

/** The most parts of a query. */
const maxQueryParts = 16;

/** How much a text counts beside a file or a find: "like this picture, but at night". */
const weightBeside = 0.7;

/** How much counts what is not wanted. */
const weightAgainst = -0.5;

const weight = z.optional(z.number().check(z.minimum(-10), z.maximum(10)));
const text = z.string().check(z.trim(), z.minLength(1), z.maxLength(maxTextLength));

/** Names a moment that was found: the id of its file, and its place among the segments of that. */
const momentKey = z.strictObject({
  id: z.string().check(z.minLength(1), z.maxLength(64)),
  segment: z.int().check(z.minimum(0), z.maximum(1e9)),
});

/** One thing to look for: a text, a file that comes with the request (by the name of its field), or something like what was found. */
export const queryPart = z.union([
  z.strictObject({ text, weight }),
  z.strictObject({ file: z.string().check(z.minLength(1), z.maxLength(40)), weight }),
  z.strictObject({ like: momentKey, weight }),
]);

/** The parts of a query; at least one counts for it. */
export const queryParts = z
  .array(queryPart)
  .check(z.minLength(1), z.maxLength(maxQueryParts))
  .check(z.refine((parts) => parts.some(({ weight = 1 }) => weight > 0), 'at least one part needs a weight above 0'));

/** One thing to look for. */
export type QueryPart = z.infer<typeof queryPart>;

/** Names a moment that was found. */
export type MomentKey = z.infer<typeof momentKey>;

/** What the page and a plain address ask for: a text, a file, a find, and what is not wanted. */
export interface AskedTogether {
  readonly text?: string;
  /** What should not be there. */
  readonly not?: string;
  /** The name of the field with the file. */
  readonly file?: string;
  readonly like?: MomentKey;
}

/** The same as parts with their weights; none if nothing is asked for. */
export function partsOf({ text, not, file, like }: AskedTogether): QueryPart[] {
  const parts: QueryPart[] = [];
  if (file !== undefined) parts.push({ file, weight: 1 });
  if (like !== undefined) parts.push({ like, weight: 1 });
  if (text !== undefined && text !== '') parts.push({ text, weight: parts.length === 0 ? 1 : weightBeside });
  if (not !== undefined && not !== '' && parts.length > 0) parts.push({ text: not, weight: weightAgainst });
  return parts;
}
