/** @file Pictures made to harm, and damaged ones: each is refused with a MediaError that names the file and the rule. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MediaError, Rng } from '../../engine/core/index.ts';
import { probePicture, renderPicture } from './render-picture.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hostile-pictures-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function svg(content: string, size = 'width="100" height="100"', prolog = ''): Buffer {
  return Buffer.from(`${prolog}<svg xmlns="http://www.w3.org/2000/svg" ${size}>${content}</svg>`);
}

/** A grey PNG whose header claims a size; its pixels are all zero, so it is small. */
function emptyPng(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    checksum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, checksum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const pixels = deflateSync(Buffer.alloc((width + 1) * Math.min(height, 1000)));
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))]);
}

const laughs = [
  '<!ENTITY a "lol">',
  ...'bcdefghij'.split('').map((name, i) => `<!ENTITY ${name} "${`&${'abcdefghi'[i]};`.repeat(10)}">`),
];

/** Noise, which no format packs to nothing. */
const photo = () => {
  const rng = new Rng('hostile pictures');
  const pixels = Uint8Array.from({ length: 200 * 200 * 3 }, () => rng.integer(256));
  return sharp(pixels, { raw: { width: 200, height: 200, channels: 3 } });
};

const cases: readonly (readonly [name: string, bytes: () => Buffer | Promise<Buffer>, rule: RegExp])[] = [
  ['nothing', () => Buffer.alloc(0), /must not be empty/],
  ['a text', () => Buffer.from('Dear reader, this is no picture.'), /not a picture/],
  ['an HTML page', () => Buffer.from('<!DOCTYPE html><html><svg></svg></html>'), /not a picture/],
  ['a signature alone', () => Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), /damaged PNG/],
  [
    'half a PNG',
    async () => (await photo().png({ compressionLevel: 0 }).toBuffer()).subarray(0, 60_000),
    /damaged PNG/,
  ],
  ['half a JPEG', async () => (await photo().jpeg().toBuffer()).subarray(0, 20_000), /damaged JPEG/],
  ['half a WebP', async () => (await photo().webp({ lossless: true }).toBuffer()).subarray(0, 20_000), /damaged WebP/],
  ['half a GIF', async () => (await photo().gif().toBuffer()).subarray(0, 20_000), /damaged GIF/],
  ['half an SVG', () => svg('<rect width="100" height="100"/>').subarray(0, 90), /damaged SVG/],
  ['a bomb of 400 million pixels', () => emptyPng(20_000, 20_000), /at most 64 million pixels/],
  ['an SVG of 2.5 billion pixels', () => svg('', 'width="50000" height="50000"'), /at most 64 million pixels/],
  ['an SVG of absurd width', () => svg('', 'width="99999999" height="1"'), /at most 100000 wide and high/],
  ['an SVG of absurd viewBox', () => svg('', 'viewBox="0 0 1e12 1e12"'), /at most 100000 wide and high/],
  ['an SVG without extent', () => svg('', 'width="0" height="0"'), /damaged SVG/],
  [
    'a bomb within an SVG',
    () =>
      svg(`<image href="data:image/png;base64,${emptyPng(20_000, 20_000).toString('base64')}" width="9" height="9"/>`),
    /within an SVG must have at most 16 million pixels/,
  ],
  [
    'a billion laughs',
    () => svg('<text>&j;</text>', '', `<!DOCTYPE svg [${laughs.join('')}]>`),
    /entities of an SVG must be plain text/,
  ],
  [
    'an external entity',
    () => svg('<text>&a;</text>', '', '<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>'),
    /must not be external/,
  ],
  [
    'a parameter entity',
    () => svg('', '', '<!DOCTYPE svg [<!ENTITY % a SYSTEM "http://localhost/x">%a;]>'),
    /must not be external/,
  ],
  ['a text of megabytes', () => svg(`<text>${'a'.repeat(3_000_000)}</text>`), /at most 100000 characters of text/],
  ['elements without end', () => svg('<g/>'.repeat(400_000)), /at most 100000 elements/],
  ['a nest without end', () => svg('<g>'.repeat(50_000) + '</g>'.repeat(50_000)), /damaged SVG/],
  ['an SVG of 9 MB', () => svg(`<path d="${'M0 0'.repeat(2_250_000)}"/>`), /at most 8 MB/],
];

describe('a hostile or damaged picture is refused by name and rule', () => {
  test.each(cases)('%s', async (_, bytes, rule) => {
    const path = join(folder, 'picture.png');
    await writeFile(path, await bytes());
    const failure = await renderPicture(path, { size: 64 }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(MediaError);
    expect((failure as MediaError).message).toMatch(rule);
    expect((failure as MediaError).message.startsWith(`${path}: `)).toBe(true);
    expect((failure as MediaError).message.length).toBeLessThan(path.length + 400);
  });

  test('a file over the size limit, without reading it', async () => {
    const path = join(folder, 'large.png');
    await writeFile(path, emptyPng(8, 8));
    await truncate(path, 51_000_000);
    await expect(probePicture(path)).rejects.toThrow(/at most 50 MB, got 51\.0 MB/);
  });

  test('a folder, a missing file, and a pipe that nobody writes to', async () => {
    await expect(probePicture(folder)).rejects.toThrow(/must be a file/);
    await expect(probePicture(join(folder, 'none.png'))).rejects.toThrow(/none\.png: there is no such file/);
    const pipe = join(folder, 'pipe.png');
    execFileSync('mkfifo', [pipe]);
    await expect(probePicture(pipe)).rejects.toThrow(/must be a file/);
  });

  test('drawings that take too long, more of them than there are threads, without harm to the next', async () => {
    const spread = '<feMorphology operator="dilate" radius="400"/>'.repeat(50);
    const filter = `<filter id="f" x="-1000" y="-1000" width="20000" height="20000">${spread}</filter>`;
    const slow = svg(`${filter}<rect width="100" height="100" filter="url(#f)"/>`);
    const results = await Promise.allSettled(
      Array.from({ length: 6 }, () => renderPicture(slow, { size: 1024, timeoutMs: 1000 })),
    );
    for (const result of results) {
      expect(result).toMatchObject({ status: 'rejected', reason: { name: 'MediaError' } });
      expect(String((result as PromiseRejectedResult).reason)).toMatch(/picture: decoding must take at most 1000 ms/);
    }
    const { data } = await renderPicture(svg('<rect width="100" height="100" fill="#00f"/>'), { size: 8 });
    expect(Array.from(data.subarray(0, 3))).toEqual([0, 0, 255]);
  });
});

test('a harmless drawing that is decoded apart comes out as any other', async () => {
  const plain = '<rect x="20" width="50" height="70" fill="#c0f"/>';
  const apart = `<defs>${plain.replace('<rect', '<rect id="r"')}</defs><use href="#r"/>`;
  const options = { size: 40, rotateDegrees: 30, flip: true } as const;
  const [a, b] = [await renderPicture(svg(plain), options), await renderPicture(svg(apart), options)];
  expect(new Set(a.data).size).toBeGreaterThan(3);
  expect(b.data).toEqual(a.data);
});

describe('an SVG reaches nothing outside itself', () => {
  test.each([
    ['a picture beside it', '<image href="red.png" width="100" height="100"/>'],
    ['a picture by its address', (at: string) => `<image href="file://${at}/red.png" width="100" height="100"/>`],
    ['a part of a drawing', (at: string) => `<use href="file://${at}/red.svg#r"/>`],
    ['a drawing beside it', '<use href="red.svg#r"/>'],
    ['a style sheet', (at: string) => `<style>@import url("file://${at}/red.css");</style>`],
    ['an included text', '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="red.svg"/>'],
  ])('%s', async (_, content) => {
    const square = '<rect id="r" width="100" height="100" fill="#f00"/>';
    await sharp({ create: { width: 9, height: 9, channels: 3, background: '#f00' } }).toFile(join(folder, 'red.png'));
    await writeFile(join(folder, 'red.svg'), svg(square));
    await writeFile(join(folder, 'red.css'), 'svg{background:#f00} rect{fill:#f00}');
    const path = join(folder, 'reaching.svg');
    const around = '<rect width="100" height="100" fill="#00f"/>';
    await writeFile(path, svg(around + (typeof content === 'string' ? content : content(folder))));
    const { data } = await renderPicture(path, { size: 8 });
    expect(Array.from(data.subarray(96, 99))).toEqual([0, 0, 255]);
  });
});
