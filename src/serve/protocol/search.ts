/** @file The answer to a search. */
import * as z from 'zod/mini';

/** What a file is: a picture, a sound, what moves (videos and animated pictures), a document. */
export const fileKind = z.enum(['image', 'audio', 'video', 'document']);

/** What a file is. */
export type FileKind = z.infer<typeof fileKind>;

/** What was found in a file: something seen, heard, seen to move, or read. In a video it may be what is heard. */
export const segmentKind = z.enum(['image', 'audio', 'video', 'text']);

/** What was found in a file. */
export type SegmentKind = z.infer<typeof segmentKind>;

/** One file that was found, by the moment of it that answers best. */
export const hit = z.object({
  kind: segmentKind,
  fileKind,
  /** When the moment plays, in seconds; 0 to 0 of what does not play. */
  startSeconds: z.number(),
  endSeconds: z.number(),
  /** The moment that shows it, in seconds. */
  keyFrameSeconds: z.number(),
  /** Its page, from 1; 0 where there are no pages. */
  page: z.number(),
  /** What it says, if it is a passage. */
  passage: z.nullable(z.string()),
  /** Whether `/api/files/:id/thumbnail?segment=` has a small picture of it. */
  hasThumbnail: z.boolean(),
  /** Its place among the segments of the file. */
  segment: z.number(),
  /** How much it stands out among the segments of its kind: 0 at their median, 1 where the best of all lies by chance; null where it is not known. */
  standing: z.nullable(z.number()),
  /** How probable it is that this answers the query, in [0, 1], where the model is calibrated. */
  probability: z.optional(z.number()),
  /** Whether it was found because it holds every word of the text. */
  hasWords: z.boolean(),
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
  /** Words that were given to the file. */
  tags: z.array(z.string()),
  /** When the file was last changed, ISO 8601. */
  modifiedAt: z.string(),
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

/** What was found. */
export const searchResponse = z.object({
  /** What matches, best first; with a model that is not calibrated, whatever is nearest. */
  hits: z.array(hit),
  /** What is nearest beside it, but more likely does not match. */
  weaker: z.array(hit),
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

/** What was found. */
export type SearchResponse = z.infer<typeof searchResponse>;
