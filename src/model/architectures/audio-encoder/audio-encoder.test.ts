import { describe, expect, it } from 'vitest';
import { mapTree, Rng, ShapeError, Tensor } from '../../../engine/core/index.ts';
import { constant, spec, trace, Value } from '../../../engine/graph/index.ts';
import { compile } from '../../../engine/runtime/index.ts';
import { adamW, compileTrainStep, constantSchedule } from '../../../engine/train/index.ts';
import { type AudioEncoder, audioEncoder, audioTower, initAudioEncoder, silence } from './audio-encoder.ts';
import { outlineDim } from './sound-outline.ts';
import { audioContrast, initAudioContrast } from './view-contrast.ts';

const options = {
  numBands: 8,
  windowFrames: 16,
  stemChannels: [3, 4] as const,
  dim: 8,
  numLayers: 1,
  numHeads: 2,
  featureDim: 6,
};
/** `mapTree` without its types, which are as deep as the tree is unknown. */
const mapLeaves = mapTree as (tree: unknown, transform: (leaf: Tensor) => unknown) => unknown;
const params = initAudioEncoder(new Rng(1), options);

async function encode(logMel: Tensor): Promise<Float32Array> {
  const stored = mapLeaves(params, (leaf) => constant(leaf)) as AudioEncoder<Value>;
  const graph = trace((inputs: { logMel: Value }) => ({ features: audioEncoder(stored, inputs.logMel, options) }), {
    logMel: spec(['batch', 'frames', 8]),
  });
  const executable = await compile(graph, { numThreads: 1 });
  const { features } = await executable.run({ logMel });
  await executable.close();
  expect(features!.shape).toEqual([logMel.shape[0], 6]);
  return features!.data as Float32Array;
}

const sound = (seed: string, numFrames: number, level = 0) =>
  Float32Array.from(new Rng(seed).fillNormal(new Float32Array(numFrames * 8), 2), (value) => value + level);
const batch = (...sounds: Float32Array[]) => {
  const data = Float32Array.from(sounds.flatMap((one) => [...one]));
  return new Tensor('float32', [sounds.length, sounds[0]!.length / 8, 8], data);
};
const close = (a: Float32Array, b: Float32Array) => {
  expect(a.length).toBe(b.length);
  a.forEach((value, i) => {
    expect(value).toBeCloseTo(b[i]!, 4);
  });
};
const distance = (a: Float32Array, b: Float32Array) => Math.hypot(...a.map((value, i) => value - b[i]!));

describe('audioEncoder', () => {
  it('gives each window its features, whatever else is in the batch', async () => {
    const [a, b] = [sound('a', 16), sound('b', 16)];
    const both = await encode(batch(a, b));
    close(await encode(batch(b)), both.slice(6));
    expect(distance(both.slice(0, 6), both.slice(6))).toBeGreaterThan(1e-2);
  });

  it('takes a shorter sound for one that silence follows, and cuts a longer one', async () => {
    const short = sound('a', 11);
    const followed = Float32Array.from({ length: 128 }, (_, i) => short[i] ?? silence);
    close(await encode(batch(short)), await encode(batch(followed)));
    const long = sound('b', 23);
    close(await encode(batch(long)), await encode(batch(long.slice(0, 128))));
  });

  it('hears the same in a louder recording, and something else at another moment', async () => {
    close(await encode(batch(sound('a', 16, 3))), await encode(batch(sound('a', 16))));
    const click = (frame: number) =>
      Float32Array.from({ length: 128 }, (_, i) => (Math.floor(i / 8) === frame ? 0 : silence));
    expect(distance(await encode(batch(click(2))), await encode(batch(click(11))))).toBeGreaterThan(1e-3);
  });

  it('hears silence as silence: all of it alike, no number lost', async () => {
    const quiet = await encode(batch(new Float32Array(128).fill(silence)));
    expect(quiet.every(Number.isFinite)).toBe(true);
    close(quiet, await encode(batch(new Float32Array(128).fill(silence + 2))));
  });

  it('refuses other bands and sizes that 4 does not divide', () => {
    const logMel = new Value({ dtype: 'float32', shape: [1, 16, 7] }, { kind: 'input', name: 'logMel' });
    const stored = mapLeaves(params, (leaf) => constant(leaf)) as AudioEncoder<Value>;
    expect(() => audioEncoder(stored, logMel, options)).toThrow(ShapeError);
    expect(() => initAudioEncoder(new Rng(1), { ...options, windowFrames: 18 })).toThrow('multiples of 4');
  });
});

describe('audioTower', () => {
  it('gives the features, then means, maxima and the coarse picture of the levelled sound', async () => {
    const stored = mapLeaves(params, (leaf) => constant(leaf)) as AudioEncoder<Value>;
    const graph = trace((inputs: { logMel: Value }) => ({ out: audioTower(stored, inputs.logMel, options) }), {
      logMel: spec(['batch', 'frames', 8]),
    });
    const executable = await compile(graph, { numThreads: 1 });
    // Band 3 sounds at full level in frames 4 and 5 of 16, band 6 at half the range below it in frame 15.
    const data = new Float32Array(128).fill(silence);
    data[4 * 8 + 3] = data[5 * 8 + 3] = 2;
    data[15 * 8 + 6] = 2 - 6;
    const { out } = await executable.run({ logMel: new Tensor('float32', [1, 16, 8], data) });
    await executable.close();
    expect(out!.shape).toEqual([1, 6 + outlineDim(8)]);
    const outline = [...(out!.data as Float32Array).slice(6)];
    close(Float32Array.from(outline.slice(0, 8)), Float32Array.from([0, 0, 0, 2 / 16, 0, 0, 0.5 / 16, 0]));
    close(Float32Array.from(outline.slice(8, 16)), Float32Array.from([0, 0, 0, 1, 0, 0, 0.5, 0]));
    const coarse = new Float32Array(64);
    coarse[2 * 8 + 3] = 1;
    coarse[7 * 8 + 6] = 0.25;
    close(Float32Array.from(outline.slice(16)), coarse);
    close((out!.data as Float32Array).slice(0, 6), await encode(new Tensor('float32', [1, 16, 8], data)));
  });
});

describe('audioContrast', () => {
  it('begins near ln B where views say nothing of each other, and learns to match them', async () => {
    const numPairs = 8;
    const rng = new Rng('views');
    const views = Array.from({ length: numPairs }, (_, i) => sound(`view ${i}`, 16));
    const disturbed = () => batch(...views.map((one) => one.map((value) => value + 0.5 * rng.normal())));
    const compileStep = compileTrainStep as unknown as (options: object) => Promise<{
      run(views: object): Promise<{ loss: number; accuracy: number }>;
      close(): Promise<void>;
    }>;
    const step = await compileStep({
      params: initAudioContrast(new Rng(2), options),
      batch: { one: spec([numPairs, 16, 8]), other: spec([numPairs, 16, 8]) },
      loss: (now: Parameters<typeof audioContrast>[0], views: Parameters<typeof audioContrast>[1]) =>
        audioContrast(now, views, options),
      optimizer: adamW({ learningRate: constantSchedule(0.01) }),
      runtime: { numThreads: 1 },
    });
    const unrelated = batch(...views.map((_, i) => sound(`other ${i}`, 16)));
    const first = await step.run({ one: disturbed(), other: unrelated });
    expect(first.loss).toBeGreaterThan(0.6 * Math.log(numPairs));
    let last = first;
    for (let i = 0; i < 60; i++) last = await step.run({ one: disturbed(), other: disturbed() });
    await step.close();
    expect(last.loss).toBeLessThan(0.5);
    expect(last.accuracy).toBeGreaterThan(0.8);
  });
});
