/**
 * @file An encoder for tests: a picture is its mean colour, a text the colours that it names. Small, exact, and without
 * weights, so that a test can say in its head which picture a query finds.
 */
import type { TextImageEncoder } from '../../src/bundle/index.ts';
import { Tensor } from '../../src/engine/core/index.ts';

const colours: Readonly<Record<string, readonly [number, number, number]>> = {
  red: [255, 0, 0],
  green: [0, 255, 0],
  blue: [0, 0, 255],
  yellow: [255, 255, 0],
  white: [255, 255, 255],
};

/** A unit vector `[4]` of a colour; the last entry keeps black from having no length. */
function vectorOf([r, g, b]: readonly number[]): number[] {
  const vector = [r! / 255, g! / 255, b! / 255, 0.1];
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

/** The encoder; pictures of 8 pixels. */
export const colourEncoder: TextImageEncoder = {
  id: 'colours-1',
  dim: 4,
  pictureView: { size: 8, padding: 0 },
  async encodeTexts(texts) {
    const vectors = texts.map((text) => {
      const named = Object.keys(colours).filter((name) => text.toLowerCase().includes(name));
      const sum = named.reduce((total, name) => total.map((value, i) => value + colours[name]![i]!), [0, 0, 0]);
      return vectorOf(sum.map((value) => value / Math.max(1, named.length)));
    });
    return new Tensor('float32', [texts.length, 4], Float32Array.from(vectors.flat()));
  },
  async encodePictures(pictures) {
    const vectors = pictures.map(({ data }) => {
      const mean = [0, 0, 0];
      for (let i = 0; i < data.length; i++) mean[i % 3]! += data[i]! / (data.length / 3);
      return vectorOf(mean);
    });
    return new Tensor('float32', [pictures.length, 4], Float32Array.from(vectors.flat()));
  },
  async close() {},
};

/** A square picture of one colour. */
export function colouredSvg(colour: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><rect width="40" height="40" fill="${colour}"/></svg>`;
}
