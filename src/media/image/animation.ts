/**
 * @file Animated WebP and GIF: their frames as they are seen, that is, each laid over what came before. Every frame is rendered
 * exactly as `renderPicture` renders the same pixels in a PNG. A decoder must pass through all frames before the one wanted, so
 * frames near each other are decoded in one pass; what could take long or much memory is decoded in a process apart.
 */
import sharp from 'sharp';
import { MediaError, type Tensor } from '../../engine/core/index.ts';
import { checkSelection, momentsOf, type ReadFramesOptions, type VideoFrame } from '../video/frame-selection.ts';
import { brokenAnimationRule } from './animation-extent.ts';
import { type DecodeJob, decodePixels } from './decode-pixels.ts';
import { decodeIsolated } from './isolated-decode.ts';
import type { PictureFormat } from './picture-format.ts';
import { type PictureSource, readPictureSource } from './picture-source.ts';
import {
  checkOptions,
  composite,
  innerSide,
  maxPicturePixels,
  named,
  opening,
  type RenderOptions,
  renderPicture,
  tune,
} from './render-picture.ts';

/** An animation of more frames than this is refused. */
const maxAnimationFrames = 10_000;

/** Pixels of all frames that one pass may hold in memory. */
const maxPixelsHeld = 24_000_000;

/** Pixels of all frames up to the last one wanted, beyond which decoding happens in a process apart. */
const maxPixelsWithin = 128_000_000;

/** Browsers show a frame that asks for 10 ms or less for 100 ms. */
const shortestDelayMs = 10;
const defaultDelayMs = 100;

const defaultTimeoutMs = 20_000;

/** What is known of a picture's frames without rendering them. A still picture has one frame and lasts 0 s. */
export interface AnimationProbe {
  readonly format: PictureFormat;
  /** Width in pixels as shown. */
  readonly width: number;
  /** Height in pixels as shown. */
  readonly height: number;
  readonly numFrames: number;
  /** How long one round lasts, in seconds. */
  readonly durationSeconds: number;
  /** How many rounds are shown; 0 means without end. */
  readonly numLoops: number;
  /** When each frame begins, in seconds. */
  readonly startSeconds: readonly number[];
}

/**
 * The frames of a picture and their times, from its header.
 * @throws MediaError if it cannot be read, is no picture, is damaged, or has too many or too large frames.
 */
export async function probeAnimation(source: string | Uint8Array | PictureSource): Promise<AnimationProbe> {
  const picture = await asSource(source);
  return (await timingOf(picture)).probe;
}

interface Timing {
  readonly probe: AnimationProbe;
  /** Whether the file asks to be turned; such frames are decoded one by one. */
  readonly isTurned: boolean;
}

async function timingOf(picture: PictureSource): Promise<Timing> {
  return await named(picture, async () => {
    const rule = brokenAnimationRule(picture);
    if (rule !== undefined) throw new Error(rule);
    tune();
    const header = await sharp(picture.bytes, { ...opening, limitInputPixels: false }).metadata();
    const numFrames = header.pages ?? 1;
    // A header that lies about the number of frames makes the sum wrong, but not the size of a frame.
    const [width, height] = [header.width, header.pageHeight ?? header.height];
    if (picture.format !== 'svg' && width * height > maxPicturePixels) {
      throw new MediaError(
        `a picture must have at most ${maxPicturePixels / 1e6} million pixels, got ${width} x ${height}`,
      );
    }
    if (numFrames > maxAnimationFrames) {
      throw new MediaError(`an animation must have at most ${maxAnimationFrames} frames, got ${numFrames}`);
    }
    const startSeconds: number[] = [];
    let endMs = 0;
    for (let i = 0; i < numFrames; i++) {
      startSeconds.push(endMs / 1000);
      const delay = header.delay?.[i] ?? 0;
      if (numFrames > 1) endMs += delay > shortestDelayMs ? delay : defaultDelayMs;
    }
    const isTurned = (header.orientation ?? 1) > 1;
    const probe = {
      format: picture.format,
      width: header.autoOrient?.width ?? width,
      height: numFrames > 1 ? height : (header.autoOrient?.height ?? height),
      numFrames,
      durationSeconds: endMs / 1000,
      numLoops: numFrames > 1 ? (header.loop ?? 1) : 1,
      startSeconds,
    };
    return { probe, isTurned };
  });
}

/**
 * Frames of an animated WebP or GIF within one round; moments after its end show the last frame. Every frame counts as a key
 * frame. A still picture, whatever is selected, gives one frame at 0 s.
 * @throws MediaError if it cannot be read, is no picture, is damaged, too large, or takes too long.
 * @throws RangeError if an option is out of range.
 */
export async function* readAnimation(
  source: string | Uint8Array | PictureSource,
  options: ReadFramesOptions,
): AsyncGenerator<VideoFrame> {
  const rendering = renderingOf(options);
  checkSelection(options);
  checkOptions(rendering);
  options.signal?.throwIfAborted();
  const picture = await asSource(source);
  const { probe, isTurned } = await timingOf(picture);
  if (probe.numFrames === 1) {
    yield { timeSeconds: 0, pixels: await renderPicture(picture, rendering) };
    return;
  }
  const { startSeconds, durationSeconds } = probe;
  const moments = [...momentsOf(options, durationSeconds, startSeconds)];
  const indexes = moments.map((moment) =>
    Math.max(
      0,
      startSeconds.findLastIndex((start) => start <= moment + 1e-9),
    ),
  );
  const rendered = renderFrames(picture, { probe, isTurned }, [...new Set(indexes)], rendering);
  let shown: { index: number; pixels: Tensor<'uint8'> } | undefined;
  for (const [i, timeSeconds] of moments.entries()) {
    options.signal?.throwIfAborted();
    if (shown?.index !== indexes[i]) shown = (await rendered.next()).value!;
    yield { timeSeconds, pixels: shown!.pixels };
  }
}

interface RenderedFrame {
  readonly index: number;
  readonly pixels: Tensor<'uint8'>;
}

/** Renders frames in ascending order. */
async function* renderFrames(
  picture: PictureSource,
  { probe, isTurned }: Timing,
  indexes: readonly number[],
  rendering: RenderOptions,
): AsyncGenerator<RenderedFrame, undefined> {
  const numPixels = probe.width * probe.height;
  const isHeavy = (indexes.at(-1)! + 1) * numPixels > maxPixelsWithin;
  if (isHeavy || isTurned) {
    for (const index of indexes) yield { index, pixels: await renderApart(picture, index, rendering) };
    return;
  }
  for (let start = 0; start < indexes.length; ) {
    let end = start + 1;
    while (end < indexes.length && (indexes[end]! - indexes[start]! + 1) * numPixels <= maxPixelsHeld) end++;
    yield* renderPass(picture, indexes.slice(start, end), rendering);
    start = end;
  }
}

/** One frame, as a picture of its own. */
async function renderApart(picture: PictureSource, page: number, rendering: RenderOptions): Promise<Tensor<'uint8'>> {
  const { data, width, height } = await named(picture, () =>
    decodeIsolated(jobOf(picture.bytes, { ...opening, page }, rendering), rendering.timeoutMs ?? defaultTimeoutMs),
  );
  return composite(data, width, height, rendering);
}

/** Frames near each other: decoded in one pass at their full size, then each made small by itself. */
async function* renderPass(
  picture: PictureSource,
  indexes: readonly number[],
  rendering: RenderOptions,
): AsyncGenerator<RenderedFrame, undefined> {
  const first = indexes[0]!;
  const timeoutSeconds = Math.max(1, Math.ceil((rendering.timeoutMs ?? defaultTimeoutMs) / 1000));
  const { data, info } = await named(picture, () =>
    sharp(picture.bytes, { ...opening, page: first, pages: indexes.at(-1)! - first + 1 })
      .toColourspace('srgb')
      .timeout({ seconds: timeoutSeconds })
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true }),
  );
  const height = info.pageHeight ?? info.height;
  const raw = { width: info.width, height, channels: 4 } as const;
  const numBytes = info.width * height * 4;
  for (const index of indexes) {
    const frame = data.subarray((index - first) * numBytes, (index - first + 1) * numBytes);
    const pixels = await named(picture, () => decodePixels(sharp, jobOf(frame, { ...opening, raw }, rendering)));
    yield { index, pixels: composite(pixels.data, pixels.width, pixels.height, rendering) };
  }
}

function jobOf(bytes: Uint8Array, open: DecodeJob['open'], rendering: RenderOptions): DecodeJob {
  const timeoutMs = rendering.timeoutMs ?? defaultTimeoutMs;
  return {
    bytes,
    open,
    side: innerSide(rendering),
    flip: false,
    rotateDegrees: 0,
    timeoutSeconds: Math.max(1, Math.ceil(timeoutMs / 1000)),
    shrinkOnLoad: false,
  };
}

/** What a frame shares with a still picture's options. */
export function renderingOf({ size, padding, background, timeoutMs }: ReadFramesOptions): RenderOptions {
  return {
    size,
    ...(padding !== undefined && { padding }),
    ...(background !== undefined && { background }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  };
}

async function asSource(source: string | Uint8Array | PictureSource): Promise<PictureSource> {
  return typeof source === 'string' || source instanceof Uint8Array ? await readPictureSource(source) : source;
}
