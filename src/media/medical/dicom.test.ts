/** @file DICOM slices: every uncompressed form read back, windows, the order of a series, hostile files. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import dicomParser from 'dicom-parser';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MediaError, Rng, Tensor } from '../../engine/core/index.ts';
import { readDicom } from './dicom.ts';
import { readDicomSeries } from './dicom-series.ts';
import { hounsfieldWindow, hounsfieldWindows } from './hounsfield-window.ts';
import { type WriteDicomOptions, writeDicom } from './write-dicom.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dicom-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const slice = (values: readonly number[], width = values.length) =>
  new Tensor('float32', [values.length / width, width], Float32Array.from(values));
const units = [-1024, -600, 0, 40, 80, 400, 1000, 3000, -1, 1, 2, 3];

/** Replaces the first occurrence of some bytes, which must be there. */
function replaced(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const changed = Buffer.from(bytes);
  const at = changed.indexOf(from, 0, 'latin1');
  expect(at).toBeGreaterThan(0);
  changed.write(to, at, 'latin1');
  return changed;
}

/** Sets the number in an element of explicit little endian, `US`. */
function withNumber(bytes: Uint8Array, element: readonly [number, number, number, number], value: number): Uint8Array {
  const changed = Buffer.from(bytes);
  const at = changed.indexOf(Buffer.from([...element, 0x55, 0x53, 2, 0]));
  expect(at).toBeGreaterThan(0);
  changed.writeUInt16LE(value, at + 8);
  return changed;
}

describe('readDicom gives back what writeDicom wrote', () => {
  const syntaxes = ['implicit little endian', 'explicit little endian', 'explicit big endian'] as const;
  const forms: readonly (readonly [name: string, options: WriteDicomOptions, step: number])[] = [
    ['16 bits with a sign', {}, 0],
    ['12 of 16 bits without a sign', { isSigned: false, bitsStored: 12, intercept: -1024 }, 0],
    ['13 of 16 bits with a sign', { bitsStored: 13 }, 0],
    ['a slope', { slope: 0.5 }, 0],
    ['8 bits', { bits: 8, slope: 16, intercept: -1024 }, 8],
    ['8 bits with a sign', { bits: 8, isSigned: true, slope: 24 }, 12],
  ];
  test.each(syntaxes.flatMap((syntax) => forms.map((form) => [syntax, ...form] as const)))(
    '%s, %s',
    async (transferSyntax, _, options, step) => {
      const written = writeDicom(slice(units, 4), { transferSyntax, ...options });
      const { pixels } = await readDicom(written);
      expect(pixels.shape).toEqual([3, 4]);
      pixels.data.forEach((value, i) => {
        // Signed 8 bits of 24 units each end at 127 * 24.
        expect(Math.abs(value - Math.min(units[i]!, options.isSigned ? 3048 : 4000))).toBeLessThanOrEqual(step);
      });
    },
  );

  test('with what lies beside the pixels', async () => {
    const path = join(folder, 'slice.dcm');
    const facts = { sliceThicknessMm: 2.5, positionMm: [-120.25, 3.5, 1234.0625], instanceNumber: 7 } as const;
    const windows = [{ center: 40, width: 400 }, hounsfieldWindows.lung];
    const patient = { name: 'Doe^Jane', id: '42' };
    await writeFile(
      path,
      writeDicom(slice([0]), { ...facts, spacingMm: [0.7, 0.8], windows, patient, seriesName: 'a', modality: 'MR' }),
    );
    const read = await readDicom(path);
    expect(read).toMatchObject({ ...facts, spacingMm: [0.7, 0.8], windows, modality: 'MR', frame: 0, numFrames: 1 });
    expect(read.photometricInterpretation).toBe('MONOCHROME2');
    expect(read.seriesUid).toMatch(/^2\.25\.\d{10,39}$/);
    expect(JSON.stringify(read)).not.toContain('Doe');
    expect((await readDicom(path, { keepPatient: true })).patient).toEqual(patient);
  });

  test('values beyond the stored bits are cut off at their ends', async () => {
    const { pixels } = await readDicom(writeDicom(slice([-1e6, 1e6]), { bitsStored: 12 }));
    expect(Array.from(pixels.data)).toEqual([-2048, 2047]);
  });
});

test('what is written follows the standard: tags in order, even lengths, the group length of the header', () => {
  const bytes = writeDicom(slice(units, 4), { windows: [{ center: 1, width: 2 }], patient: { name: 'A', id: 'B' } });
  const data = dicomParser.parseDicom(bytes);
  const elements = Object.values(data.elements).sort((a, b) => a.dataOffset - b.dataOffset);
  expect(elements.length).toBeGreaterThan(25);
  const tags = elements.map(({ tag }) => tag);
  expect(tags).toEqual([...tags].sort());
  for (const { tag, length } of elements) expect(length % 2, tag).toBe(0);
  const afterHeader = data.elements.x00080005!.dataOffset - 8;
  // The group length counts from behind its own element, which is 12 bytes long, at 132.
  expect(data.uint32('x00020000')).toBe(afterHeader - 144);
  for (const { tag, vr } of elements) {
    if (vr === 'DS') for (const part of data.string(tag)!.split('\\')) expect(part.length).toBeLessThanOrEqual(16);
    if (vr === 'UI') expect(data.string(tag)!.length).toBeLessThanOrEqual(64);
  }
});

describe('hounsfieldWindow', () => {
  test('maps the window onto 0 to 255', () => {
    const shades = hounsfieldWindow(
      { pixels: slice([-1000, -160, -60, 40, 140, 240, 1000]) },
      hounsfieldWindows.softTissue,
    );
    expect(Array.from(shades.data)).toEqual([0, 0, 64, 128, 191, 255, 255]);
    expect(shades.shape).toEqual([1, 7]);
  });

  test('turns round a slice whose lowest value is white', async () => {
    const written = writeDicom(slice([-160, 240]), { photometricInterpretation: 'MONOCHROME1' });
    expect(Array.from(hounsfieldWindow(await readDicom(written), { center: 40, width: 400 }).data)).toEqual([255, 0]);
  });

  test('refuses a window without width', () => {
    expect(() => hounsfieldWindow({ pixels: slice([0]) }, { center: 0, width: 0 })).toThrow(RangeError);
  });
});

describe('readDicomSeries', () => {
  const at = (z: number, extra: WriteDicomOptions = {}) =>
    writeDicom(slice([z]), { positionMm: [0, 0, z], instanceNumber: 100 - z, ...extra });

  test('orders slices by their place, not by their number', async () => {
    const slices = await readDicomSeries([at(30), at(10), at(20)]);
    expect(slices.map(({ pixels }) => pixels.data[0])).toEqual([10, 20, 30]);
  });

  test('orders slices of another plane along its normal', async () => {
    // Rows run along y and columns along -z: the normal is -x.
    const orientation = [0, 1, 0, 0, 0, -1];
    const sagittal = (x: number) => writeDicom(slice([x]), { positionMm: [x, 0, 0], orientation });
    const slices = await readDicomSeries([sagittal(1), sagittal(3), sagittal(2)]);
    expect(slices.map(({ pixels }) => pixels.data[0])).toEqual([3, 2, 1]);
  });

  test('refuses slices of two series', async () => {
    await expect(readDicomSeries([at(1), at(2, { seriesName: 'other' })])).rejects.toThrow(/must be of series/);
  });
});

describe('a hostile or damaged DICOM is refused by name and rule', () => {
  const good = writeDicom(slice(units, 4));
  const jpeg = replaced(good, '1.2.840.10008.1.2.1\0', '1.2.840.10008.1.2.5\0');
  const cases: readonly (readonly [name: string, bytes: Uint8Array, rule: RegExp])[] = [
    ['nothing', new Uint8Array(0), /must not be empty/],
    ['a text', Buffer.from('x'.repeat(500)), /not a DICOM file; it must have DICM at byte 128/],
    ['a preamble alone', good.subarray(0, 132), /damaged DICOM|compressed/],
    ['a compressed one', jpeg, /must not be compressed, got transfer syntax 1\.2\.840\.10008\.1\.2\.5/],
    ['a colour one', replaced(good, 'MONOCHROME2', 'RGB        '), /must be MONOCHROME1 or MONOCHROME2, got RGB/],
    [
      'one that claims 65535 rows',
      withNumber(good, [0x28, 0, 0x10, 0], 65_535),
      /promises 524280 bytes of pixels, 24 are/,
    ],
    ['one without rows', withNumber(good, [0x28, 0, 0x10, 0], 0), /must have pixels, got none/],
    ['one of 32 bits', withNumber(good, [0x28, 0, 0, 1], 32), /8 or 16 bits a pixel, got 32/],
    ['bits that do not fit', withNumber(good, [0x28, 0, 1, 1], 17), /17 bits up to bit 15 do not fit into 16/],
    ['three samples a pixel', withNumber(good, [0x28, 0, 2, 0], 3), /1 sample a pixel, got 3/],
    [
      'a slope that is no number',
      replaced(good, '\x53\x10DS\x02\x001 ', '\x53\x10DS\x02\x00x '),
      /x00281053 must hold numbers/,
    ],
  ];
  test.each(cases)('%s', async (_, bytes, rule) => {
    const path = join(folder, 'hostile.dcm');
    await writeFile(path, bytes);
    const failure: unknown = await readDicom(path).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MediaError);
    expect((failure as MediaError).message).toMatch(rule);
    expect((failure as MediaError).message.startsWith(`${path}: `)).toBe(true);
  });

  test('cut at every eighth, and at every byte of its end', async () => {
    const cuts = [1, 2, 3, 4, 5, 6, 7].map((eighth) => Math.floor((good.length * eighth) / 8));
    for (let cut = good.length - 40; cut < good.length; cut++) cuts.push(cut);
    for (const cut of cuts) await expect(readDicom(good.subarray(0, cut)), `${cut}`).rejects.toThrow(MediaError);
  });

  test('with bytes changed at random it is read or refused', async () => {
    const rng = new Rng('hostile dicom');
    let numRefused = 0;
    for (let attempt = 0; attempt < 500; attempt++) {
      const changed = Uint8Array.from(good);
      for (let i = 0; i < 4; i++) changed[132 + rng.integer(changed.length - 132)] = rng.integer(256);
      const failure: unknown = await readDicom(changed).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failure === undefined) continue;
      expect(failure).toBeInstanceOf(MediaError);
      numRefused++;
    }
    expect(numRefused).toBeGreaterThan(50);
  });

  test('sequences within sequences without end', async () => {
    const depth = 40_000;
    const item = Buffer.from([
      0x08,
      0,
      0x40,
      0x11,
      ...Buffer.from('SQ'),
      0,
      0,
      0xff,
      0xff,
      0xff,
      0xff,
      0xfe,
      0xff,
      0,
      0xe0,
      0xff,
      0xff,
      0xff,
      0xff,
    ]);
    const header = Buffer.from(good.subarray(0, 132 + 12 + Buffer.from(good).readUInt32LE(140)));
    const nest = Buffer.concat([header, ...Array.from({ length: depth }, () => item)]);
    await expect(readDicom(nest)).rejects.toThrow(MediaError);
  });

  test('a folder, a missing file, and a pipe that nobody writes to; a frame that is not there', async () => {
    await expect(readDicom(folder)).rejects.toThrow(/must be a file/);
    await expect(readDicom(join(folder, 'none.dcm'))).rejects.toThrow(/there is no such file/);
    const pipe = join(folder, 'pipe.dcm');
    execFileSync('mkfifo', [pipe]);
    await expect(readDicom(pipe)).rejects.toThrow(/must be a file/);
    await expect(readDicom(good, { frame: 1 })).rejects.toThrow(/frame must be from 0 to 0, got 1/);
  });
});
