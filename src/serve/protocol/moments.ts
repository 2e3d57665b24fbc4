/** @file All that a file holds, moment by moment, with how well each answers. */
import * as z from 'zod/mini';
import { segmentKind } from './search.ts';

/** One piece of the file. */
export const moment = z.object({
  kind: segmentKind,
  /** Its place among the segments of the file. */
  segment: z.number(),
  /** When it plays, in seconds. */
  startSeconds: z.number(),
  endSeconds: z.number(),
  /** The moment that shows it, in seconds. */
  keyFrameSeconds: z.number(),
  page: z.number(),
  /** Cosine similarity to the query, in [-1, 1]. */
  score: z.number(),
  /** How much it stands out among the segments of its kind: 0 at their median, 1 where the best of all lies by chance. */
  standing: z.number(),
  /** How probable it is that this answers the query, in [0, 1], where the model is calibrated. */
  probability: z.optional(z.number()),
  /** Whether `/api/files/:id/thumbnail?segment=` has a small picture of it. */
  hasThumbnail: z.boolean(),
});

/** The answer of `/api/files/:id/moments`, in the order of the segments. */
export const momentsResponse = z.object({
  moments: z.array(moment),
  /** Time on the server. */
  latencyMs: z.number(),
});

/** One piece of a file. */
export type FileMoment = z.infer<typeof moment>;

/** All that a file holds. */
export type MomentsResponse = z.infer<typeof momentsResponse>;
