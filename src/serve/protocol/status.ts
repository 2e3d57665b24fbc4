/** @file What the server is doing: the library, the encoder, the indexing. */
import * as z from 'zod/mini';

/** Whether searches can be answered at once; they wait while it is `loading`. */
export const encoderStatus = z.discriminatedUnion('state', [
  z.object({ state: z.literal('loading') }),
  z.object({ state: z.literal('ready'), id: z.string() }),
  z.object({ state: z.literal('failed'), message: z.string() }),
]);

/** How far the library is behind its folder. */
export const indexingStatus = z.object({
  /** `idle`: nothing was asked for; `starting`: not counted yet. */
  state: z.enum(['idle', 'starting', 'running', 'done', 'failed']),
  /** Files looked at, those that were indexed before among them. */
  done: z.number(),
  /** All files of the folders; `null` while they are not counted. */
  total: z.nullable(z.number()),
  /** Speed of late; `null` while it is not known. */
  filesPerSecond: z.nullable(z.number()),
  /** How fast sounds and videos go, in hours of media per hour; `null` while nothing plays or it is not known. */
  mediaHoursPerHour: z.nullable(z.number()),
  /** Estimated time left; `null` while it is not known. */
  secondsLeft: z.nullable(z.number()),
  /** Files that could not be used in the last run. */
  skipped: z.number(),
  /** Why it failed. */
  message: z.optional(z.string()),
});

/** The whole of it. */
export const status = z.object({
  library: z.object({
    /** The folder of the library, shortened to its last part. */
    name: z.string(),
    /** Files that can be found now, of each kind and in all. */
    kinds: z.object({ image: z.number(), audio: z.number(), video: z.number(), document: z.number() }),
    files: z.number(),
    /** Files that could not be indexed; `/api/refused` says why. */
    refused: z.number(),
    /** Whose files these are, where a licence asks to say so. */
    credit: z.optional(z.string()),
  }),
  encoder: encoderStatus,
  indexing: indexingStatus,
});

/** Whether searches can be answered at once; they wait while it is `loading`. */
export type EncoderStatus = z.infer<typeof encoderStatus>;

/** How far the library is behind its folder. */
export type IndexingStatus = z.infer<typeof indexingStatus>;

/** The whole of it. */
export type Status = z.infer<typeof status>;
