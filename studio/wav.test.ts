/** @file WAV files as the server reads them. */
import { expect, it } from 'vitest';
import { decodeAudio } from '../src/media/index.ts';
import { wavOf } from './wav.ts';

it('is read back as what was recorded, cut at full scale', async () => {
  const samples = Float32Array.from({ length: 1600 }, (_, i) => 1.5 * Math.sin(i / 5));
  const blob = wavOf(samples, 16_000);
  expect(blob.type).toBe('audio/wav');
  const read = await decodeAudio(new Uint8Array(await blob.arrayBuffer()), { sampleRateHz: 16_000 });
  expect(read.samples.length).toBe(1600);
  samples.forEach((sample, i) => {
    expect(read.samples[i]).toBeCloseTo(Math.min(1, Math.max(-1, sample)), 3);
  });
});
