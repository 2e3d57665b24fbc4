import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Rng } from '../../engine/core/index.ts';
import { logMel } from '../../media/index.ts';
import { silence } from '../../model/index.ts';
import { cachedSpectrograms, numMelBands, type Spectrograms } from '../data/sounds-spectrograms.ts';
import { audioViewOptions, writeAudioView } from './audio-views.ts';

const folder = mkdtempSync(join(tmpdir(), 'sensorium-views-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A tone of a second, a hiss of three. */
const tone = Float32Array.from({ length: 16_000 }, (_, i) => 0.5 * Math.sin((2 * Math.PI * 440 * i) / 16_000));
const hiss = new Rng('hiss').fillUniform(new Float32Array(48_000), -0.3, 0.3);
const items = [tone, hiss];
let numMade = 0;
const open = () =>
  cachedSpectrograms({
    items,
    keyOf: (samples) => String(samples.length),
    samplesOf: (samples) => {
      numMade++;
      return Promise.resolve(samples);
    },
    directory: folder,
    shardSize: 1,
    unit: 'sounds',
  });
let spectrograms: Spectrograms;
beforeAll(async () => {
  spectrograms = await open();
});

describe('cachedSpectrograms', () => {
  it('keeps what logMel gives, to the precision of float16, and makes nothing twice', async () => {
    const expected = logMel(tone);
    expect(spectrograms.numFrames(0)).toBe(expected.shape[0]);
    const kept = new Float32Array(3 * numMelBands);
    spectrograms.copy(0, 20, 23, kept, 0);
    kept.forEach((value, i) => {
      expect(Math.abs(value - expected.data[20 * numMelBands + i]!)).toBeLessThan(0.01);
    });
    const again = await open();
    expect(numMade).toBe(2);
    const same = new Float32Array(kept.length);
    again.copy(0, 20, 23, same, 0);
    expect(same).toEqual(kept);
  });

  it('refuses frames and clips that are not there', () => {
    const to = new Float32Array(numMelBands);
    expect(() => spectrograms.copy(0, 97, 99, to, 0)).toThrow('has 98 frames');
    expect(() => spectrograms.numFrames(2)).toThrow('there are 2 clips');
  });
});

describe('writeAudioView', () => {
  const options = audioViewOptions(200);
  const plain = {
    ...options,
    speed: 0,
    pitch: 0,
    noiseProbability: 0,
    mixProbability: 0,
    lineProbability: 0,
    numMasks: 0,
  };
  const viewOf = (clip: number, seed: string, of = options) => {
    const data = new Float32Array(200 * numMelBands);
    writeAudioView({ spectrograms, clip, other: 1 - clip }, of, new Rng(seed), { data, at: 0 });
    return data;
  };
  const sounding = (view: Float32Array) => {
    const frames = Array.from({ length: 200 }, (_, t) => t);
    return frames.filter((t) => view.subarray(t * numMelBands, (t + 1) * numMelBands).some((value) => value > 0));
  };

  it('is repeatable, and other from draw to draw', () => {
    expect(viewOf(0, 'a')).toEqual(viewOf(0, 'a'));
    expect(viewOf(0, 'a')).not.toEqual(viewOf(0, 'b'));
    expect(viewOf(0, 'a').every(Number.isFinite)).toBe(true);
  });

  it('puts a short sound whole somewhere in silence, and fills the window with a long one', () => {
    const starts = new Set<number>();
    for (const seed of 'abcdef') {
      const frames = sounding(viewOf(0, seed, plain));
      expect(frames).toHaveLength(98);
      expect(frames.at(-1)! - frames[0]!).toBe(97);
      starts.add(frames[0]!);
    }
    expect(starts.size).toBeGreaterThan(3);
    expect(sounding(viewOf(1, 'a', plain))).toHaveLength(200);
  });

  it('lasts longer or shorter at another speed, within the bounds', () => {
    const lengths = [...'abcdefghij'].map((seed) => sounding(viewOf(0, seed, { ...plain, speed: 0.15 })).length);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(Math.round(98 * 1.15));
    expect(Math.min(...lengths)).toBeGreaterThanOrEqual(Math.round(98 / 1.15));
    expect(new Set(lengths).size).toBeGreaterThan(3);
  });

  it('moves the pitch by as many bands as allowed', () => {
    const loudest = (view: Float32Array) => {
      const sums = Array.from({ length: numMelBands }, (_, band) => {
        let sum = 0;
        for (let t = 0; t < 200; t++) sum += Math.exp(view[t * numMelBands + band]!);
        return sum;
      });
      return sums.indexOf(Math.max(...sums));
    };
    const home = loudest(viewOf(0, 'a', plain));
    const moved = [...'abcdefghij'].map((seed) => loudest(viewOf(0, seed, { ...plain, pitch: 2 })) - home);
    expect(Math.max(...moved.map(Math.abs))).toBeLessThanOrEqual(2);
    expect(new Set(moved).size).toBeGreaterThan(1);
  });

  it('adds noise where there was silence, and masks make silence where there was sound', () => {
    const quiet = (view: Float32Array) => view.filter((value) => value <= silence + 10).length;
    const clean = quiet(viewOf(0, 'a', plain));
    expect(quiet(viewOf(0, 'a', { ...plain, noiseProbability: 1 }))).toBeLessThan(clean / 2);
    expect(quiet(viewOf(1, 'a', { ...plain, numMasks: 4 }))).toBeGreaterThan(quiet(viewOf(1, 'a', plain)));
    expect(quiet(viewOf(0, 'a', { ...plain, mixProbability: 1 }))).toBeLessThan(clean / 2);
  });
});
