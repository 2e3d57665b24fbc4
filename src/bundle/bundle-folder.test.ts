import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FormatError, MissingDataError } from '../engine/core/index.ts';
import { loadEncoder, parseManifest, readBundle, type TextImageManifest, writeBundle } from './index.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sensorium-bundle-'));
});
afterEach(() => rm(directory, { recursive: true }));

const description: Omit<TextImageManifest, 'files'> = {
  format: 'sensorium-bundle',
  version: 1,
  kind: 'text-image',
  name: 'test-bundle',
  licence: 'Apache-2.0',
  languages: ['en'],
  space: { dim: 8 },
  picture: { tower: 'mobilenet-v2', size: 96, padding: 0, outputs: ['pooled'], head: 'picture-head.onnx' },
  text: { tower: 'sentence-encoder', output: 'embedding', head: 'text-head.onnx' },
  logitScale: 20,
  provenance: {
    recipe: 'none',
    createdAt: '2026-01-01T00:00:00.000Z',
    commit: null,
    seed: 1,
    steps: 0,
    seconds: 0,
    settings: { depth: [1, 2] },
    data: [{ package: 'some-data', version: '1.0.0', licence: 'MIT', use: 'names' }],
    metrics: { loss: 0.5 },
  },
};
const contents = new Map([
  ['picture-head.onnx', Uint8Array.of(1, 2, 3)],
  ['text-head.onnx', new Uint8Array(0)],
]);
/** SHA-256 of nothing. */
const emptyChecksum = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** The text of a manifest with the values at some dotted paths replaced; undefined takes the key away. */
function manifestWith(changes: Record<string, unknown> = {}): string {
  const manifest = structuredClone({ ...description, files: { 'text-head.onnx': emptyChecksum } }) as object;
  for (const [path, value] of Object.entries(changes)) {
    const keys = path.split('/');
    const last = keys.pop()!;
    const parent = keys.reduce<Record<string, unknown>>(
      (at, key) => at[key] as Record<string, unknown>,
      manifest as Record<string, unknown>,
    );
    parent[last] = value;
  }
  return JSON.stringify(manifest);
}

describe('parseManifest', () => {
  const parse = (changes: Record<string, unknown>) => () => parseManifest(manifestWith(changes), '/some/manifest.json');

  it('takes a whole manifest', () => {
    expect(parseManifest(manifestWith(), 'm')).toEqual({ ...description, files: { 'text-head.onnx': emptyChecksum } });
  });

  it('refuses file names that leave the bundle', () => {
    for (const name of [
      '../evil',
      '..',
      '.',
      '/etc/passwd',
      'folder/file',
      'C:\\file',
      '..\\evil',
      '.hidden',
      '',
      'a\n',
    ]) {
      expect(parse({ files: { [name]: emptyChecksum } }), JSON.stringify(name)).toThrow(FormatError);
      expect(parse({ 'picture/head': name }), JSON.stringify(name)).toThrow(FormatError);
      expect(parse({ 'text/head': name }), JSON.stringify(name)).toThrow('/some/manifest.json: text.head: ');
    }
  });

  it('refuses to list itself, for no manifest can hold its own checksum', () => {
    expect(parse({ files: { 'manifest.json': emptyChecksum } })).toThrow(FormatError);
  });

  it('refuses what it does not know, naming where', () => {
    const refused: Record<string, unknown> = {
      format: 'other-bundle',
      version: 2,
      kind: 'audio',
      name: 'Not/A/Name',
      'picture/tower': 'resnet',
      'text/tower': 'bert',
      'text/output': 'tokens',
      'space/dim': 0,
      'picture/size': 1e6,
      logitScale: '20',
      'files/text-head.onnx': 'abc',
      'provenance/createdAt': 'yesterday',
      languages: undefined,
    };
    for (const [path, value] of Object.entries(refused)) {
      expect(parse({ [path]: value }), path).toThrow(FormatError);
      expect(parse({ [path]: value }), path).toThrow(`/some/manifest.json: ${path.replace('/', '.')}`);
    }
  });

  it('refuses text that is not JSON, and JSON that is not an object', () => {
    for (const text of ['', '{', 'manifest', manifestWith().slice(0, -1)]) {
      expect(() => parseManifest(text, '/some/manifest.json')).toThrow(FormatError);
      expect(() => parseManifest(text, '/some/manifest.json')).toThrow('/some/manifest.json: not JSON');
    }
    for (const text of ['null', '[]', '7', '"text"']) expect(() => parseManifest(text, 'm')).toThrow(FormatError);
  });
});

describe('a bundle on disk', () => {
  it('is read as it was written', async () => {
    const folder = join(directory, 'new', 'folder');
    const manifest = await writeBundle(folder, description, contents);
    expect(manifest).toMatchObject(description);
    expect(manifest.files['text-head.onnx']).toBe(emptyChecksum);
    const read = await readBundle(folder);
    expect(read.manifest).toEqual(manifest);
    expect(read.directory).toBe(folder);
    expect([...read.files].map(([name, bytes]) => [name, [...bytes]])).toEqual([
      ['picture-head.onnx', [1, 2, 3]],
      ['text-head.onnx', []],
    ]);
    expect((await readdir(folder)).sort()).toEqual(['manifest.json', 'picture-head.onnx', 'text-head.onnx']);
  });

  it('replaces the bundle before it', async () => {
    await writeBundle(directory, description, contents);
    await writeBundle(directory, { ...description, name: 'second' }, new Map([['text-head.onnx', Uint8Array.of(9)]]));
    const { manifest, files } = await readBundle(directory);
    expect(manifest.name).toBe('second');
    expect([...files.keys()]).toEqual(['text-head.onnx']);
  });

  it('is not written at all where its description or a file name is wrong', async () => {
    const evil = new Map([['../evil.onnx', Uint8Array.of(1)]]);
    await expect(writeBundle(join(directory, 'a'), description, evil)).rejects.toThrow(FormatError);
    const nameless = { ...description, name: '' };
    await expect(writeBundle(join(directory, 'b'), nameless, contents)).rejects.toThrow(FormatError);
    expect(await readdir(directory)).toEqual([]);
  });

  it('says that a folder without a manifest is no bundle', async () => {
    await expect(readBundle(directory)).rejects.toThrow(MissingDataError);
    await expect(readBundle(join(directory, 'nowhere'))).rejects.toThrow('is no bundle');
    await expect(loadEncoder(directory)).rejects.toThrow(MissingDataError);
  });

  it('names a file whose content is not what the manifest says', async () => {
    await writeBundle(directory, description, contents);
    for (const bytes of [Uint8Array.of(1, 2, 4), Uint8Array.of(1, 2), Uint8Array.of(1, 2, 3, 0)]) {
      await writeFile(join(directory, 'picture-head.onnx'), bytes);
      await expect(readBundle(directory)).rejects.toThrow(FormatError);
      await expect(readBundle(directory)).rejects.toThrow(
        'picture-head.onnx: not the file that the manifest describes',
      );
    }
  });

  it('names a file that is listed but not there', async () => {
    await writeBundle(directory, description, contents);
    await rm(join(directory, 'text-head.onnx'));
    await expect(readBundle(directory)).rejects.toThrow(FormatError);
    await expect(readBundle(directory)).rejects.toThrow('lists text-head.onnx, which cannot be read (ENOENT)');
  });

  it('does not take a half-written manifest for a bundle', async () => {
    await writeBundle(directory, description, contents);
    const text = await readFile(join(directory, 'manifest.json'), 'utf8');
    await writeFile(join(directory, 'manifest.json'), text.slice(0, text.length / 2));
    await expect(readBundle(directory)).rejects.toThrow('manifest.json: not JSON');
  });
});

describe('loadEncoder', () => {
  it('refuses a head that the manifest names but does not list, and outputs that no tower has', async () => {
    await writeBundle(directory, description, new Map([['text-head.onnx', Uint8Array.of(1)]]));
    await expect(loadEncoder(directory)).rejects.toThrow(FormatError);
    await expect(loadEncoder(directory)).rejects.toThrow('names picture-head.onnx but does not list it');
    const unknown = { ...description, picture: { ...description.picture, outputs: ['block99'] } };
    await writeBundle(directory, unknown, contents);
    await expect(loadEncoder(directory)).rejects.toThrow('"block99" is not one of');
  });
});
