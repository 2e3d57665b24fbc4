import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeColourBundle } from '../../../test/e2e/colour-bundle.ts';
import { type Encoder, type Facts, loadEncoder, parseFacts, readBundle } from '../../bundle/index.ts';
import { FormatError, MediaError, MissingDataError } from '../../engine/core/index.ts';
import { Knowledge, type Memory, type MemoryItem, recall, remember } from './index.ts';

let directory: string;
let encoder: Encoder;
let facts: Facts;
let items: MemoryItem[];
let memory: Memory;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sensorium-recall-'));
  const bundle = join(directory, 'bundle');
  await writeColourBundle(bundle);
  encoder = await loadEncoder(bundle, { numThreads: 1 });
  facts = parseFacts((await readBundle(bundle)).files.get('facts.json')!, 'facts.json');
  items = [];
  for (const [name, colour] of Object.entries({ red: '#ff0000', green: '#00ff00', blue: '#0000ff' })) {
    const path = join(directory, `${name}.svg`);
    await writeFile(
      path,
      `<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8" fill="${colour}"/></svg>`,
    );
    items.push({ modality: 'image', path, name });
    items.push({ modality: 'video', path, name });
  }
  for (const [name, hz] of Object.entries({ low: 200, high: 6000 })) {
    const path = join(directory, `${name}.wav`);
    await writeFile(path, wavOf(hz));
    items.push({ modality: 'audio', path, name });
  }
  memory = await remember(encoder, items);
});
afterAll(async () => {
  await encoder.close();
  await rm(directory, { recursive: true });
});

/** Half a second of a tone, as a WAV file of 16 bits and 16 kHz. */
function wavOf(hz: number): Uint8Array {
  const numSamples = 8000;
  const bytes = Buffer.alloc(44 + 2 * numSamples);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(36 + 2 * numSamples, 4);
  bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(16000, 24);
  bytes.writeUInt32LE(32000, 28);
  bytes.writeUInt16LE(2, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write('data', 36);
  bytes.writeUInt32LE(2 * numSamples, 40);
  for (let i = 0; i < numSamples; i++) {
    bytes.writeInt16LE(Math.round(15000 * Math.sin((2 * Math.PI * hz * i) / 16000)), 44 + 2 * i);
  }
  return bytes;
}

const nameOf = (item: { readonly name?: string } | undefined) => item?.name;

describe('recall', () => {
  it('brings back by a text, in two languages, what belongs to it in the other modalities', async () => {
    for (const text of ['blue', '蓝']) {
      const found = await recall(encoder, memory, { text });
      expect(found.modality).toBe('text');
      expect(nameOf(found.image[0])).toBe('blue');
      expect(nameOf(found.video[0])).toBe('blue');
      expect(found.image[0]!.score).toBeCloseTo(1, 3);
      expect(found.image.every(({ modality }) => modality === 'image')).toBe(true);
      expect(found.image.map(({ score }) => score)).toEqual(
        found.image.map(({ score }) => score).sort((a, b) => b - a),
      );
    }
    expect(nameOf((await recall(encoder, memory, { text: 'a high one' })).audio[0])).toBe('high');
  });

  it('brings back by a picture, a sound and a clip', async () => {
    const path = (name: string) => join(directory, name);
    expect(nameOf((await recall(encoder, memory, { picture: path('green.svg') })).video[0])).toBe('green');
    expect(nameOf((await recall(encoder, memory, { video: path('red.svg') })).image[0])).toBe('red');
    expect(nameOf((await recall(encoder, memory, { audio: path('low.wav') })).audio[0])).toBe('low');
  });

  it('attaches names in other languages, a gloss and what is related', async () => {
    const knowledge = new Knowledge(encoder, facts);
    const found = await recall(encoder, memory, { picture: items[0]!.path }, { knowledge });
    expect(found.facts[0]).toMatchObject({
      id: 'red',
      names: { en: 'red', zh: '红', de: 'rot' },
      gloss: 'the colour at the end of the spectrum',
      related: [{ id: 'blue', names: { en: 'blue', zh: '蓝', de: 'blau' } }],
    });
    expect(found.image[0]!.fact).toBe('red');
    expect(found.image.find(({ name }) => name === 'green')!.fact).toBeUndefined();
  });

  it('knows a concept by its name in a language that the encoder never learned', async () => {
    const knowledge = new Knowledge(encoder, facts);
    const found = await recall(encoder, memory, { text: ' Blau ' }, { knowledge });
    expect(found.facts.map(({ id }) => id)).toEqual(['blue', 'red']);
    expect(found.facts[0]!.score).toBe(1);
  });

  it('brings back no more than asked', async () => {
    const found = await recall(encoder, memory, { text: 'red' }, { top: 2 });
    expect([found.image.length, found.audio.length, found.video.length, found.facts.length]).toEqual([2, 2, 2, 0]);
    for (const top of [0, 1.5, 1001]) {
      await expect(recall(encoder, memory, { text: 'red' }, { top })).rejects.toThrow(RangeError);
    }
  });

  it('refuses an empty or endless text, a file that is none, and another encoder’s memory', async () => {
    await expect(recall(encoder, memory, { text: '  ' })).rejects.toThrow('must not be empty');
    await expect(recall(encoder, memory, { text: 'x'.repeat(2001) })).rejects.toThrow('at most 2000');
    await expect(recall(encoder, memory, { picture: Uint8Array.of(1, 2, 3) })).rejects.toThrow(MediaError);
    await expect(recall(encoder, memory, { audio: items[0]!.path })).rejects.toThrow(MediaError);
    const other = { ...memory, encoderId: 'another' };
    await expect(recall(encoder, other, { text: 'red' })).rejects.toThrow('remember the items again');
    const mute: Encoder = {
      ...encoder,
      id: encoder.id,
      dim: encoder.dim,
      modalities: ['text'],
      encodeTexts: (texts) => encoder.encodeTexts(texts),
    };
    await expect(recall(mute, memory, { picture: items[0]!.path })).rejects.toThrow(MissingDataError);
  });
});

describe('remember', () => {
  it('keeps vectors in a folder and encodes nothing again', async () => {
    const cacheDirectory = join(directory, 'kept');
    let encoded = 0;
    const onProgress = () => {
      encoded++;
    };
    await remember(encoder, items, { cacheDirectory, onProgress });
    expect(encoded).toBe(items.length);
    const again = await remember(encoder, items, { cacheDirectory, onProgress });
    expect(encoded).toBe(items.length);
    const vector = (await encoder.encodeTexts(['blue'])).data;
    expect(await again.nearest('image', vector, 3)).toEqual(await memory.nearest('image', vector, 3));
    const [shard] = await readdir(cacheDirectory);
    await writeFile(join(cacheDirectory, shard!), 'damaged');
    await remember(encoder, items, { cacheDirectory, onProgress });
    expect(encoded).toBe(2 * items.length);
  });

  it('stops when it is told to', async () => {
    const abort = new AbortController();
    const remembering = remember(encoder, items, { signal: abort.signal, onProgress: () => abort.abort() });
    await expect(remembering).rejects.toThrow('aborted');
  });
});

describe('parseFacts', () => {
  it('refuses what is no file of facts, naming where', () => {
    const parse = (value: unknown) => () => parseFacts(Buffer.from(JSON.stringify(value)), 'facts.json');
    expect(() => parseFacts(Buffer.from('{'), 'facts.json')).toThrow('facts.json: not JSON');
    expect(parse({ ...facts, version: 2 })).toThrow('facts.json: version');
    expect(parse({ ...facts, concepts: [{ id: 'x', names: { zh: '无' } }] })).toThrow('must have an English name');
    expect(parse([])).toThrow(FormatError);
  });
});
