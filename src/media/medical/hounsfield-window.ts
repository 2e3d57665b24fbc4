/** @file Hounsfield units to shades of grey: DICOM's exact linear window (PS3.3, C.11.2.1.3.2). */
import { Tensor } from '../../engine/core/index.ts';
import type { DicomSlice, DicomWindow } from './dicom.ts';

/** The windows that radiologists commonly look through, in Hounsfield units. */
export const hounsfieldWindows = {
  lung: { center: -600, width: 1500 },
  softTissue: { center: 40, width: 400 },
  bone: { center: 400, width: 1800 },
  brain: { center: 40, width: 80 },
} as const satisfies Readonly<Record<string, DicomWindow>>;

/**
 * A slice as `uint8[H, W]`: 0 at and below `center - width / 2`, 255 at and above `center + width / 2`, straight in between. A slice of
 * `MONOCHROME1` comes out inverted, as it is meant to be seen.
 * @throws RangeError unless the width is above 0.
 */
export function hounsfieldWindow(
  slice: Pick<DicomSlice, 'pixels'> & Partial<Pick<DicomSlice, 'photometricInterpretation'>>,
  { center, width }: DicomWindow,
): Tensor<'uint8'> {
  if (!(width > 0 && Number.isFinite(width) && Number.isFinite(center))) {
    throw new RangeError(`hounsfieldWindow: width must be above 0 and center a number, got ${width} and ${center}`);
  }
  const { data, shape } = slice.pixels;
  const low = center - width / 2;
  const shades = new Uint8ClampedArray(data.length);
  for (let i = 0; i < data.length; i++) shades[i] = ((data[i]! - low) / width) * 255;
  if (slice.photometricInterpretation === 'MONOCHROME1')
    for (let i = 0; i < shades.length; i++) shades[i] = 255 - shades[i]!;
  return new Tensor('uint8', shape, new Uint8Array(shades.buffer));
}
