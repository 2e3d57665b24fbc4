/** @file The answer to a search. */
import * as z from 'zod/mini';

/** One picture that was found. */
export const hit = z.object({
  /** Names the picture in `/api/pictures/:id`. */
  id: z.string(),
  /** The file name, without its folders. */
  name: z.string(),
  /** Cosine similarity to the query, in [-1, 1]. */
  score: z.number(),
  /** Size of the picture in pixels. */
  width: z.number(),
  height: z.number(),
});

/** Something the person should know about the answer. */
export const searchNotice = z.object({
  /**
   * The query is in Chinese, or in another script, that the encoder has not learned. There are hits only if some of the query
   * is understood.
   */
  kind: z.enum(['chinese-not-yet', 'script-not-yet']),
  /** The same in an English sentence. */
  message: z.string(),
});

/** Hits, best first. */
export const searchResponse = z.object({
  hits: z.array(hit),
  /** How many pictures were searched. */
  searched: z.number(),
  /** Time on the server, from the whole request to the hits. */
  latencyMs: z.number(),
  notice: z.nullable(searchNotice),
});

/** One picture that was found. */
export type Hit = z.infer<typeof hit>;

/** Something the person should know about the answer. */
export type SearchNotice = z.infer<typeof searchNotice>;

/** Hits, best first. */
export type SearchResponse = z.infer<typeof searchResponse>;
