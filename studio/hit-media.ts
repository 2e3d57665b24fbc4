/** @file What a find is to a browser: what plays, when, and how it is written. */
import type { Hit } from '../src/serve/protocol/index.ts';

/** Animated pictures play by themselves as pictures; other videos need a player. */
export function isAnimatedPicture({ fileKind, format }: Pick<Hit, 'fileKind' | 'format'>): boolean {
  return fileKind === 'video' && (format === 'webp' || format === 'gif');
}

/** Whether a player can play the file. */
export function isPlayable(hit: Pick<Hit, 'fileKind' | 'format'>): boolean {
  return hit.fileKind === 'audio' || (hit.fileKind === 'video' && !isAnimatedPicture(hit));
}

/** Whether the moment is all of the file. */
export function isWholeFile({ startSeconds, endSeconds, durationSeconds }: Hit): boolean {
  return endSeconds <= startSeconds || (startSeconds < 0.05 && endSeconds > durationSeconds - 0.05);
}

/** From when to when a player repeats the moment, in seconds; what is too short to follow goes on to the end of the file. */
export function loopOf({ startSeconds, endSeconds }: Pick<Hit, 'startSeconds' | 'endSeconds'>): [number, number] {
  return [startSeconds, endSeconds - startSeconds < 0.3 ? Number.POSITIVE_INFINITY : endSeconds];
}
