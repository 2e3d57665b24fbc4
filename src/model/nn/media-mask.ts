/**
 * @file Which media a text token may look at, where media and text are interleaved (Flamingo, arXiv:2204.14198, section 3.1.3): only those that
 * stand before it. B: batch; T: text tokens; M: media; L: tokens of each medium.
 */
import { float32 } from '../../engine/core/index.ts';
import {
  and,
  cast,
  constant,
  constantInts,
  constantScalar,
  equal,
  gather,
  greater,
  less,
  reduceMax,
  unsqueeze,
  type Value,
  where,
} from '../../engine/graph/index.ts';
import { masked } from './attention-heads.ts';

/** A mask of media for text tokens. */
export interface MediaMask {
  /** `[B, 1, T, M L]`, added to the scores: 0 where the token may look, very negative where not. */
  readonly scores: Value;
  /** `[B, T, 1]`: 1 where the token may look at any medium, else 0. */
  readonly seesAny: Value;
}

/** What `mediaMask` needs. */
export interface MediaMaskOptions {
  /** L */
  readonly tokensPerMedium: number;
  /** `latest`: only the medium that stands last before the token, as in the paper; `all` (if absent): every one before it. */
  readonly sees?: 'all' | 'latest';
}

/**
 * The mask of text among media.
 * @param present `[B, M]`: 1 where the medium is there, else 0.
 * @param mediaBefore `[B, T]`, or broadcast to it: how many of the media, absent ones included, stand before each text token.
 */
export function mediaMask(
  present: Value,
  mediaBefore: Value,
  { tokensPerMedium, sees = 'all' }: MediaMaskOptions,
): MediaMask {
  const numMedia = present.shape[1] as number;
  const places = (first: number) => constant(float32(Array.from({ length: numMedia }, (_, i) => i + first)));
  const counts = unsqueeze(mediaBefore, [2]);
  const stands = sees === 'all' ? less(places(0), counts) : equal(places(1), counts);
  const allowed = and(stands, greater(unsqueeze(present, [1]), 0.5));
  const perToken = Array.from({ length: numMedia * tokensPerMedium }, (_, i) => Math.floor(i / tokensPerMedium));
  const spread = gather(where(allowed, constantScalar(0), masked), constantInts(perToken), 2);
  return {
    scores: unsqueeze(spread, [1]),
    seesAny: reduceMax(cast(allowed, 'float32'), { axes: [2], keepDims: true }),
  };
}
