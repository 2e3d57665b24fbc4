/**
 * @file What is compared of two frames: where their colours lie, how many pixels have which colour, and whether there is anything to be seen.
 */
import type { FittedFrame } from '../video/fit-frame.ts';

/** Columns and rows of the small picture. */
const gridWidth = 32;
const gridHeight = 18;

/** Levels of each of red, green and blue in the histogram. */
const levels = 6;

/** Steps of the grid by which a picture may have moved, to each side. */
const reach = 3;

/** Luma this far from the middle one is something to be seen; grain and a coder's noise are nearer. */
const visibleDifference = 24;

/** A frame with a smaller share of visible pixels is blank. */
const blankShare = 0.001;

/** A frame made small enough to be compared. */
export interface FrameSignature {
  /** `[18, 32, 3]` mean colours in [0, 255]. */
  readonly grid: Float32Array;
  /** Shares of 6 x 6 x 6 colours. */
  readonly histogram: Float32Array;
  /** Whether it is black, white or any one colour all over. */
  readonly isBlank: boolean;
}

/** The signature of RGBA pixels; of every second one, where there are many. */
export function frameSignature({ data, width, height }: FittedFrame): FrameSignature {
  const grid = new Float32Array(gridWidth * gridHeight * 3);
  const counts = new Float32Array(gridWidth * gridHeight);
  const histogram = new Float32Array(levels ** 3);
  const luma = new Uint32Array(256);
  const step = width >= 2 * gridWidth && height >= 2 * gridHeight ? 2 : 1;
  const scale = (levels - 1) / 255;
  let numPixels = 0;
  for (let y = 0; y < height; y += step) {
    const row = Math.floor((y * gridHeight) / height) * gridWidth;
    for (let x = 0; x < width; x += step) {
      const at = (y * width + x) * 4;
      const red = data[at]!;
      const green = data[at + 1]!;
      const blue = data[at + 2]!;
      const cell = row + Math.floor((x * gridWidth) / width);
      grid[3 * cell]! += red;
      grid[3 * cell + 1]! += green;
      grid[3 * cell + 2]! += blue;
      counts[cell]! += 1;
      luma[(red * 77 + green * 150 + blue * 29) >> 8]! += 1;
      numPixels += 1;
      // Each pixel counts for the two nearest levels of each channel, so that a little more light moves little.
      const r = red * scale;
      const g = green * scale;
      const b = blue * scale;
      const r0 = Math.min(levels - 2, r | 0);
      const g0 = Math.min(levels - 2, g | 0);
      const b0 = Math.min(levels - 2, b | 0);
      const bin = (r0 * levels + g0) * levels + b0;
      const [r1, g1, b1] = [r - r0, g - g0, b - b0];
      const low = (1 - r1) * (1 - g1);
      const lowHigh = (1 - r1) * g1;
      const highLow = r1 * (1 - g1);
      const high = r1 * g1;
      histogram[bin]! += low * (1 - b1);
      histogram[bin + 1]! += low * b1;
      histogram[bin + levels]! += lowHigh * (1 - b1);
      histogram[bin + levels + 1]! += lowHigh * b1;
      histogram[bin + levels * levels]! += highLow * (1 - b1);
      histogram[bin + levels * levels + 1]! += highLow * b1;
      histogram[bin + levels * levels + levels]! += high * (1 - b1);
      histogram[bin + levels * levels + levels + 1]! += high * b1;
    }
  }
  for (let i = 0; i < grid.length; i++) grid[i]! /= Math.max(1, counts[Math.floor(i / 3)]!);
  for (let i = 0; i < histogram.length; i++) histogram[i]! /= numPixels;
  return { grid, histogram, isBlank: isBlank(luma, numPixels) };
}

function isBlank(luma: Uint32Array, numPixels: number): boolean {
  let middle = 0;
  for (let seen = luma[0]!; seen * 2 < numPixels; seen += luma[middle]!) middle += 1;
  let visible = 0;
  luma.forEach((count, value) => {
    if (Math.abs(value - middle) > visibleDifference) visible += count;
  });
  return visible < blankShare * numPixels;
}

/** How much has changed from one frame to another: about 0.05 within a calm take, above 0.5 from one take to another. */
export function changeBetween(a: FrameSignature, b: FrameSignature): number {
  return colourDifference(a, b) + 2 * placeDifference(a, b);
}

/** How far two frames differ in colours wherever they lie: 0 where all pixels have the same, 1 where none has. */
function colourDifference(a: FrameSignature, b: FrameSignature): number {
  let sum = 0;
  for (let i = 0; i < a.histogram.length; i++) sum += Math.abs(a.histogram[i]! - b.histogram[i]!);
  return sum / 2;
}

/** How far two frames differ in what lies where, in [0, 1], at the best of small moves of the whole picture. */
function placeDifference(a: FrameSignature, b: FrameSignature): number {
  let best = Number.POSITIVE_INFINITY;
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) best = Math.min(best, movedDifference(a.grid, b.grid, dx, dy));
  }
  return best;
}

/** How far two frames differ with every part in its place, in [0, 1]. */
export function exactDifference(a: FrameSignature, b: FrameSignature): number {
  return movedDifference(a.grid, b.grid, 0, 0);
}

function movedDifference(a: Float32Array, b: Float32Array, dx: number, dy: number): number {
  let sum = 0;
  let count = 0;
  for (let y = Math.max(0, -dy); y < Math.min(gridHeight, gridHeight - dy); y++) {
    for (let x = Math.max(0, -dx); x < Math.min(gridWidth, gridWidth - dx); x++) {
      const i = 3 * (y * gridWidth + x);
      const j = 3 * ((y + dy) * gridWidth + x + dx);
      sum += Math.abs(a[i]! - b[j]!) + Math.abs(a[i + 1]! - b[j + 1]!) + Math.abs(a[i + 2]! - b[j + 2]!);
      count += 3;
    }
  }
  return sum / count / 255;
}

/**
 * How well a frame is a mix of two others, and of which: least squares of `frame = a * before + b * after` with a and b in [0, 1]. Frames within a dissolve are, and
 * within a fade through black, where a + b < 1. What is not there is black.
 * @returns what is left of the difference from the nearer of the two, in [0, 1]: 0 for a perfect mix, 1 where mixing explains nothing.
 */
export function mixOf(
  before: FrameSignature | undefined,
  frame: FrameSignature,
  after: FrameSignature | undefined,
): { readonly ofBefore: number; readonly ofAfter: number; readonly rest: number } {
  const f = frame.grid;
  const black = new Float32Array(f.length);
  const [p, q] = [before?.grid ?? black, after?.grid ?? black];
  let [pp, qq, pq, fp, fq, ff, toP, toQ] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < f.length; i++) {
    const [x, y, z] = [p[i]!, f[i]!, q[i]!];
    pp += x * x;
    qq += z * z;
    pq += x * z;
    fp += x * y;
    fq += z * y;
    ff += y * y;
    toP += (y - x) ** 2;
    toQ += (y - z) ** 2;
  }
  const determinant = pp * qq - pq * pq;
  let [a, b] =
    determinant > 1e-6 * pp * qq ? [(fp * qq - fq * pq) / determinant, (fq * pp - fp * pq) / determinant] : [-1, -1];
  if (!(a >= 0 && b >= 0 && a + b <= 1.05)) {
    // At an edge: a share of one of them alone.
    const [onlyP, onlyQ] = [clampShare(fp / pp), clampShare(fq / qq)];
    const restP = ff - 2 * onlyP * fp + onlyP * onlyP * pp;
    const restQ = ff - 2 * onlyQ * fq + onlyQ * onlyQ * qq;
    [a, b] = restP <= restQ ? [onlyP, 0] : [0, onlyQ];
  }
  const left = ff - 2 * (a * fp + b * fq) + a * a * pp + 2 * a * b * pq + b * b * qq;
  const nearer = Math.min(toP, toQ);
  return { ofBefore: a, ofAfter: b, rest: nearer > 0 ? Math.sqrt(Math.max(0, left) / nearer) : 1 };
}

function clampShare(share: number): number {
  return Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0;
}
