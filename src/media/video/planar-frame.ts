/**
 * @file A frame in planes of luma and colour differences, as decoders give it, made small and turned into RGB. The planes are scaled
 * before they are put together, so that the work of colours is done for few pixels; and the matrix is the one that the video
 * names, which WebCodecs for Node leaves out of account.
 */
import type { FittedFrame } from './fit-frame.ts';

/** A decoded frame in planes. */
export interface PlanarFrame {
  /** Such as `I420`, `I422A` or `I444P10`: how often colours are sampled, whether alpha follows, bits of a sample if not 8. */
  readonly format: string;
  readonly data: Uint8Array;
  /** Where each plane begins, and how far its rows are apart, in bytes. */
  readonly layout: readonly { readonly offset: number; readonly stride: number }[];
  readonly width: number;
  readonly height: number;
  /** The matrix by its WebCodecs name; BT.601 where it has none. */
  readonly matrix: string | null;
  /** Whether samples take all values of a byte; luma else takes 16 to 235. */
  readonly fullRange: boolean;
}

/**
 * RGBA of a frame at a size.
 * @param isQuick whether planes are first made smaller by whole numbers, each pixel the mean of a square, which is several times faster and a little softer. It must use nothing but its arguments: its text is also sent to the process of `video-program.ts`.
 * @returns undefined where the format is not one of planes.
 */
export async function scalePlanar(
  sharp: typeof import('sharp').default,
  frame: PlanarFrame,
  width: number,
  height: number,
  isQuick = false,
): Promise<FittedFrame | undefined> {
  /** Means of squares of `step` pixels; what is left over at the right and below is left out. */
  const shrunk = (plane: Uint8Array, planeWidth: number, toWidth: number, toHeight: number, step: number) => {
    const out = new Uint8Array(toWidth * toHeight);
    const sums = new Uint32Array(toWidth);
    const [area, half] = [step * step, (step * step) >> 1];
    for (let y = 0, to = 0; y < toHeight; y++) {
      sums.fill(half);
      for (let i = 0; i < step; i++) {
        let at = (y * step + i) * planeWidth;
        if (step === 4) {
          for (let x = 0; x < toWidth; x++, at += 4) {
            sums[x]! += plane[at]! + plane[at + 1]! + plane[at + 2]! + plane[at + 3]!;
          }
        } else if (step === 2) {
          for (let x = 0; x < toWidth; x++, at += 2) sums[x]! += plane[at]! + plane[at + 1]!;
        } else {
          for (let x = 0; x < toWidth; x++) {
            let sum = 0;
            for (const end = at + step; at < end; at++) sum += plane[at]!;
            sums[x]! += sum;
          }
        }
      }
      for (let x = 0; x < toWidth; x++) out[to++] = (sums[x]! / area) | 0;
    }
    return out;
  };
  const [, sampling, alpha, bits = '8'] = /^I(420|422|444)(A?)(?:P(10|12))?$/.exec(frame.format) ?? [];
  if (sampling === undefined) return undefined;
  const scaled: Uint8Array[] = [];
  for (const [i, { offset, stride }] of frame.layout.entries()) {
    const isColour = i === 1 || i === 2;
    const planeWidth = isColour && sampling !== '444' ? Math.ceil(frame.width / 2) : frame.width;
    const planeHeight = isColour && sampling === '420' ? Math.ceil(frame.height / 2) : frame.height;
    let plane: Uint8Array = frame.data.subarray(offset, offset + planeWidth * planeHeight);
    if (bits !== '8' || stride !== planeWidth) {
      plane = new Uint8Array(planeWidth * planeHeight);
      const view = new DataView(frame.data.buffer, frame.data.byteOffset);
      for (let y = 0; y < planeHeight; y++) {
        for (let x = 0; x < planeWidth; x++) {
          const at = offset + y * stride + (bits === '8' ? x : 2 * x);
          plane[y * planeWidth + x] =
            bits === '8' ? frame.data[at]! : Math.min(255, view.getUint16(at, true) >> (Number(bits) - 8));
        }
      }
    }
    const step = isQuick ? Math.floor(Math.min(planeWidth / width, planeHeight / height)) : 1;
    const raw = { width: planeWidth, height: planeHeight, channels: 1 as const };
    if (step > 1) {
      raw.width = Math.floor(planeWidth / step);
      raw.height = Math.floor(planeHeight / step);
      plane = shrunk(plane, planeWidth, raw.width, raw.height, step);
    }
    if (raw.width === width && raw.height === height) {
      scaled.push(plane);
      continue;
    }
    const pipeline = sharp(plane, { raw, limitInputPixels: false }).resize(width, height, { fit: 'fill' });
    scaled.push(await pipeline.toColourspace('b-w').raw().toBuffer());
  }
  const [red, blue] =
    frame.matrix === 'bt709' ? [0.2126, 0.0722] : frame.matrix === 'bt2020-ncl' ? [0.2627, 0.0593] : [0.299, 0.114];
  const green = 1 - red! - blue!;
  const [black, lumaScale, colourScale] = frame.fullRange ? [0, 1, 1] : [16, 255 / 219, 255 / 224];
  const data = new Uint8ClampedArray(width * height * 4);
  const [luma, cb, cr, opacity] = scaled;
  for (let i = 0; i < width * height; i++) {
    const y = (luma![i]! - black!) * lumaScale!;
    const b = (cb![i]! - 128) * colourScale! * 2 * (1 - blue!);
    const r = (cr![i]! - 128) * colourScale! * 2 * (1 - red!);
    data[4 * i] = y + r;
    data[4 * i + 1] = y - (r * red! + b * blue!) / green;
    data[4 * i + 2] = y + b;
    data[4 * i + 3] = alpha === 'A' && opacity !== undefined ? opacity[i]! : 255;
  }
  return { data: new Uint8Array(data.buffer), width, height };
}
