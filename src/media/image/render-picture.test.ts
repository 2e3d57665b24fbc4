/** @file Rendering of every format and colour space, on pictures whose pixels are known. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Tensor } from '../../engine/core/index.ts';
import { probePicture, type RGB, renderPicture } from './render-picture.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'render-picture-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const red = { r: 255, g: 0, b: 0 };
const blue = { r: 0, g: 0, b: 255 };

function svg(content: string, size = 'width="100" height="100"'): Buffer {
  return Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" ${size}>${content}</svg>`);
}

function plain(width: number, height: number, background: { r: number; g: number; b: number; alpha?: number }) {
  return sharp({ create: { width, height, channels: background.alpha === undefined ? 3 : 4, background } });
}

/** Left half red, right half blue. */
function redAndBlue(width: number, height: number) {
  const right = { create: { width: width / 2, height, channels: 3 as const, background: blue } };
  return plain(width, height, red).composite([{ input: right, left: width / 2, top: 0 }]);
}

function pixel(picture: Tensor<'uint8'>, x: number, y: number): number[] {
  const at = (y * picture.shape[1]! + x) * 3;
  return Array.from(picture.data.subarray(at, at + 3));
}

function expectNear(actual: number[], expected: RGB, tolerance = 3) {
  for (let i = 0; i < 3; i++) expect(Math.abs(actual[i]! - expected[i]!)).toBeLessThanOrEqual(tolerance);
}

describe('renderPicture', () => {
  test('gives uint8[S, S, 3] of any size asked for', async () => {
    const picture = await renderPicture(svg('<rect width="100" height="100" fill="#f00"/>'), { size: 33 });
    expect(picture.dtype).toBe('uint8');
    expect(picture.shape).toEqual([33, 33, 3]);
    expect(pixel(picture, 16, 16)).toEqual([255, 0, 0]);
  });

  test('draws a small SVG at the size asked for, with edges as sharp as a large one', async () => {
    const halves = '<path fill="#f00" d="M0 0h5v10H0z"/><path fill="#00f" d="M5 0h5v10H5z"/>';
    const picture = await renderPicture(svg(halves, 'viewBox="0 0 10 10"'), { size: 200 });
    expect(pixel(picture, 98, 100)).toEqual([255, 0, 0]);
    expect(pixel(picture, 101, 100)).toEqual([0, 0, 255]);
  });

  test('fits a wide picture whole between two bands of the background', async () => {
    const picture = await renderPicture(await redAndBlue(80, 40).png().toBuffer(), {
      size: 40,
      background: [0, 255, 0],
    });
    expect(pixel(picture, 20, 5)).toEqual([0, 255, 0]);
    expect(pixel(picture, 20, 35)).toEqual([0, 255, 0]);
    expect(pixel(picture, 2, 20)).toEqual([255, 0, 0]);
    expect(pixel(picture, 37, 20)).toEqual([0, 0, 255]);
  });

  test('lays half-transparent pixels over the background', async () => {
    const half = await plain(10, 10, { r: 0, g: 0, b: 0, alpha: 0.5 }).png().toBuffer();
    const picture = await renderPicture(half, { size: 10, background: [200, 100, 0] });
    // Alpha 0.5 is stored as 128 of 255: 200 * 127 / 255 = 99.6.
    expectNear(pixel(picture, 5, 5), [100, 50, 0], 1);
  });

  test('turns a photograph upright by its EXIF orientation', async () => {
    const lying = await redAndBlue(80, 80).jpeg({ quality: 100 }).withMetadata({ orientation: 6 }).toBuffer();
    const picture = await renderPicture(lying, { size: 40 });
    expectNear(pixel(picture, 20, 5), [255, 0, 0], 6);
    expectNear(pixel(picture, 20, 35), [0, 0, 255], 6);
  });

  test.each(['gif', 'webp'] as const)('takes the first frame of an animated %s', async (format) => {
    const frame = (value: number[]) => Array.from({ length: 16 * 16 }, () => value).flat();
    const pixels = Uint8Array.from([...frame([255, 0, 0]), ...frame([0, 0, 255])]);
    const animated = await sharp(pixels, { raw: { width: 16, height: 32, channels: 3, pageHeight: 16 } })
      [format]({ loop: 0 })
      .toBuffer();
    expect((await sharp(animated).metadata()).pages).toBe(2);
    expectNear(pixel(await renderPicture(animated, { size: 16 }), 8, 8), [255, 0, 0], 8);
  });

  test.each([
    ['grey', () => plain(8, 8, { r: 128, g: 128, b: 128 }).toColourspace('b-w').png(), [128, 128, 128]],
    ['16-bit', () => plain(8, 8, { r: 255, g: 128, b: 0 }).toColourspace('rgb16').png(), [255, 128, 0]],
    ['16-bit grey', () => plain(8, 8, { r: 128, g: 128, b: 128 }).toColourspace('grey16').png(), [128, 128, 128]],
    ['palette', () => plain(8, 8, { r: 255, g: 128, b: 0 }).png({ palette: true }), [255, 128, 0]],
    ['CMYK', () => plain(8, 8, { r: 255, g: 255, b: 255 }).toColourspace('cmyk').jpeg(), [255, 255, 255]],
  ] as const)('shows a %s picture in sRGB', async (_, make, expected) => {
    const picture = await renderPicture(await make().toBuffer(), { size: 8 });
    expect(picture.shape).toEqual([8, 8, 3]);
    expectNear(pixel(picture, 4, 4), expected);
  });

  test('recolours icons drawn in currentColor and icons without any paint, and no others', async () => {
    const options = { size: 24, foreground: [0, 0, 255] as const };
    const stroked = svg(
      '<path d="M0 12h24" stroke="currentColor" stroke-width="8"/>',
      'viewBox="0 0 24 24" fill="none"',
    );
    const unpainted = svg('<path d="M4 4h16v16H4z"/>', 'viewBox="0 0 24 24"');
    const painted = svg('<path fill="#f00" d="M4 4h16v16H4z"/>', 'viewBox="0 0 24 24"');
    expect(pixel(await renderPicture(stroked, options), 12, 12)).toEqual([0, 0, 255]);
    expect(pixel(await renderPicture(stroked, options), 12, 2)).toEqual([255, 255, 255]);
    expect(pixel(await renderPicture(unpainted, options), 12, 12)).toEqual([0, 0, 255]);
    expect(pixel(await renderPicture(painted, options), 12, 12)).toEqual([255, 0, 0]);
  });

  test('pads, mirrors and turns', async () => {
    const halves = await redAndBlue(40, 40).png().toBuffer();
    const padded = await renderPicture(halves, { size: 40, padding: 0.5 });
    expect(pixel(padded, 8, 20)).toEqual([255, 255, 255]);
    expect(pixel(padded, 12, 20)).toEqual([255, 0, 0]);
    expect(pixel(await renderPicture(halves, { size: 40, flip: true }), 2, 20)).toEqual([0, 0, 255]);
    const turned = await renderPicture(halves, { size: 40, rotateDegrees: 90 });
    expect(pixel(turned, 20, 2)).toEqual([255, 0, 0]);
    expect(pixel(turned, 20, 37)).toEqual([0, 0, 255]);
  });

  test('keeps the scale when it turns, and fills the corners with the background', async () => {
    const bar = svg('<rect x="0" y="40" width="100" height="20" fill="#f00"/>');
    const picture = await renderPicture(bar, { size: 100, rotateDegrees: 45, background: [0, 255, 0] });
    expect(picture.shape).toEqual([100, 100, 3]);
    expectNear(pixel(picture, 50, 50), [255, 0, 0]);
    expectNear(pixel(picture, 20, 20), [255, 0, 0]);
    expect(pixel(picture, 20, 80)).toEqual([0, 255, 0]);
  });

  test('turns hues, keeps greys, and comes back after 360 degrees', async () => {
    const both = svg('<rect width="50" height="100" fill="#c00"/><rect x="50" width="50" height="100" fill="#888"/>');
    const turned = await renderPicture(both, { size: 100, hueDegrees: 120, background: [10, 20, 30] });
    const [r, g, b] = pixel(turned, 25, 50) as [number, number, number];
    expect(g).toBeGreaterThan(r);
    expect(g).toBeGreaterThan(b);
    expectNear(pixel(turned, 75, 50), [0x88, 0x88, 0x88], 1);
    const whole = await renderPicture(both, { size: 100, hueDegrees: 360 });
    expectNear(pixel(whole, 25, 50), [0xcc, 0, 0], 1);
  });

  test('takes the colour out of the picture and not out of the background', async () => {
    const picture = await renderPicture(svg('<circle cx="50" cy="50" r="20" fill="#0f0"/>'), {
      size: 100,
      grayscale: true,
      background: [0, 0, 90],
    });
    expect(pixel(picture, 50, 50)).toEqual([150, 150, 150]);
    expect(pixel(picture, 5, 5)).toEqual([0, 0, 90]);
  });

  test.each([
    [{ size: 0 }],
    [{ size: 1.5 }],
    [{ size: 5000 }],
    [{ size: 8, padding: 1 }],
    [{ size: 8, padding: Number.NaN }],
    [{ size: 8, rotateDegrees: Number.POSITIVE_INFINITY }],
    [{ size: 8, timeoutMs: 0 }],
  ])('refuses %j', async (options) => {
    await expect(renderPicture(svg(''), options)).rejects.toThrow(RangeError);
  });
});

describe('probePicture', () => {
  test('tells the format by content, whatever the name says', async () => {
    const path = join(folder, 'really-a-webp.png');
    await writeFile(path, await plain(30, 20, red).webp().toBuffer());
    expect(await probePicture(path)).toEqual({ format: 'webp', width: 30, height: 20 });
    expect((await renderPicture(path, { size: 8 })).shape).toEqual([8, 8, 3]);
  });

  test('gives the size as shown', async () => {
    const lying = await plain(30, 20, red).jpeg().withMetadata({ orientation: 6 }).toBuffer();
    expect(await probePicture(lying)).toEqual({ format: 'jpeg', width: 20, height: 30 });
  });

  test('finds an SVG behind a declaration, comments and a document type', async () => {
    const prolog = '\uFEFF<?xml version="1.0"?>\n<!-- a <svg> comment -->\n<!DOCTYPE svg [<!ENTITY ns "http://x">]>\n';
    const bytes = Buffer.concat([Buffer.from(prolog), svg('', 'width="7" height="9"')]);
    expect(await probePicture(bytes)).toEqual({ format: 'svg', width: 7, height: 9 });
  });
});
