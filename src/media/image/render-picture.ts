/**
 * @file A picture, from any supported format, as square RGB pixels; or its format and size alone. Decoding is libvips
 * (through sharp), from memory: a picture can refer to no file and no address. What could take unbounded time or memory is
 * decoded in a process apart.
 *
 * S: side of the rendered square in pixels.
 */
import sharp, { type SharpOptions } from 'sharp';
import { MediaError, Tensor } from '../../engine/core/index.ts';
import { type DecodeJob, decodePixels } from './decode-pixels.ts';
import { decodeIsolated } from './isolated-decode.ts';
import { type PictureFormat, pictureFormatNames } from './picture-format.ts';
import { type PictureSource, readPictureSource } from './picture-source.ts';

/** Red, green and blue, each in [0, 255]. */
export type RGB = readonly [red: number, green: number, blue: number];

/** How a picture is rendered. Everything after `background` serves augmentation in training. */
export interface RenderOptions {
  /** S, the side of the square in pixels, in [1, 4096]. */
  readonly size: number;
  /** What lies behind transparent parts and fills the square; white by default. */
  readonly background?: RGB;
  /** Fraction of the side left free around the picture, in [0, 1); 0 by default. */
  readonly padding?: number;
  /** Clockwise turn about the centre. The picture keeps its scale, so corners may leave the square unless padded. */
  readonly rotateDegrees?: number;
  /** Turn of the hue circle, in degrees; leaves the background as it is. */
  readonly hueDegrees?: number;
  /** Colour of an SVG icon drawn in `currentColor` or without any paint; other pictures keep theirs. */
  readonly foreground?: RGB;
  /** Mirrors left and right. */
  readonly flip?: boolean;
  /** Replaces colours by their luma (Rec. 601); leaves the background as it is. */
  readonly grayscale?: boolean;
  /** Gives up after this time, in milliseconds; 20,000 by default. */
  readonly timeoutMs?: number;
}

/** What is known of a picture without rendering it. */
export interface PictureProbe {
  readonly format: PictureFormat;
  /** Width in pixels as shown, after the orientation that the file asks for. */
  readonly width: number;
  /** Height in pixels as shown. */
  readonly height: number;
}

/** A picture of more pixels than this is refused before its pixels are decoded. */
export const maxPicturePixels = 64_000_000;

/** A picture of more pixels than this is decoded in a process apart, for there are slow ways to write many pixels. */
const maxPixelsWithin = 16_000_000;

const defaultTimeoutMs = 20_000;

// One picture is small: libvips gains nothing from threads within it, while several pictures run side by side.
let isTuned = false;
/** Sets libvips up for many small pictures, once. */
export function tune(): void {
  if (isTuned) return;
  isTuned = true;
  sharp.concurrency(1);
  sharp.cache(false);
}

/**
 * Renders a picture: fitted whole into a square on a background, turned upright by its EXIF orientation, the first frame of
 * an animation, any colour space as sRGB. An SVG is drawn at the size asked for. `source` is a path, the
 * bytes of a file, or what `readPictureSource` gave.
 * @returns `uint8[S, S, 3]`, RGB.
 * @throws MediaError if the picture cannot be read, is no picture, is damaged, too large, or takes too long.
 * @throws RangeError if an option is out of range.
 */
export async function renderPicture(
  source: string | Uint8Array | PictureSource,
  options: RenderOptions,
): Promise<Tensor<'uint8'>> {
  checkOptions(options);
  const picture = await asSource(source);
  const inner = innerSide(options);
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const { data, width, height } = await named(picture, async () => {
    const job: DecodeJob = {
      bytes: picture.bytes,
      open: await openingAtSize(picture, inner, options),
      side: inner,
      flip: options.flip ?? false,
      rotateDegrees: options.rotateDegrees ?? 0,
      timeoutSeconds: Math.max(1, Math.ceil(timeoutMs / 1000)),
    };
    const isRisky = picture.isRisky || picture.size!.width * picture.size!.height > maxPixelsWithin;
    if (isRisky) return await decodeIsolated(job, timeoutMs);
    tune();
    return await decodePixels(sharp, job);
  });
  return composite(data, width, height, options);
}

/**
 * The format and size of a picture, from its header.
 * @throws MediaError if it cannot be read, is no picture, or claims a size that `renderPicture` would refuse.
 */
export async function probePicture(source: string | Uint8Array | PictureSource): Promise<PictureProbe> {
  const picture = await asSource(source);
  const { width, height } = await named(picture, () => sizeOf(picture));
  return { format: picture.format, width, height };
}

/** The longer side of the picture within its square, in pixels. */
export function innerSide({ size, padding = 0 }: RenderOptions): number {
  return Math.max(1, Math.round(size * (1 - padding)));
}

async function asSource(source: string | Uint8Array | PictureSource): Promise<PictureSource> {
  return typeof source === 'string' || source instanceof Uint8Array ? await readPictureSource(source) : source;
}

/** @throws RangeError if an option is out of range. */
export function checkOptions({
  size,
  padding = 0,
  rotateDegrees = 0,
  hueDegrees = 0,
  timeoutMs = 1,
}: RenderOptions): void {
  if (!Number.isInteger(size) || size < 1 || size > 4096) {
    throw new RangeError(`renderPicture: size must be a whole number in [1, 4096], got ${size}`);
  }
  if (!(padding >= 0 && padding < 1)) throw new RangeError(`renderPicture: padding must be in [0, 1), got ${padding}`);
  if (!Number.isFinite(rotateDegrees) || !Number.isFinite(hueDegrees)) {
    throw new RangeError('renderPicture: rotateDegrees and hueDegrees must be finite');
  }
  if (!(timeoutMs > 0)) throw new RangeError(`renderPicture: timeoutMs must be positive, got ${timeoutMs}`);
}

/** Names the picture in whatever goes wrong. */
export async function named<T>(picture: PictureSource, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof MediaError) throw new MediaError(`${picture.name}: ${message}`, { cause: error.cause });
    if (/exceeds pixel limit/i.test(message)) {
      throw new MediaError(`${picture.name}: a picture must have at most ${maxPicturePixels / 1e6} million pixels`);
    }
    const reason = message.split('\n')[0]!.trim();
    throw new MediaError(`${picture.name}: damaged ${pictureFormatNames[picture.format]} (${reason})`, {
      cause: error,
    });
  }
}

/** How sharp opens any picture. */
export const opening: SharpOptions = { limitInputPixels: maxPicturePixels, failOn: 'error' };

/** The size as shown, in pixels; of an SVG, as browsers count. Looked up once for a source. */
async function sizeOf(picture: PictureSource): Promise<{ readonly width: number; readonly height: number }> {
  if (picture.size !== undefined) return picture.size;
  tune();
  const { width, height, autoOrient } = await sharp(picture.bytes, opening).metadata();
  if (picture.format !== 'svg' && width * height > maxPicturePixels) {
    throw new MediaError(
      `a picture must have at most ${maxPicturePixels / 1e6} million pixels, got ${width} x ${height}`,
    );
  }
  picture.size = { width: autoOrient?.width ?? width, height: autoOrient?.height ?? height };
  return picture.size;
}

/** How to open the picture so that its longer side comes out at `side` where the format can be drawn at any size. */
async function openingAtSize(
  picture: PictureSource,
  side: number,
  { foreground }: RenderOptions,
): Promise<SharpOptions> {
  const { width, height } = await sizeOf(picture);
  if (picture.format !== 'svg') return opening;
  const density = Math.min(100_000, Math.max(1, (72 * side) / Math.max(width, height)));
  if (foreground === undefined) return { ...opening, density };
  return { ...opening, density, svg: { stylesheet: foregroundStyle(picture.bytes, foreground) } };
}

/** A style sheet that gives an icon its colour: through `currentColor`, and as fill where the drawing names no paint at all. */
function foregroundStyle(svg: Uint8Array, foreground: RGB): string {
  const paints = /\b(?:fill|stroke)\s*[=:]|<style|<image|Gradient/.test(new TextDecoder('utf-8').decode(svg));
  const colour = `rgb(${foreground.join(',')})`;
  return paints ? `svg{color:${colour}}` : `svg{color:${colour};fill:${colour}}`;
}

/**
 * The 3 x 3 matrix, row by row, that turns the hue and keeps luminance: `hue-rotate` of Filter Effects Module Level 1, applied to
 * sRGB values as browsers do.
 */
function hueMatrix(degrees: number): readonly number[] {
  const cos = Math.cos((degrees * Math.PI) / 180);
  const sin = Math.sin((degrees * Math.PI) / 180);
  const [r, g, b] = [0.213, 0.715, 0.072];
  return [
    ...[r + cos * (1 - r) - sin * r, g - cos * g - sin * g, b - cos * b + sin * (1 - b)],
    ...[r - cos * r + sin * 0.143, g + cos * (1 - g) + sin * 0.14, b - cos * b - sin * 0.283],
    ...[r - cos * r - sin * (1 - r), g - cos * g + sin * g, b + cos * (1 - b) + sin * b],
  ];
}

/** Lays RGBA pixels centred on the background, as `uint8[S, S, 3]`; what sticks out is cut off. */
export function composite(rgba: Uint8Array, width: number, height: number, options: RenderOptions): Tensor<'uint8'> {
  const { size, background = [255, 255, 255], grayscale = false, hueDegrees = 0 } = options;
  const hue = hueDegrees === 0 ? undefined : hueMatrix(hueDegrees);
  const [red, green, blue] = background;
  // Clamped arrays round to the nearest whole number.
  const out = new Uint8ClampedArray(size * size * 3);
  for (let i = 0; i < out.length; i += 3) {
    out[i] = red;
    out[i + 1] = green;
    out[i + 2] = blue;
  }
  const left = Math.floor((size - width) / 2);
  const top = Math.floor((size - height) / 2);
  const fromX = Math.max(0, -left);
  const toX = Math.min(width, size - left);
  for (let y = Math.max(0, -top); y < Math.min(height, size - top); y++) {
    let from = (y * width + fromX) * 4;
    let to = ((top + y) * size + left + fromX) * 3;
    for (let x = fromX; x < toX; x++, from += 4, to += 3) {
      const alpha = rgba[from + 3]!;
      if (alpha === 0) continue;
      let r = rgba[from]!;
      let g = rgba[from + 1]!;
      let b = rgba[from + 2]!;
      if (hue !== undefined) {
        const [red0, green0, blue0] = [r, g, b];
        r = clamp(hue[0]! * red0 + hue[1]! * green0 + hue[2]! * blue0);
        g = clamp(hue[3]! * red0 + hue[4]! * green0 + hue[5]! * blue0);
        b = clamp(hue[6]! * red0 + hue[7]! * green0 + hue[8]! * blue0);
      }
      if (grayscale) r = g = b = Math.round(0.299 * r + 0.587 * g + 0.114 * b);
      if (alpha === 255) {
        out[to] = r;
        out[to + 1] = g;
        out[to + 2] = b;
      } else {
        out[to] = (r * alpha + red * (255 - alpha)) / 255;
        out[to + 1] = (g * alpha + green * (255 - alpha)) / 255;
        out[to + 2] = (b * alpha + blue * (255 - alpha)) / 255;
      }
    }
  }
  return new Tensor('uint8', [size, size, 3], new Uint8Array(out.buffer));
}

function clamp(value: number): number {
  return Math.min(255, Math.max(0, value));
}
