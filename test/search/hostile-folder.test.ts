/** @file A folder of everything that goes wrong: it is indexed to the end, what is good is found, what is not is listed with its reason. */
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { indexFolder, type Library, openLibrary, searchLibrary } from '../../src/apps/search/index.ts';
import { colourEncoder, colourSvg } from './colour-encoder.ts';

let root: string;
let folder: string;
let library: Library;
const encoder = colourEncoder();
const numTiny = 1500;

/** A PNG that says that it is huge, with the pixels of nothing behind it. */
function pngOf(width: number, height: number, pixels: Uint8Array): Buffer {
  const chunk = (type: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(12 + data.length);
    out.writeUInt32BE(data.length);
    body.copy(out, 4);
    out.writeUInt32BE(crc(body), 8 + data.length);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(pixels)),
    chunk('IEND', new Uint8Array()),
  ]);
}

function crc(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return (value ^ 0xffffffff) >>> 0;
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'hostile-'));
  folder = join(root, 'disk');
  await mkdir(join(folder, 'tiny'), { recursive: true });
  const write = (name: string, content: string | Uint8Array) => writeFile(join(folder, name), content);
  await write('good red.svg', colourSvg('red'));
  await write(
    "no ending, 'quotes' & 🍓",
    await sharp(Buffer.from(colourSvg('green')))
      .png()
      .toBuffer(),
  );
  await write(
    'picture.mp3',
    await sharp(Buffer.from(colourSvg('blue')))
      .jpeg()
      .toBuffer(),
  );
  await write('empty.jpg', '');
  await write('bomb.png', pngOf(60_000, 60_000, new Uint8Array(50_000_000)));
  await write(
    'cut.png',
    (
      await sharp(Buffer.from(colourSvg('red')))
        .png()
        .toBuffer()
    ).subarray(0, 60),
  );
  await write('nested.svg', `<svg xmlns="http://www.w3.org/2000/svg">${'<g>'.repeat(200_000)}</svg>`);
  await write('entities.svg', '<!DOCTYPE x [<!ENTITY a "aaaa">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>');
  await write('outside.svg', '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>');
  await write('film.mp4', Buffer.concat([Buffer.from('\0\0\0\x18ftypisom', 'latin1'), Buffer.alloc(4000, 0x41)]));
  await write('sound.flac', Buffer.concat([Buffer.from('fLaC'), Buffer.alloc(4000, 0xff)]));
  await write('paper.pdf', `%PDF-1.7\n${'x'.repeat(3000)}`);
  await write(
    'noise.bin',
    Uint8Array.from({ length: 5000 }, (_, i) => (i * 197) % 256),
  );
  await write('archive.zip', Buffer.from('PK\x03\x04 not really', 'latin1'));
  await write('program.js', 'while (true) {}');
  await write('sparse.png', Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'));
  await truncate(join(folder, 'sparse.png'), 3_000_000_000);
  await symlink(folder, join(folder, 'loop'));
  await symlink('/proc/self', join(folder, 'proc'));
  await symlink('/dev/zero', join(folder, 'zero.png'));
  await symlink(join(root, 'nowhere'), join(folder, 'dangling'));
  execFileSync('mkfifo', [join(folder, 'pipe.png')]);
  // A name that is no UTF-8, where the file system takes it.
  execFileSync('bash', ['-c', `printf x > "$1/$(printf 'bad-\\xff-name.png')" || true`, 'bash', folder]);
  let deep = folder;
  for (let i = 0; i < 60; i++) deep = join(deep, `deep ${i}`);
  await mkdir(deep, { recursive: true });
  await writeFile(join(deep, 'orange.svg'), colourSvg('orange'));
  for (let i = 0; i < numTiny; i++) await writeFile(join(folder, 'tiny', `${i}.dat`), String(i));
  await write('secret.png', 'x');
  await chmod(join(folder, 'secret.png'), 0);
  library = await openLibrary(join(root, 'library'), { create: true, encoderId: encoder.id, dim: encoder.dim });
}, 60_000);
afterAll(async () => {
  await library.close();
  await rm(root, { recursive: true, force: true });
});

test('is indexed to the end, and everything that is left out has a reason', async () => {
  const report = await indexFolder({ library, folder, encoder });
  const found = await searchLibrary({ library, encoder, query: { text: 'red' }, top: 100 });
  const paths = found.hits.map(({ path }) => path.slice(folder.length + 1)).sort();
  const bad = new Map(report.skipped.map(({ path, reason }) => [path.slice(folder.length + 1), reason]));
  expect(paths.map((path) => path.split('/').at(-1))).toEqual(
    ['good red.svg', "no ending, 'quotes' & 🍓", 'orange.svg', 'picture.mp3'].sort(
      (a, b) => paths.findIndex((path) => path.endsWith(a)) - paths.findIndex((path) => path.endsWith(b)),
    ),
  );
  expect(report.added).toBe(4);
  const named = [
    'empty.jpg',
    'bomb.png',
    'cut.png',
    'entities.svg',
    'film.mp4',
    'sound.flac',
    'paper.pdf',
    'noise.bin',
  ];
  for (const name of [
    ...named,
    'archive.zip',
    'program.js',
    'sparse.png',
    'dangling',
    'zero.png',
    'pipe.png',
    'secret.png',
  ]) {
    expect(bad.get(name), name).toMatch(/\w{3}/);
  }
  expect(bad.get('bomb.png')).toMatch(/million pixels/);
  expect(bad.get('sparse.png')).toMatch(/MB/);
  // Nothing of the machine is taken for a file of the folder.
  expect(paths.some((path) => path.includes('proc'))).toBe(false);
  expect([...bad.keys()].filter((path) => path.startsWith('tiny/'))).toHaveLength(numTiny);
  const kept = await library.refused();
  expect(kept.length).toBeGreaterThanOrEqual(numTiny);
  expect(kept.every(({ reason }) => !reason.includes(folder))).toBe(true);
}, 120_000);

test('is looked at again in no time, with the same list', async () => {
  const idle = colourEncoder();
  const report = await indexFolder({ library, folder, encoder: idle });
  expect(report).toMatchObject({ added: 0, updated: 0, unchanged: 4, removed: 0 });
  expect(idle.encodedPictures).toBe(0);
  expect(report.skipped.filter(({ path }) => path.includes('/tiny/'))).toHaveLength(numTiny);
}, 60_000);
