/** @file Log-mel spectrograms against a slow transform written another way, and against values that numpy computed. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Rng } from '../../engine/core/index.ts';
import { logMel } from './log-mel.ts';
import { powerSpectrum } from './real-fft.ts';

const golden: { frames: number[]; logMel: number[][] } = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/media/audio-log-mel-golden.json', import.meta.url), 'utf8'),
);

/** The signal of the golden values: a rising tone in noise of a linear congruential generator. */
function goldenSignal(): Float32Array {
  let state = 1;
  return Float32Array.from({ length: 16_000 }, (_, t) => {
    state = Number((BigInt(state) * 1664525n + 1013904223n) % 4294967296n);
    const seconds = t / 16_000;
    const tone = Math.sin(2 * Math.PI * (200 * seconds + 1500 * seconds ** 2));
    return 0.4 * tone + 0.05 * (state / 2 ** 32 - 0.5);
  });
}

/** One frame by the definition: every frequency as a sum over all samples, every band as a sum over all frequencies. */
function slowFrame(samples: Float32Array, start: number): number[] {
  const power = Array.from({ length: 257 }, (_, k) => {
    let re = 0;
    let im = 0;
    for (let i = 0; i < 400; i++) {
      const value = (samples[start + i] ?? 0) * Math.sin((Math.PI * i) / 400) ** 2;
      re += value * Math.cos((2 * Math.PI * k * i) / 512);
      im -= value * Math.sin((2 * Math.PI * k * i) / 512);
    }
    return re * re + im * im;
  });
  const mel = (hz: number) => (2595 / Math.LN10) * Math.log1p(hz / 700);
  const edge = (i: number) => mel(60) + ((mel(7600) - mel(60)) * i) / 65;
  return Array.from({ length: 64 }, (_, band) => {
    let sum = 0;
    power.forEach((value, k) => {
      const at = mel(k * 31.25);
      const [left, centre, right] = [edge(band), edge(band + 1), edge(band + 2)];
      if (at > left && at <= centre) sum += (value * (at - left)) / (centre - left);
      else if (at > centre && at < right) sum += (value * (right - at)) / (right - centre);
    });
    return Math.log(Math.max(sum, 1e-10));
  });
}

describe('logMel', () => {
  test('gives what numpy gives', () => {
    const { data, shape } = logMel(goldenSignal());
    expect(shape).toEqual([98, 64]);
    expect(golden.logMel.length).toBe(4);
    golden.frames.forEach((t, i) => {
      const wrong = golden.logMel[i]!.filter((value, band) => !(Math.abs(data[t * 64 + band]! - value) < 1e-4));
      expect(wrong, `frame ${t}`).toEqual([]);
      expect(golden.logMel[i]!.length).toBe(64);
    });
  });

  test('gives what the definition gives, the last and ragged frames too', () => {
    const rng = new Rng('log-mel');
    const samples = Float32Array.from({ length: 1059 }, () => rng.uniform() - 0.5);
    const { data, shape } = logMel(samples);
    expect(shape).toEqual([5, 64]);
    for (let t = 0; t < 5; t++) {
      const wrong = slowFrame(samples, t * 160).filter(
        (value, band) => !(Math.abs(data[t * 64 + band]! - value) < 1e-4),
      );
      expect(wrong, `frame ${t}`).toEqual([]);
    }
  });

  test('puts a tone into the band around its frequency', () => {
    const tone = Float32Array.from({ length: 800 }, (_, t) => Math.sin((2 * Math.PI * 1000 * t) / 16_000));
    const row = Array.from(logMel(tone).data.subarray(0, 64));
    // 1000 Hz is 999.99 mel; bands are 41.83 mel apart, from 92.6.
    expect(row.indexOf(Math.max(...row))).toBe(Math.round((999.99 - 92.64) / 41.84) - 1);
  });

  test('fills up what is shorter than a window, and says that silence is ln 1e-10', () => {
    expect(logMel(new Float32Array(10)).shape).toEqual([1, 64]);
    for (const value of logMel(new Float32Array(0)).data) expect(value).toBeCloseTo(Math.log(1e-10), 5);
    const samples = Float32Array.of(1, -1, 0.5);
    const found = logMel(samples).data;
    expect(slowFrame(samples, 0).filter((value, band) => !(Math.abs(found[band]! - value) < 1e-4))).toEqual([]);
  });

  test('a short frame after a long one sees nothing of it', () => {
    const quiet = logMel(Float32Array.of(0.1)).data.slice();
    logMel(new Float32Array(5000).fill(0.9));
    expect(logMel(Float32Array.of(0.1)).data).toEqual(quiet);
  });

  test('refuses options that do not fit together', () => {
    expect(() => logMel(new Float32Array(9), { highHz: 9000 })).toThrow(/within 0 to 8000 Hz/);
    expect(() => logMel(new Float32Array(9), { windowSeconds: 0 })).toThrow(/4 to 65536 samples/);
    expect(() => logMel(new Float32Array(9), { numBands: 0 })).toThrow(/numBands/);
  });
});

test.each([4, 8, 64, 1024])('the power spectrum of %i samples is that of the definition', (length) => {
  const rng = new Rng(length);
  const frame = Float64Array.from({ length }, () => rng.uniform() - 0.5);
  const power = new Float64Array(length / 2 + 1);
  powerSpectrum(length)(frame, power);
  power.forEach((value, k) => {
    let re = 0;
    let im = 0;
    frame.forEach((x, i) => {
      re += x * Math.cos((2 * Math.PI * k * i) / length);
      im += x * Math.sin((2 * Math.PI * k * i) / length);
    });
    expect(value).toBeCloseTo(re * re + im * im, 9);
  });
});
