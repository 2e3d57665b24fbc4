/** @file From the bytes of a picture to pixels at the size wanted: the one place that decodes. */
import type { SharpOptions } from 'sharp';

/** What is decoded, and how. */
export interface DecodeJob {
  readonly bytes: Uint8Array;
  /** How sharp opens it. */
  readonly open: SharpOptions;
  /** The longer side of the result in pixels. */
  readonly side: number;
  readonly flip: boolean;
  readonly rotateDegrees: number;
  readonly timeoutSeconds: number;
  /** Whether the format's own decoder may make the picture smaller, which is faster; true if absent. */
  readonly shrinkOnLoad?: boolean;
}

/** Decoded pixels: RGBA, row by row. */
export interface DecodedPixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/**
 * Decodes with the sharp that it is given. It must use nothing but its arguments: its text is also sent to the process of
 * `isolated-decode.ts`.
 */
export async function decodePixels(sharp: typeof import('sharp').default, job: DecodeJob): Promise<DecodedPixels> {
  let pipeline = sharp(job.bytes, job.open)
    .autoOrient()
    .resize(job.side, job.side, { fit: 'inside', fastShrinkOnLoad: job.shrinkOnLoad ?? true })
    .toColourspace('srgb')
    .timeout({ seconds: job.timeoutSeconds });
  if (job.flip) pipeline = pipeline.flop();
  if (job.rotateDegrees !== 0) {
    pipeline = pipeline.rotate(job.rotateDegrees, { background: { r: 0, g: 0, b: 0, alpha: 0 } });
  }
  const { data, info } = await pipeline.ensureAlpha().raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  if (info.channels !== 4) throw new Error(`decoded to ${info.channels} channels, expected 4`);
  return { data, width: info.width, height: info.height };
}
