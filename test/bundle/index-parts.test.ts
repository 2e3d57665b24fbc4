import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Calibration,
  calibrate,
  codeSides,
  loadEncoder,
  type MultimodalManifest,
  parseManifest,
  queryKinds,
  readBundle,
  rowKinds,
  writeBundle,
  writeCodes,
} from '../../src/bundle/index.ts';
import { FormatError, Rng, Tensor } from '../../src/engine/core/index.ts';
import { writeSafetensors } from '../../src/engine/formats/index.ts';
import { writeIndex } from '../../src/learn/recipes/index-space/index-space.ts';
import { writeColourBundle } from '../e2e/colour-bundle.ts';

let directory: string;
let manifest: MultimodalManifest;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sensorium-index-'));
  manifest = await writeColourBundle(directory);
});
afterAll(() => rm(directory, { recursive: true }));

const dim = 8;
const normal = (seed: string, length: number) => new Rng(seed).fillNormal(new Float32Array(length));
const codesOf = (seed: string) => ({
  projection: normal(seed, 256 * dim),
  offsets: Object.fromEntries(codeSides.map((side) => [side, normal(`${seed} ${side}`, dim)])) as Record<
    (typeof codeSides)[number],
    Float32Array
  >,
});
const weights = { bias: -3, cosine: 2, standing: 1.5 };
const calibration = {
  version: 1,
  cutoff: 0.25,
  pairs: Object.fromEntries(
    queryKinds.map((query) => [query, Object.fromEntries(rowKinds.map((row) => [row, weights]))]),
  ),
} as Calibration;

async function write(folder: string, seed = 'codes'): Promise<MultimodalManifest> {
  const { manifest: own, files } = await readBundle(await existing(folder));
  const codes = writeCodes(codesOf(seed), dim);
  return writeIndex(folder, own as MultimodalManifest, files, { codes, calibration, provenance: manifest.provenance });
}

async function existing(folder: string): Promise<string> {
  return (await readdir(folder).catch((): string[] => [])).includes('manifest.json') ? folder : directory;
}

describe('a bundle with codes and a calibration', () => {
  it('gives both with its encoder, whose vectors and id are those from before', async () => {
    const folder = join(directory, 'whole');
    const made = await write(folder);
    expect(made.files[made.codes!]).toMatch(/^[0-9a-f]{64}$/);
    expect(made.licences[made.codes!]).toBe('Apache-2.0');
    const [before, after] = await Promise.all([loadEncoder(directory), loadEncoder(folder)]);
    try {
      expect(before.codes).toBeUndefined();
      expect(before.calibration).toBeUndefined();
      expect(after.id).toBe(before.id);
      expect(after.codes!.numBits).toBe(256);
      expect(after.codes!.projection).toEqual(codesOf('codes').projection);
      expect(after.codes!.offsets).toEqual(codesOf('codes').offsets);
      expect(after.calibration).toEqual(calibration);
    } finally {
      await Promise.all([before.close(), after.close()]);
    }
  });

  it('names other codes otherwise, and keeps one file of them', async () => {
    const folder = join(directory, 'again');
    const first = await write(folder, 'one');
    const opened = await loadEncoder(folder);
    const second = await write(folder, 'two');
    const other = await loadEncoder(folder);
    expect(other.codes!.id).not.toBe(opened.codes!.id);
    expect(other.id).toBe(opened.id);
    expect(second.codes).not.toBe(first.codes);
    expect(Object.keys(second.files).filter((name) => name.startsWith('codes'))).toEqual([second.codes]);
    await Promise.all([opened.close(), other.close()]);
  });

  it('is refused where the file of codes is not of its space, or no file of codes', async () => {
    const folder = join(directory, 'damaged');
    const made = await write(folder);
    const { files } = await readBundle(folder);
    const with_ = async (bytes: Uint8Array) => {
      await writeBundle(folder, made, new Map(files).set(made.codes!, bytes));
      return loadEncoder(folder).then((encoder) => encoder.close());
    };
    await expect(with_(Uint8Array.of(1, 2, 3))).rejects.toThrow(FormatError);
    const { projection, offsets } = codesOf('codes');
    const lacking = writeSafetensors(new Map([['projection', new Tensor('float32', [256, dim], projection)]]));
    await expect(with_(lacking)).rejects.toThrow('need offset.image float32[8], got nothing');
    const narrow = writeSafetensors(
      new Map([['projection', new Tensor('float32', [256, 4], projection.slice(0, 1024))]]),
    );
    await expect(with_(narrow)).rejects.toThrow('projection float32[256, 8], got float32[256, 4]');
    const broken = writeCodes(
      { offsets, projection: projection.map((value, i) => (i === 7 ? Number.NaN : value)) },
      dim,
    );
    await expect(with_(broken)).rejects.toThrow('projection holds what is no finite number');
    // A file changed behind the manifest's back is told by its checksum.
    await write(folder);
    const path = join(folder, made.codes!);
    const bytes = await readFile(path);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(path, bytes);
    await expect(readBundle(folder)).rejects.toThrow('checksum differs');
  });

  it('is refused where its calibration could not hold', () => {
    const parse = (changed: unknown) => () =>
      parseManifest(JSON.stringify({ ...manifest, calibration: changed }), '/some/manifest.json');
    expect(parse(calibration)).not.toThrow();
    for (const cutoff of [0, 1, -1, '0.5', null]) expect(parse({ ...calibration, cutoff })).toThrow(FormatError);
    const { audio: _, ...lacking } = calibration.pairs;
    expect(parse({ ...calibration, pairs: lacking })).toThrow('calibration.pairs');
    const falling = { ...calibration.pairs, audio: { ...calibration.pairs.audio, text: { ...weights, cosine: -1 } } };
    expect(parse({ ...calibration, pairs: falling })).toThrow('calibration.pairs.audio.text.cosine');
    expect(parse({ ...calibration, version: 2 })).toThrow(FormatError);
  });
});

describe('calibrate', () => {
  it('is a half where odds are even, and grows with cosine and standing', () => {
    const hit = { queryKind: 'text-en', rowKind: 'image' } as const;
    expect(calibrate(calibration, { ...hit, cosine: 0.75, standing: 1 })).toBe(0.5);
    expect(calibrate(calibration, { ...hit, cosine: 0.8, standing: 1 })).toBeGreaterThan(0.5);
    expect(calibrate(calibration, { ...hit, cosine: 0.75, standing: 0.9 })).toBeLessThan(0.5);
  });
});
