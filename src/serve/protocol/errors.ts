/** @file How every endpoint answers when it cannot do what was asked. */
import * as z from 'zod/mini';

/**
 * Tells apart what the page explains differently:
 * - `bad-request`: the request itself is wrong;
 * - `media`: the picture cannot be read;
 * - `too-large`: the picture is above the limit;
 * - `not-found`: nothing is there;
 * - `forbidden`: the request comes from where it must not;
 * - `not-ready`: the encoder failed to load;
 * - `internal`: a fault of ours.
 */
const kind = z.enum(['bad-request', 'media', 'too-large', 'not-found', 'forbidden', 'not-ready', 'internal']);

/** The body of every answer that is not a success. */
export const apiError = z.object({ error: z.object({ kind, message: z.string() }) });

/** The kinds of failure that the page tells apart. */
export type ApiErrorKind = z.infer<typeof kind>;

/** The body of every answer that is not a success. */
export type ApiError = z.infer<typeof apiError>;
