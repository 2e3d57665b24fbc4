/** @file Tests of segments of sounds, on tones and noise made here. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Rng } from '../../engine/core/index.ts';
import { decodeAudio } from '../audio/audio-clip.ts';
import { type AudioSegment, type SegmentAudioOptions, segmentAudio } from './segment-audio.ts';

const rate = 16_000;

/** A WAV of faint noise with a tone at the times given. */
function wav(
  seconds: number,
  tones: readonly (readonly [from: number, to: number])[],
  noise = 0.0004,
  tone = 0.3,
): Uint8Array {
  const rng = new Rng('sound');
  const numSamples = Math.round(seconds * rate);
  const bytes = Buffer.alloc(44 + 2 * numSamples);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(36 + 2 * numSamples, 4);
  bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(rate, 24);
  bytes.writeUInt32LE(2 * rate, 28);
  bytes.writeUInt16LE(2, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write('data', 36);
  bytes.writeUInt32LE(2 * numSamples, 40);
  for (let i = 0; i < numSamples; i++) {
    const at = i / rate;
    const isOn = tones.some(([from, to]) => at >= from && at < to);
    const value = noise * rng.normal() + (isOn ? tone * Math.sin(2 * Math.PI * 440 * at) : 0);
    bytes.writeInt16LE(Math.round(Math.max(-1, Math.min(1, value)) * 32_767), 44 + 2 * i);
  }
  return bytes;
}

async function segmentsOf(
  source: string | Uint8Array,
  options: SegmentAudioOptions = {},
): Promise<{ segments: AudioSegment[]; error?: Error }> {
  const segments: AudioSegment[] = [];
  try {
    for await (const segment of segmentAudio(source, options)) segments.push(segment);
  } catch (error) {
    return { segments, error: error as Error };
  }
  return { segments };
}

const timesOf = (segments: readonly AudioSegment[]) =>
  segments.map(({ startSeconds, endSeconds }) => [startSeconds, endSeconds]);

function expectNear(found: readonly number[][], wanted: readonly (readonly number[])[], tolerance = 0.45): void {
  expect(found).toHaveLength(wanted.length);
  wanted.flat().forEach((seconds, i) => {
    expect(Math.abs(found.flat()[i]! - seconds)).toBeLessThan(tolerance);
  });
}

test('what is heard makes segments, silence is in none, a short pause does not part them', async () => {
  const { segments } = await segmentsOf(
    wav(30, [
      [2, 3],
      [3.5, 4],
      [12, 13],
      [20, 20.4],
    ]),
  );
  expectNear(timesOf(segments), [
    [2, 4],
    [12, 13],
    [20, 20.4],
  ]);
});

test('a segment holds the samples of its time', async () => {
  const bytes = wav(12, [[5, 7]]);
  const { samples } = await decodeAudio(bytes);
  const { segments } = await segmentsOf(bytes);
  const { startSeconds, endSeconds, samples: found } = segments[0]!;
  expect(found).toEqual(samples.slice(Math.round(startSeconds * rate), Math.round(endSeconds * rate)));
});

test('long sound is cut at its pauses, and without pauses at the length that an encoder takes', async () => {
  const spoken = Array.from({ length: 10 }, (_, i) => [i * 3, i * 3 + 2.6] as const);
  const { segments } = await segmentsOf(wav(30, spoken), { maxSeconds: 10 });
  expectNear(timesOf(segments), [
    [0, 8.6],
    [9, 17.6],
    [18, 26.6],
    [27, 29.6],
  ]);
  const steady = await segmentsOf(wav(30, [[0, 30]]), { maxSeconds: 10 });
  expect(steady.segments.map(({ endSeconds }) => Math.round(endSeconds))).toEqual([8, 16, 24, 30]);
  let last = 0;
  for (const { startSeconds, endSeconds, samples } of steady.segments) {
    expect(startSeconds).toBe(last);
    expect(samples.length).toBeLessThanOrEqual(10 * rate);
    expect(samples.length).toBe(Math.round((endSeconds - startSeconds) * rate));
    last = endSeconds;
  }
});

test('a tone above the noise of a poor recording is found, and the noise is not', async () => {
  const { segments } = await segmentsOf(wav(30, [[10, 12]], 0.004, 0.05));
  expectNear(timesOf(segments), [[10, 12]]);
});

test('of a silent sound the reason is told; of a damaged one, after what was there', async () => {
  const silent = await segmentsOf(wav(5, [], 0));
  expect(silent.segments).toEqual([]);
  expect(silent.error?.message).toMatch(/nothing is to be heard/);
  const cut = await segmentsOf(
    (await readFile(fileURLToPath(new URL('../../../test/fixtures/media/audio-tones.flac', import.meta.url)))).subarray(
      0,
      9000,
    ),
  );
  expect(cut.error?.name).toBe('MediaError');
  expect((await segmentsOf(wav(1, []), { maxSeconds: 0 })).error).toBeInstanceOf(RangeError);
});
