/**
 * @file Takes cut into pieces of a length that one vector can stand for: at the place where most changes; what stands still is one piece, however long.
 * Blank frames, such as black before a film or between takes, are left out.
 */
import { MediaError } from '../../engine/core/index.ts';
import { exactDifference } from './frame-signature.ts';
import type { MarkedFrame } from './shot-boundaries.ts';

/** Frames from a start to an end. */
export interface Piece {
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Whether a take begins with it. */
  readonly startsShot: boolean;
  /** In the order of time; at least one. */
  readonly frames: readonly MarkedFrame[];
}

/** The length that a piece of a long take should have, in seconds. */
const targetSeconds = 8;

/** No piece cut from a take is shorter. */
const leastSeconds = 4;

/** A take of at most this length stays whole. */
const mostSeconds = 12;

/** Frames that differ less are the same picture. */
const stillDifference = 0.012;

/** Parts of a change that count for nothing against a good length. */
const changeFloor = 0.03;

/** More frames than this are not held for one piece; then every second one is dropped. */
const maxHeld = 64;

/**
 * The pieces of a moving picture of this length, in the order of time.
 * @throws what reading the frames throws; of a MediaError after the piece up to the last frame before it.
 */
export async function* cutPieces(frames: AsyncIterable<MarkedFrame>, durationSeconds: number): AsyncGenerator<Piece> {
  let held: MarkedFrame[] = [];
  let startSeconds = 0;
  let startsShot = true;
  let isStill = true;
  let last: MarkedFrame | undefined;
  const piece = (endSeconds: number, of = held): Piece => ({ startSeconds, endSeconds, startsShot, frames: of });
  const begin = (at: number, from: readonly MarkedFrame[], isShot = false) => {
    startsShot = isShot;
    held = [...from];
    startSeconds = at;
    isStill = held.every((frame) => isSame(held[0]!, frame));
  };
  try {
    for await (const frame of frames) {
      const at = last === undefined ? 0 : boundarySeconds(last, frame);
      last = frame;
      if (frame.boundary !== undefined || frame.signature.isBlank) {
        if (held.length > 0) yield piece(at);
        begin(at, frame.signature.isBlank ? [] : [frame], true);
        continue;
      }
      if (held.length === 0) startSeconds = frame.timeSeconds;
      const wasStill = isStill && held.length > 0;
      isStill = held.length === 0 || (isStill && isSame(held[0]!, frame));
      if (wasStill && !isStill && frame.timeSeconds - startSeconds >= targetSeconds) {
        yield piece(frame.timeSeconds);
        begin(frame.timeSeconds, [frame]);
        continue;
      }
      held.push(frame);
      if (!isStill && frame.timeSeconds - startSeconds > mostSeconds) {
        const cut = bestCut(held, startSeconds);
        const cutSeconds = held[cut]!.timeSeconds;
        yield piece(cutSeconds, held.slice(0, cut));
        begin(cutSeconds, held.slice(cut));
      }
      if (held.length > maxHeld) held = thinned(held);
    }
  } catch (error) {
    // What was seen before the damage stays; after it nothing is known.
    if (error instanceof MediaError && held.length > 0) yield piece(held.at(-1)!.timeSeconds);
    throw error;
  }
  if (held.length > 0) yield piece(Math.max(durationSeconds, held.at(-1)!.timeSeconds));
}

/** When the take of a frame began, as near as the frames before it tell. */
function boundarySeconds(last: MarkedFrame, frame: MarkedFrame): number {
  if (frame.shotSeconds !== undefined) return frame.shotSeconds;
  return frame.isKey || frame.boundary === undefined ? frame.timeSeconds : (last.timeSeconds + frame.timeSeconds) / 2;
}

function isSame(a: MarkedFrame, b: MarkedFrame): boolean {
  return a.signature === b.signature || exactDifference(a.signature, b.signature) < stillDifference;
}

/** The frame that begins the next piece: where much changes, and the length is near the target. */
function bestCut(held: readonly MarkedFrame[], startSeconds: number): number {
  let best = held.length - 1;
  let bestWorth = Number.NEGATIVE_INFINITY;
  for (let i = 1; i < held.length; i++) {
    const seconds = held[i]!.timeSeconds - startSeconds;
    if (seconds < leastSeconds) continue;
    const worth = (held[i]!.change + changeFloor) * (1 - Math.abs(seconds - targetSeconds) / mostSeconds);
    if (worth > bestWorth) [best, bestWorth] = [i, worth];
  }
  return best;
}

/** Every second frame; a change is not lost. */
function thinned(held: readonly MarkedFrame[]): MarkedFrame[] {
  return held.flatMap((frame, i) =>
    i % 2 === 1 ? [] : [{ ...frame, change: Math.max(frame.change, held[i - 1]?.change ?? 0) }],
  );
}
