/** @file Small pictures for people to look at: of a picture, or of a moment of a video, as WebP in its true shape. */
import sharp from 'sharp';
import type { FittedFrame } from '../video/fit-frame.ts';
import { type PictureSource, readPictureSource } from './picture-source.ts';
import { named, probePicture, renderPicture, tune } from './render-picture.ts';

/** The longer side of a preview in pixels. */
export const previewSide = 320;

const quality = 70;

/** RGBA pixels as a WebP; they are not made larger. */
export async function previewOfPixels({ data, width, height }: FittedFrame): Promise<Uint8Array> {
  tune();
  return await sharp(data, { raw: { width, height, channels: 4 } })
    .resize(previewSide, previewSide, { fit: 'inside', withoutEnlargement: true })
    .flatten({ background: '#fff' })
    .webp({ quality, effort: 1 })
    .toBuffer();
}

/**
 * A picture as a WebP on white, its longer side 320 pixels (shorter where the picture is): for people, not for encoders.
 * @throws MediaError as `renderPicture` does.
 */
export async function previewOfPicture(source: string | Uint8Array | PictureSource): Promise<Uint8Array> {
  const picture = typeof source === 'string' || source instanceof Uint8Array ? await readPictureSource(source) : source;
  const { width, height, format } = await probePicture(picture);
  const longer = Math.max(width, height);
  const side = format === 'svg' ? previewSide : Math.min(previewSide, longer);
  const { data } = await renderPicture(picture, { size: side });
  const [inWidth, inHeight] = [width, height].map((length) => Math.max(1, Math.round((length * side) / longer)));
  return await named(picture, () =>
    sharp(data, { raw: { width: side, height: side, channels: 3 } })
      .extract({
        left: Math.floor((side - inWidth!) / 2),
        top: Math.floor((side - inHeight!) / 2),
        width: inWidth!,
        height: inHeight!,
      })
      .webp({ quality, effort: 1 })
      .toBuffer(),
  );
}
