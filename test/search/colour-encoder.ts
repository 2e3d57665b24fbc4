/**
 * @file A small deterministic encoder for tests of search: a picture is its mean colour, a text the mean of its colour words, so
 * "red" really finds red pictures. Other words are left out; a text without any colour word is grey.
 */
import type { TextImageEncoder } from '../../src/bundle/index.ts';
import { float32, type Tensor } from '../../src/engine/core/index.ts';

/** The colours that the encoder knows by name. */
export const colours = {
  red: [255, 0, 0],
  green: [0, 255, 0],
  blue: [0, 0, 255],
  yellow: [255, 255, 0],
  purple: [128, 0, 128],
  orange: [255, 128, 0],
} as const satisfies Record<string, readonly [number, number, number]>;

/** What may differ from one encoder to another in a test. */
export interface ColourEncoderOptions {
  readonly id?: string;
  /** Waits before each batch of pictures, as a real encoder works on it. */
  readonly beforePictures?: (count: number) => Promise<void> | void;
}

const dim = 6;
const side = 16;

/** Unit vector of a colour: its channels and their opposites. */
function vectorOf(rgb: readonly number[]): number[] {
  const values = [...rgb.map((value) => value / 255), ...rgb.map((value) => 1 - value / 255)];
  const length = Math.hypot(...values);
  return values.map((value) => value / length);
}

function meanOf(colourList: readonly (readonly number[])[]): number[] {
  if (colourList.length === 0) return [128, 128, 128];
  return [0, 1, 2].map((c) => colourList.reduce((sum, colour) => sum + colour[c]!, 0) / colourList.length);
}

/** The mean colour of the middle rows, where no bands of background are. */
function meanColour({ data }: Tensor<'uint8'>): number[] {
  const middle = data.subarray(6 * side * 3, 10 * side * 3);
  const sums = [0, 0, 0];
  for (let i = 0; i < middle.length; i++) sums[i % 3]! += middle[i]!;
  return sums.map((sum) => (3 * sum) / middle.length);
}

/** The encoder; `encodedPictures` counts what it was given. */
export function colourEncoder(options: ColourEncoderOptions = {}): TextImageEncoder & { encodedPictures: number } {
  return {
    id: options.id ?? 'colour-1',
    dim,
    pictureView: { size: side, padding: 0 },
    encodedPictures: 0,
    async encodeTexts(texts) {
      const known = (text: string) =>
        text
          .toLowerCase()
          .split(/\W+/)
          .flatMap((word) => (Object.hasOwn(colours, word) ? [colours[word as keyof typeof colours]] : []));
      return float32(
        texts.flatMap((text) => vectorOf(meanOf(known(text)))),
        [texts.length, dim],
      );
    },
    async encodePictures(pictures) {
      await options.beforePictures?.(pictures.length);
      this.encodedPictures += pictures.length;
      return float32(
        pictures.flatMap((picture) => vectorOf(meanColour(picture))),
        [pictures.length, dim],
      );
    },
    async close() {},
  };
}

/** A drawing of one colour. `note` makes the bytes of equal colours differ. */
export function colourSvg(colour: keyof typeof colours, note = ''): string {
  const [r, g, b] = colours[colour];
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><!-- ${note} -->` +
    `<rect width="40" height="30" fill="rgb(${r},${g},${b})"/></svg>`
  );
}
