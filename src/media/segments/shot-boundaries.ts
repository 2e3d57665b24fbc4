/**
 * @file Where one take ends and the next begins, among frames that come one after another. A boundary is where the change is large by itself and against the changes around
 * it (the adaptive rule of PySceneDetect, with a median in place of the mean, since at a frame a second other cuts are near). Frames in the middle of a dissolve or a fade belong to
 * the side that they show more of, so that a slow passage is one boundary.
 */
import { MediaError } from '../../engine/core/index.ts';
import { changeBetween, type FrameSignature, frameSignature, mixOf } from './frame-signature.ts';
import type { SampledFrame } from './sampled-frames.ts';

/** A frame and how it follows on the one before. */
export interface MarkedFrame extends SampledFrame {
  readonly signature: FrameSignature;
  /** How much has changed since the frame before. */
  readonly change: number;
  /** Whether another take has begun since the frame before, and by which kind of passage. */
  readonly boundary: 'cut' | 'passage' | undefined;
  /** When its take began, where that is known exactly. */
  readonly shotSeconds?: number;
}

/** A change below this is never a boundary. */
const leastChange = 0.3;

/** A change above this always is. */
const certainChange = 0.9;

/** In between, one this many times the usual change nearby is. */
const leastRatio = 3;

/** Frames on either side that tell what is usual. */
const reach = 3;

/** With less than this left of the difference, a frame is a mix of its neighbours. */
const mixRest = 0.5;

/** What is seen once only within less than this is no take, if before and after it the same is seen: a flash. In seconds. */
const flashSeconds = 0.8;

/** A frame with its change, before anything is decided. */
interface ChangedFrame extends SampledFrame {
  readonly signature: FrameSignature;
  readonly change: number;
}

/** Marks frames in one pass; holds a few of them. */
export async function* markShots(frames: AsyncIterable<SampledFrame>): AsyncGenerator<MarkedFrame> {
  const held: ChangedFrame[] = [];
  // What is decided of a frame asks for the usual change around the next one.
  const lookAhead = reach + 1;
  let next = 0;
  const settle = (): MarkedFrame => {
    const marked = { ...held[next]!, boundary: boundaryAt(held, next) };
    if (next > lookAhead) held.shift();
    else next += 1;
    return marked;
  };
  let damage: MediaError | undefined;
  try {
    for await (const frame of frames) {
      const last = held.at(-1);
      const signature = last?.picture === frame.picture ? last.signature : frameSignature(frame.picture);
      const change = last === undefined || last.signature === signature ? 0 : changeBetween(last.signature, signature);
      held.push({ ...frame, signature, change });
      if (held.length - 1 - next >= lookAhead) yield settle();
    }
  } catch (error) {
    if (!(error instanceof MediaError)) throw error;
    damage = error;
  }
  while (next < held.length) yield settle();
  if (damage !== undefined) throw damage;
}

/** Whether frame i begins another take. */
function boundaryAt(frames: readonly ChangedFrame[], i: number): MarkedFrame['boundary'] {
  if (!isCandidate(frames, i)) return undefined;
  const [alone, aloneBefore] = [soleFrame(frames, i), soleFrame(frames, i - 1)];
  if (alone === 'before' || alone === 'flash' || aloneBefore === 'after' || aloneBefore === 'flash') return undefined;
  const isPassage = alone === 'after' || aloneBefore === 'before';
  return isPassage || frames[i]!.signature.isBlank || frames[i - 1]!.signature.isBlank ? 'passage' : 'cut';
}

function isCandidate(frames: readonly ChangedFrame[], i: number): boolean {
  const frame = frames[i];
  const last = frames[i - 1];
  if (frame === undefined || last === undefined) return false;
  if (frame.signature.isBlank !== last.signature.isBlank) return true;
  if (frame.change >= certainChange) return true;
  if (frame.change < leastChange) return false;
  const nearby: number[] = [];
  for (let j = Math.max(1, i - reach); j <= Math.min(frames.length - 1, i + reach); j++) {
    if (j !== i) nearby.push(frames[j]!.change);
  }
  nearby.sort((a, b) => a - b);
  // The lower middle: of two neighbours, one may be a cut itself.
  const usual = nearby[(nearby.length - 1) >> 1] ?? 0;
  return frame.change >= leastRatio * usual;
}

/** Of a frame between two large changes: the side to which it belongs if it is a mix, or that it is a flash. Beyond the ends of the film lies black. */
function soleFrame(frames: readonly ChangedFrame[], i: number): 'before' | 'after' | 'flash' | undefined {
  const [before, frame, after] = [frames[i - 1], frames[i], frames[i + 1]];
  if (frame === undefined || frame.signature.isBlank || frames.length < 2) return undefined;
  if ((before !== undefined && !isCandidate(frames, i)) || (after !== undefined && !isCandidate(frames, i + 1))) {
    return undefined;
  }
  if (before !== undefined && after !== undefined) {
    const isShort = (after.timeSeconds - before.timeSeconds) / 2 < flashSeconds;
    if (isShort && changeBetween(before.signature, after.signature) < leastChange) return 'flash';
  }
  const { ofBefore, ofAfter, rest } = mixOf(before?.signature, frame.signature, after?.signature);
  if (rest >= mixRest) return undefined;
  return ofBefore > ofAfter ? 'before' : 'after';
}
