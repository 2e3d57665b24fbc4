/** @file What the library holds, as far as a page offers it for choosing, and what it could not take. */
import * as z from 'zod/mini';

/** What the files can be told apart by; only what is there. */
export const facets = z.object({
  /** Files of each kind. */
  kinds: z.object({ image: z.number(), audio: z.number(), video: z.number(), document: z.number() }),
  /** Folders by name; `id` is what a filter takes. */
  folders: z.array(z.object({ id: z.string(), name: z.string(), files: z.number() })),
  tags: z.array(z.object({ tag: z.string(), files: z.number() })),
  /** When the oldest and the newest file were last changed, in milliseconds since 1970; null of an empty library. */
  modifiedMs: z.nullable(z.object({ first: z.number(), last: z.number() })),
  /** The length of the longest file, in seconds. */
  longestSeconds: z.number(),
});

/** Files that could not be indexed, some at a time. */
export const refusedResponse = z.object({
  total: z.number(),
  files: z.array(
    z.object({
      name: z.string(),
      /** Its path from the folder that holds all of these, for telling files of one name apart. */
      folder: z.string(),
      reason: z.string(),
    }),
  ),
});

/** What the files can be told apart by. */
export type Facets = z.infer<typeof facets>;

/** Files that could not be indexed. */
export type RefusedResponse = z.infer<typeof refusedResponse>;
