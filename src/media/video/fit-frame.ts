/** @file A decoded frame at the size and in the position in which it is seen: the shape of its pixels and its turn are applied. */

/** How a video's frames are meant to be seen. */
export interface FrameShape {
  /** Size with square pixels, before the turn. */
  readonly squareWidth: number;
  readonly squareHeight: number;
  /** Clockwise turn: 0, 90, 180 or 270. */
  readonly rotationDegrees: number;
  /** Whether left and right change places after the turn. */
  readonly flip: boolean;
}

/** RGBA, row by row. */
export interface FittedFrame {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** The size of a frame whose longer side is `side` pixels, before the turn; used in another process, as `fitFrame` is. */
export function fittedSize({ squareWidth, squareHeight }: FrameShape, side: number): [width: number, height: number] {
  const scale = side / Math.max(squareWidth, squareHeight);
  return [Math.max(1, Math.round(squareWidth * scale)), Math.max(1, Math.round(squareHeight * scale))];
}

/**
 * Scales to a size, if it has another, and turns, with the sharp that it is given. It must use nothing but its arguments: its text is
 * also sent to the process of `video-program.ts`.
 */
export async function fitFrame(
  sharp: typeof import('sharp').default,
  frame: FittedFrame,
  [width, height]: readonly [number, number],
  { rotationDegrees, flip }: FrameShape,
): Promise<FittedFrame> {
  let { data } = frame;
  if (frame.width !== width || frame.height !== height) {
    const raw = { width: frame.width, height: frame.height, channels: 4 } as const;
    data = await sharp(data, { raw, limitInputPixels: false }).resize(width, height, { fit: 'fill' }).raw().toBuffer();
  }
  if (rotationDegrees === 0 && !flip) return { data, width, height };
  const turned = await sharp(data, { raw: { width, height, channels: 4 } })
    .rotate(rotationDegrees)
    .raw()
    .toBuffer({ resolveWithObject: true });
  const size = { width: turned.info.width, height: turned.info.height };
  if (!flip) return { data: turned.data, ...size };
  return {
    data: await sharp(turned.data, { raw: { ...size, channels: 4 } })
      .flop()
      .raw()
      .toBuffer(),
    ...size,
  };
}
