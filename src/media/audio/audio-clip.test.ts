/** @file Sound files of every format to mono samples: the right sound at the right time, in bounded memory. */
import { mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import wavefile from 'wavefile';
import { Rng } from '../../engine/core/index.ts';
import { type AudioChunk, decodeAudio, streamAudio } from './audio-clip.ts';
import { probeAudio } from './probe-audio.ts';
import { concatenate } from './resampler.ts';

const { WaveFile } = wavefile;
const fixture = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/media/${name}`, import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'audio-clip-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const hasWebCodecs = (() => {
  try {
    createRequire(import.meta.url)('@napi-rs/webcodecs');
    return true;
  } catch {
    return false;
  }
})();

/** Strength of a tone in a stretch of samples, and how many samples late it is. */
function tone(samples: Float32Array, hz: number, rateHz = 16_000): { strength: number; late: number } {
  let [sine, cosine] = [0, 0];
  const [from, to] = [Math.round(samples.length * 0.2), Math.round(samples.length * 0.8)];
  for (let i = from; i < to; i++) {
    sine += samples[i]! * Math.sin((2 * Math.PI * hz * i) / rateHz);
    cosine += samples[i]! * Math.cos((2 * Math.PI * hz * i) / rateHz);
  }
  const period = rateHz / hz;
  return {
    strength: (2 * Math.hypot(sine, cosine)) / (to - from),
    late: Math.abs((Math.atan2(cosine, sine) / (2 * Math.PI)) * period),
  };
}

/** A WAV made by another library. */
function wav(depth: string, sampleRateHz: number, channels: readonly (readonly number[])[]): Uint8Array {
  const file = new WaveFile();
  const isFloat = depth === '32f' || depth === '64';
  const scale = isFloat ? 1 : depth === '8' ? 127 : 2 ** (Number(depth) - 1) - 1;
  const data = channels.map((channel) =>
    channel.map((x) => (isFloat ? x : Math.round(x * scale) + (depth === '8' ? 128 : 0))),
  );
  file.fromScratch(channels.length, sampleRateHz, depth, data.length === 1 ? data[0]! : data);
  return file.toBuffer();
}

describe('decodeAudio of each format', () => {
  // The left channel is a tone of 440 Hz, 0.5 strong, the right one of 880 Hz, 0.25 strong; 1 s.
  const cases: readonly (readonly [name: string, hasDecoder: boolean, tolerance: number, mostLate: number])[] = [
    ['flac', true, 1e-3, 0.01],
    ['mp3', true, 0.02, 0.1],
    ['ogg', true, 0.02, 0.1],
    ['opus', true, 0.02, 0.2],
    ['m4a', hasWebCodecs, 0.02, 0.5],
    // Plain AAC does not say how long the coder's delay is; WebM rounds times to milliseconds.
    ['aac', hasWebCodecs, 0.02, 20],
    ['webm', hasWebCodecs, 0.02, 8],
  ];
  test.each(cases)('%s', async (name, hasDecoder, tolerance, mostLate) => {
    const path = fixture(`audio-tones.${name}`);
    if (!hasDecoder) return;
    const clip = await decodeAudio(path);
    const [low, high] = [tone(clip.samples, 440), tone(clip.samples, 880)];
    expect(Math.abs(low.strength - 0.25)).toBeLessThan(tolerance);
    expect(Math.abs(high.strength - 0.125)).toBeLessThan(tolerance);
    expect(tone(clip.samples, 620).strength).toBeLessThan(0.01);
    expect(low.late).toBeLessThan(mostLate);
    expect(clip.sampleRateHz).toBe(16_000);
    expect(Math.abs(clip.durationSeconds - 1)).toBeLessThan(name === 'aac' ? 0.06 : 0.002);
    expect(clip.durationSeconds).toBe(clip.samples.length / 16_000);
    const probe = await probeAudio(path);
    expect(probe.numChannels).toBe(2);
    expect(Math.abs((probe.durationSeconds ?? 0) - 1)).toBeLessThan(0.06);
    // The same from memory.
    expect((await decodeAudio(await readFile(path))).samples).toEqual(clip.samples);
  });

  test.each(['8', '16', '24', '32', '32f', '64', '8a', '8m'])('WAV of %s bits', async (depth) => {
    const rng = new Rng(depth);
    const channels = [0, 1].map(() => Array.from({ length: 500 }, () => rng.uniform() * 1.8 - 0.9));
    let bytes = wav(depth.length === 2 && depth[0] === '8' ? '16' : depth, 16_000, channels);
    if (depth === '8a' || depth === '8m') {
      const file = new WaveFile(bytes);
      if (depth === '8a') file.toALaw();
      else file.toMuLaw();
      bytes = file.toBuffer();
    }
    const { samples } = await decodeAudio(bytes);
    const step = { '8': 0.012, '16': 1e-4, '24': 1e-6, '8a': 0.04, '8m': 0.04 }[depth] ?? 1e-6;
    expect(samples.length).toBe(500);
    samples.forEach((sample, i) => {
      expect(Math.abs(sample - (channels[0]![i]! + channels[1]![i]!) / 2)).toBeLessThan(step);
    });
  });

  test('A-law and mu-law as the other library decodes them', async () => {
    for (const [tag, decode] of [
      [6, 'fromALaw'],
      [7, 'fromMuLaw'],
    ] as const) {
      const file = new WaveFile();
      file.fromScratch(
        1,
        8000,
        tag === 6 ? '8a' : '8m',
        Array.from({ length: 256 }, (_, i) => i),
      );
      const { samples } = await decodeAudio(file.toBuffer(), { sampleRateHz: 8000 });
      file[decode]('16');
      const expected = file.getSamples(false, Int16Array) as unknown as Int16Array;
      expect(Array.from(samples, (sample) => sample * 32768)).toEqual(Array.from(expected));
    }
  });
});

describe('resampling', () => {
  test.each([8000, 11_025, 22_050, 44_100, 48_000, 96_000])('from %i Hz keeps a tone where it is', async (rateHz) => {
    const sine = Array.from({ length: rateHz / 2 }, (_, i) => 0.8 * Math.sin((2 * Math.PI * 440 * i) / rateHz));
    const { samples } = await decodeAudio(wav('32f', rateHz, [sine]));
    expect(samples.length).toBe(Math.round((sine.length * 16_000) / rateHz));
    let worst = 0;
    for (let i = 400; i < 7600; i++) {
      worst = Math.max(worst, Math.abs(samples[i]! - 0.8 * Math.sin((2 * Math.PI * 440 * i) / 16_000)));
    }
    expect(worst).toBeLessThan(1e-4);
  });

  test('leaves out what the slower rate cannot hold', async () => {
    const sine = Array.from({ length: 48_000 }, (_, i) => 0.8 * Math.sin((2 * Math.PI * 10_000 * i) / 48_000));
    const { samples } = await decodeAudio(wav('32f', 48_000, [sine]));
    // At 16 kHz a tone of 10 kHz would come out at 6 kHz.
    expect(tone(samples, 6000).strength).toBeLessThan(1e-4);
  });

  test('the same rate changes nothing, and what is too loud is cut off', async () => {
    const { samples } = await decodeAudio(wav('32f', 16_000, [[0.25, 1.5, -2, -0.125]]));
    expect(Array.from(samples)).toEqual([0.25, 1, -1, -0.125]);
  });
});

describe('parts and pieces', () => {
  const rng = new Rng('pieces');
  const noise = Array.from({ length: 44_100 }, () => rng.uniform() - 0.5);

  test('a part is that part of the whole, in WAV and in FLAC', async () => {
    for (const source of [wav('16', 16_000, [noise.slice(0, 16_000)]), fixture('audio-tones.flac')]) {
      const whole = await decodeAudio(source, { sampleRateHz: 22_050 });
      const part = await decodeAudio(source, { sampleRateHz: 22_050, startSeconds: 0.5, endSeconds: 0.75 });
      expect(Math.abs(part.durationSeconds - 0.25)).toBeLessThan(1e-4);
      const from = 0.5 * 22_050;
      let worst = 0;
      for (let i = 200; i < 5000; i++) worst = Math.max(worst, Math.abs(part.samples[i]! - whole.samples[from + i]!));
      expect(worst).toBeLessThan(0.02);
    }
  });

  test.skipIf(!hasWebCodecs)('a part of an M4A begins where it should', async () => {
    const part = await decodeAudio(fixture('audio-tones.m4a'), { startSeconds: 0.5 });
    // 0.5 s are 220 whole periods of 440 Hz.
    expect(tone(part.samples, 440).late).toBeLessThan(0.5);
    expect(Math.abs(tone(part.samples, 440).strength - 0.25)).toBeLessThan(0.02);
  });

  test('pieces put together are the whole', async () => {
    const source = wav('16', 44_100, [noise, noise]);
    const whole = await decodeAudio(source);
    const pieces: AudioChunk[] = [];
    for await (const piece of streamAudio(source, { chunkSeconds: 0.3 })) pieces.push(piece);
    expect(pieces.map(({ samples }) => samples.length)).toEqual([4800, 4800, 4800, 1600]);
    expect(pieces.map(({ startSeconds }) => startSeconds)).toEqual([0, 0.3, 0.6, 0.9]);
    expect(concatenate(pieces.map(({ samples }) => samples))).toEqual(whole.samples);
  });

  test('a part beyond the end is refused, and one that ends there is cut', async () => {
    const source = wav('16', 16_000, [noise.slice(0, 16_000)]);
    await expect(decodeAudio(source, { startSeconds: 2 })).rejects.toThrow(/no sound between 2 and Infinity s/);
    expect((await decodeAudio(source, { startSeconds: 0.5, endSeconds: 9 })).durationSeconds).toBe(0.5);
    await expect(decodeAudio(source, { startSeconds: 1, endSeconds: 1 })).rejects.toThrow(RangeError);
  });

  test('a signal ends it', async () => {
    const source = wav('16', 16_000, [noise]);
    await expect(decodeAudio(source, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });

  test('forty minutes stream through little memory', async () => {
    const path = join(folder, 'long.wav');
    const seconds = 2400;
    const short = wav('8', 16_000, [[0, 0]]);
    const header = Buffer.from(short.subarray(0, 44));
    header.writeUInt32LE(seconds * 16_000, 40);
    await writeFile(path, header);
    await truncate(path, 44 + seconds * 16_000);
    // A mark near the end: silence of 8 bits is 128, zeros are -1.
    const file = await open(path, 'r+');
    await file.write(Buffer.alloc(16_000, 192), 0, 16_000, 44 + (seconds - 5) * 16_000);
    await file.close();
    const before = process.memoryUsage();
    let [peak, loud, total] = [0, -1, 0];
    for await (const { samples, durationSeconds, startSeconds } of streamAudio(path)) {
      total += durationSeconds;
      if (startSeconds > seconds - 60 && loud < 0 && samples.includes(0.5))
        loud = startSeconds + samples.indexOf(0.5) / 16_000;
      peak = Math.max(peak, process.memoryUsage().rss - before.rss);
    }
    expect(total).toBe(seconds);
    expect(loud).toBe(seconds - 5);
    // All of its samples would take 154 MB.
    expect(peak).toBeLessThan(100e6);
  });

  test('more than an hour is refused as one clip', async () => {
    const source = new Uint8Array(44 + 3_601_000).fill(128);
    source.set(wav('8', 1000, [[0, 0]]).subarray(0, 44));
    new DataView(source.buffer).setUint32(40, 3_601_000, true);
    const options = { sampleRateHz: 1000 };
    await expect(decodeAudio(source, options)).rejects.toThrow(/must last at most 3600 s; give startSeconds/);
    expect((await decodeAudio(source, { ...options, endSeconds: 3600 })).durationSeconds).toBe(3600);
  });
});
