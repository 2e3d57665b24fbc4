/** @file The answer to a search. */
import * as z from 'zod/mini';

/** What a file is: a picture, a sound, or what moves (videos and animated pictures). */
export const fileKind = z.enum(['image', 'audio', 'video']);

/** What a file is. */
export type FileKind = z.infer<typeof fileKind>;

/** One file that was found. */
export const hit = z.object({
  kind: fileKind,
  /** Names the file in `/api/files/:id`. */
  id: z.string(),
  /** The file name, without its folders. */
  name: z.string(),
  /** Cosine similarity to the query, in [-1, 1]. */
  score: z.number(),
  /** Size in pixels; 0 of a sound. */
  width: z.number(),
  height: z.number(),
  /** Length in seconds; 0 of a still picture. */
  durationSeconds: z.number(),
  /** The format as `png`, `flac`, `mp4`: browsers show some by other means than others. */
  format: z.string(),
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
  /** How many files were searched. */
  searched: z.number(),
  /** Time on the server, from the whole request to the hits. */
  latencyMs: z.number(),
  notice: z.nullable(searchNotice),
});

/** One file that was found. */
export type Hit = z.infer<typeof hit>;

/** Something the person should know about the answer. */
export type SearchNotice = z.infer<typeof searchNotice>;

/** Hits, best first. */
export type SearchResponse = z.infer<typeof searchResponse>;
