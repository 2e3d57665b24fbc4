/**
 * @file Other styles of the same drawing, for the price of a table look-up a byte: channels scaled or swapped, shading flattened to a few
 * levels, contrast changed. What is drawn stays; what an artist's palette and shading tell does not.
 */
import type { Rng } from '../../../engine/core/index.ts';

/** Changes pixels RGB in place, differently each time; a fifth of the pictures stay as they are. */
export function restyle(pixels: Uint8Array, rng: Rng): void {
  if (rng.uniform() < 0.2) return;
  const numLevels = rng.uniform() < 0.3 ? 3 + rng.integer(4) : 256;
  const gamma = 2 ** ((rng.uniform() - 0.5) * 1.2);
  const order = rng.uniform() < 0.2 ? rng.shuffle([0, 1, 2]) : [0, 1, 2];
  const tables = [0, 1, 2].map(() => toneTable(numLevels, gamma, 1 + (rng.uniform() - 0.5) * 0.3));
  const [r, g, b] = order as [number, number, number];
  for (let i = 0; i < pixels.length; i += 3) {
    const red = tables[0]![pixels[i + r]!]!;
    const green = tables[1]![pixels[i + g]!]!;
    const blue = tables[2]![pixels[i + b]!]!;
    pixels[i] = red;
    pixels[i + 1] = green;
    pixels[i + 2] = blue;
  }
}

/** Where each of the 256 values goes: to one of `numLevels`, along a power, scaled. */
export function toneTable(numLevels: number, gamma: number, gain: number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, value) => {
    const level = Math.round((value / 255) * (numLevels - 1)) / (numLevels - 1);
    return Math.min(255, Math.round(255 * gain * level ** gamma));
  });
}
