import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Encoder,
  loadEncoder,
  type MultimodalManifest,
  parseManifest,
  readBundle,
  writeBundle,
} from '../../src/bundle/index.ts';
import { FormatError, MissingDataError, ShapeError, Tensor } from '../../src/engine/core/index.ts';
import { writeColourBundle } from '../e2e/colour-bundle.ts';

let directory: string;
let manifest: MultimodalManifest;
let encoder: Encoder;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sensorium-multimodal-'));
  manifest = await writeColourBundle(directory);
  encoder = await loadEncoder(directory, { numThreads: 1 });
});
afterAll(async () => {
  await encoder.close();
  await rm(directory, { recursive: true });
});

const size = 16;
const plain = (rgb: readonly number[]) =>
  new Tensor(
    'uint8',
    [size, size, 3],
    Uint8Array.from({ length: size * size * 3 }, (_, i) => rgb[i % 3]!),
  );
const clip = (...colours: readonly number[][]) =>
  new Tensor('uint8', [4, size, size, 3], Uint8Array.from(colours.flatMap((colour) => [...plain(colour).data])));
const tone = (hz: number, seconds: number) =>
  Float32Array.from({ length: 16000 * seconds }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hz * i) / 16000));
const rows = ({ data, shape }: Tensor<'float32'>) =>
  Array.from({ length: shape[0]! }, (_, i) => [...data.subarray(i * shape[1]!, (i + 1) * shape[1]!)]);
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const red = [255, 0, 0];
const blue = [0, 0, 255];

/** The manifest as text, with the value at a path of keys replaced. */
function manifestWith(path: readonly string[], value: unknown): string {
  const copy = structuredClone(manifest) as unknown as Record<string, unknown>;
  const parent = path.slice(0, -1).reduce((at, key) => at[key] as Record<string, unknown>, copy);
  parent[path.at(-1)!] = value;
  return JSON.stringify(copy);
}

describe('an encoder of four modalities', () => {
  it('says what it takes in', () => {
    expect(encoder.modalities).toEqual(['text', 'image', 'audio', 'video']);
    expect(encoder.languages).toEqual(['en', 'zh']);
    expect(encoder.pictureView).toEqual({ size, padding: 0 });
    expect(encoder.audioView).toEqual({ sampleRateHz: 16000, maxSeconds: 3 });
    expect(encoder.videoView).toEqual({ numFrames: 4, size, padding: 0 });
  });

  it('puts texts in two languages, pictures, sounds and moving pictures where they belong', async () => {
    const texts = rows(await encoder.encodeTexts(['red', '蓝', 'low', 'high', 'brightening red', 'red 变暗']));
    const pictures = rows(await encoder.encodePictures([plain(red), plain(blue)]));
    const sounds = rows(await encoder.encodeAudio([tone(200, 0.5), tone(6000, 0.7)]));
    const [black, dim, lit] = [[0, 0, 0], [80, 0, 0], red];
    const moving = rows(await encoder.encodeVideos([clip(black, dim, dim, lit), clip(lit, dim, dim, black)]));
    for (const row of [...texts, ...pictures, ...sounds, ...moving]) expect(dot(row, row)).toBeCloseTo(1, 5);
    expect(dot(texts[0]!, pictures[0]!)).toBeCloseTo(1, 5);
    expect(dot(texts[1]!, pictures[1]!)).toBeCloseTo(1, 5);
    expect(dot(texts[2]!, sounds[0]!)).toBeGreaterThan(0.95);
    expect(dot(texts[3]!, sounds[1]!)).toBeGreaterThan(0.95);
    expect(dot(texts[4]!, moving[0]!)).toBeGreaterThan(dot(texts[4]!, moving[1]!));
    expect(dot(texts[5]!, moving[1]!)).toBeGreaterThan(dot(texts[5]!, moving[0]!));
  });

  it('hears a long clip in pieces, and no more of it than it says', async () => {
    const joined = (...parts: Float32Array[]) => Float32Array.from(parts.flatMap((part) => [...part]));
    const [low, high] = [tone(200, 1.5), tone(6000, 1.5)];
    const [both, cut, alone] = rows(
      await encoder.encodeAudio([joined(low, high), joined(low, low, high, high), tone(200, 3)]),
    );
    // Half of the first clip is low and half is high; of the second only the first 3 s are heard.
    expect(both![3]! / both![5]!).toBeCloseTo(1, 1);
    expect(dot(cut!, alone!)).toBeCloseTo(1, 5);
  });

  it('gives a vector for a clip of any length, and for a text without a known word', async () => {
    const vectors = [
      ...rows(await encoder.encodeAudio([new Float32Array(0), Float32Array.of(0.1)])),
      ...rows(await encoder.encodeTexts(['', '\u0000', '🍕'])),
    ];
    for (const row of vectors) expect(dot(row, row)).toBeCloseTo(1, 5);
  });

  it('gives the same alone, in a batch, and at the same time', async () => {
    const texts = Array.from(
      { length: 70 },
      (_, i) => `${['red', 'green 低', 'high blue thing'][i % 3]} ${'x'.repeat(i % 7)}`,
    );
    const pictures = [plain(red), plain(blue), plain([9, 99, 200])];
    const clips = [tone(300, 0.3), tone(300, 2.2), tone(2000, 1)];
    const [together, seen, heard] = await Promise.all([
      encoder.encodeTexts(texts),
      encoder.encodePictures(pictures),
      encoder.encodeAudio(clips),
    ]);
    for (const [i, text] of texts.entries()) {
      const [own] = rows(await encoder.encodeTexts([text]));
      own!.forEach((value, d) => {
        expect(value).toBeCloseTo(rows(together)[i]![d]!, 5);
      });
    }
    expect(rows(await encoder.encodePictures([pictures[2]!]))[0]).toEqual(rows(seen)[2]);
    expect(dot(rows(await encoder.encodeAudio([clips[1]!]))[0]!, rows(heard)[1]!)).toBeCloseTo(1, 5);
  });

  it('takes nothing and gives nothing', async () => {
    for (const vectors of [
      await encoder.encodeAudio([]),
      await encoder.encodeVideos([]),
      await encoder.encodeTexts([]),
    ]) {
      expect(vectors.shape).toEqual([0, 8]);
    }
  });

  it('refuses a clip of another shape', async () => {
    const short = new Tensor('uint8', [3, size, size, 3], new Uint8Array(3 * size * size * 3));
    await expect(encoder.encodeVideos([short])).rejects.toThrow(ShapeError);
    await expect(encoder.encodeVideos([short])).rejects.toThrow('clip 0 must be [4,16,16,3], got [3,16,16,3]');
  });

  it('opens only what is used, and tells then if it is damaged', async () => {
    const folder = join(directory, 'damaged');
    const { files } = await readBundle(directory);
    const broken = new Map(files).set('video-tower.onnx', Uint8Array.of(1, 2, 3));
    await writeBundle(folder, manifest, broken);
    const opened = await loadEncoder(folder, { numThreads: 1 });
    expect((await opened.encodeTexts(['red'])).shape).toEqual([1, 8]);
    await expect(opened.encodeVideos([clip(red, red, red, red)])).rejects.toThrow(FormatError);
    await opened.close();
    await expect(loadEncoder(folder, { prepare: ['video'] })).rejects.toThrow(FormatError);
  });

  it('refuses towers and heads that take something else', async () => {
    const folder = join(directory, 'swapped');
    const { files } = await readBundle(directory);
    const swaps = [
      ['audio-tower.onnx', 'video-tower.onnx', 'an audio tower takes logMel'],
      ['video-tower.onnx', 'audio-tower.onnx', 'a video tower takes pictureFeatures'],
      ['student.onnx', 'audio-tower.onnx', 'a text tower takes ids'],
      ['audio-head.onnx', 'picture-head.onnx', 'the head takes "colour", but there is only features'],
      ['tokenizer.json', 'student.onnx', 'its tokenizer cannot be read'],
    ] as const;
    for (const [name, other, message] of swaps) {
      await writeBundle(folder, manifest, new Map(files).set(name, files.get(other)!));
      const error = await loadEncoder(folder, { prepare: ['text', 'audio', 'video'] }).catch(
        (reason: unknown) => reason,
      );
      expect(error, name).toBeInstanceOf(FormatError);
      expect((error as Error).message).toContain(message);
    }
  });

  it('says what a bundle without sounds and moving pictures does not take', async () => {
    const folder = join(directory, 'still');
    const { audio: _, video: __, ...still } = manifest;
    await writeBundle(folder, still, (await readBundle(directory)).files);
    const opened = await loadEncoder(folder);
    expect(opened.modalities).toEqual(['text', 'image']);
    expect(opened.audioView).toBeUndefined();
    await expect(opened.encodeAudio([tone(100, 1)])).rejects.toThrow(MissingDataError);
    await expect(opened.encodeVideos([clip(red, red, red, red)])).rejects.toThrow('takes no moving pictures');
    await opened.close();
  });

  it('ends what is under way before it closes, and takes nothing afterwards', async () => {
    const opened = await loadEncoder(directory, { numThreads: 1 });
    const running = opened.encodePictures(Array.from({ length: 100 }, () => plain(red)));
    await Promise.all([opened.close(), opened.close()]);
    expect((await running).shape).toEqual([100, 8]);
    await expect(opened.encodeTexts(['red'])).rejects.toThrow('is closed');
  });

  it('keeps its id where only facts change, not where weights or windows do', async () => {
    const folder = join(directory, 'other');
    const { files } = await readBundle(directory);
    const idOf = async (change: Partial<MultimodalManifest>, contents: ReadonlyMap<string, Uint8Array>) => {
      await writeBundle(folder, { ...manifest, ...change }, contents);
      const opened = await loadEncoder(folder);
      await opened.close();
      return opened.id;
    };
    expect(await idOf({}, new Map(files).set('facts.json', Buffer.from('{}')))).toBe(encoder.id);
    expect(await idOf({ audio: { ...manifest.audio!, maxSeconds: 2 } }, files)).not.toBe(encoder.id);
    expect(await idOf({}, new Map(files).set('audio-head.onnx', files.get('text-head.onnx')!))).not.toBe(encoder.id);
  });
});

describe('the manifest of a multimodal bundle', () => {
  it('is read as it was written', async () => {
    const text = await readFile(join(directory, 'manifest.json'), 'utf8');
    expect(parseManifest(text, 'm')).toEqual(manifest);
  });

  it('refuses what it does not know, naming where', () => {
    const refused: [string[], unknown][] = [
      [['version'], 1],
      [['kind'], 'text-image'],
      [['text', 'routes'], []],
      [['text', 'routes'], [{ scripts: 'latin', tower: 'sentence-encoder', output: 'embedding' }]],
      [['text', 'routes'], [{ scripts: 'any', tower: 'text-encoder', weights: '../x', tokenizer: 'tokenizer.json' }]],
      [['audio', 'sampleRateHz'], 44100],
      [['audio', 'windowSeconds'], 0],
      [['audio', 'maxSeconds'], 1e9],
      [['audio', 'weights'], '/etc/passwd'],
      [['video', 'numFrames'], 1e6],
      [['video', 'head'], 'a/b'],
      [['facts'], '..'],
      [['licences'], {}],
    ];
    for (const [path, value] of refused) {
      const parse = () => parseManifest(manifestWith(path, value), '/some/manifest.json');
      expect(parse, path.join('.')).toThrow(FormatError);
      if (path[0] !== 'kind') expect(parse).toThrow(`/some/manifest.json: ${path.join('.')}`);
    }
  });

  it('names a section’s file that is not in the bundle', async () => {
    const folder = join(directory, 'lacking');
    const { files } = await readBundle(directory);
    for (const name of ['facts.json', 'student.onnx', 'audio-head.onnx', 'video-tower.onnx']) {
      const fewer = new Map(files);
      fewer.delete(name);
      await writeBundle(folder, manifest, fewer);
      await expect(loadEncoder(folder)).rejects.toThrow(`the manifest names ${name} but does not list it`);
    }
  });

  it('is not taken for whole where a file differs', async () => {
    const folder = join(directory, 'differs');
    await writeColourBundle(folder);
    await writeFile(join(folder, 'student.onnx'), Uint8Array.of(1));
    await expect(loadEncoder(folder)).rejects.toThrow('student.onnx: not the file that the manifest describes');
  });
});
