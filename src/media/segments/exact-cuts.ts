/**
 * @file Cuts to the very frame: what lies between the two samples on either side of a cut is decoded, and the largest change in it is taken. That costs
 * decoding from the key frame before every cut on.
 */
import type { Tensor } from '../../engine/core/index.ts';
import type { FrameDecoding } from '../video/frame-selection.ts';
import { readFrames } from '../video/read-frames.ts';
import { exactDifference, type FrameSignature, frameSignature } from './frame-signature.ts';
import type { MarkedFrame } from './shot-boundaries.ts';

/** The side of the frames that are compared, in pixels. */
const size = 64;

/** Of more frames than this between two samples, so many are looked at. */
const maxBetween = 120;

/** What is known of the moving picture. */
export interface CutSource {
  readonly source: string | Uint8Array;
  readonly framesPerSecond: number;
  /** How much later than the file its pictures begin. */
  readonly delaySeconds: number;
}

/** The same frames; of those behind a cut, when their take began. */
export async function* withExactCuts(
  frames: AsyncIterable<MarkedFrame>,
  film: CutSource,
  decoding: FrameDecoding,
): AsyncGenerator<MarkedFrame> {
  let last: MarkedFrame | undefined;
  for await (const frame of frames) {
    if (frame.boundary !== 'cut' || last === undefined) yield frame;
    else yield { ...frame, shotSeconds: await cutSeconds(last.timeSeconds, frame.timeSeconds, film, decoding) };
    last = frame;
  }
}

/** When the frame of the largest change between two moments begins. */
async function cutSeconds(
  fromSeconds: number,
  toSeconds: number,
  { source, framesPerSecond, delaySeconds }: CutSource,
  decoding: FrameDecoding,
): Promise<number> {
  const length = toSeconds - fromSeconds;
  const numSteps = Math.min(maxBetween, Math.max(1, Math.round(length * framesPerSecond)));
  // A little behind the beginnings of frames, which are rounded in containers.
  const times = Array.from({ length: numSteps + 1 }, (_, i) =>
    Math.max(0, fromSeconds - delaySeconds + (i * length) / numSteps + 1e-3),
  );
  let before: FrameSignature | undefined;
  let [cut, most] = [toSeconds, -1];
  for await (const { timeSeconds, pixels } of readFrames(source, { ...decoding, times, size })) {
    const signature = frameSignature({ data: opaque(pixels), width: size, height: size });
    const change = before === undefined ? -1 : exactDifference(before, signature);
    if (change > most) [cut, most] = [timeSeconds - 1e-3 + delaySeconds, change];
    before = signature;
  }
  return Math.min(toSeconds, Math.max(fromSeconds, cut));
}

/** RGB with an opacity. */
function opaque({ data }: Tensor<'uint8'>): Uint8Array {
  const out = new Uint8Array((data.length / 3) * 4).fill(255);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    out[to] = data[from]!;
    out[to + 1] = data[from + 1]!;
    out[to + 2] = data[from + 2]!;
  }
  return out;
}
