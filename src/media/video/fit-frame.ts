/** @file A decoded frame at the size and in the position in which it is seen: the shape of its pixels and its turn are applied. */

/** A decoded frame and how it is meant to be seen. */
export interface DecodedFrame {
  /** RGBA, row by row. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Whether the fourth channel means anything. */
  readonly hasAlpha: boolean;
  /** Size with square pixels, before the turn. */
  readonly squareWidth: number;
  readonly squareHeight: number;
  /** Clockwise turn: 0, 90, 180 or 270. */
  readonly rotationDegrees: number;
  /** Whether left and right change places after the turn. */
  readonly flip: boolean;
}

/** RGBA of a frame whose longer side is `side` pixels. */
export interface FittedFrame {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/**
 * Scales and turns with the sharp that it is given. It must use nothing but its arguments: its text is also sent to the process of
 * `video-program.ts`.
 */
export async function fitFrame(
  sharp: typeof import('sharp').default,
  frame: DecodedFrame,
  side: number,
): Promise<FittedFrame> {
  const scale = side / Math.max(frame.squareWidth, frame.squareHeight);
  const width = Math.max(1, Math.round(frame.squareWidth * scale));
  const height = Math.max(1, Math.round(frame.squareHeight * scale));
  let pipeline = sharp(frame.data, {
    raw: { width: frame.width, height: frame.height, channels: 4 },
    limitInputPixels: false,
  });
  // Without alpha there is nothing to multiply by, which is a third of the work.
  if (!frame.hasAlpha) pipeline = pipeline.removeAlpha();
  const scaled = await pipeline.resize(width, height, { fit: 'fill' }).raw().toBuffer({ resolveWithObject: true });
  const channels = scaled.info.channels as 3 | 4;
  pipeline = sharp(scaled.data, { raw: { width, height, channels } });
  if (frame.rotationDegrees !== 0) pipeline = pipeline.rotate(frame.rotationDegrees);
  if (frame.rotationDegrees !== 0 || frame.flip) {
    const turned = await pipeline.raw().toBuffer({ resolveWithObject: true });
    pipeline = sharp(turned.data, { raw: { width: turned.info.width, height: turned.info.height, channels } });
    if (frame.flip) pipeline = pipeline.flop();
  }
  const { data, info } = await pipeline.ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}
