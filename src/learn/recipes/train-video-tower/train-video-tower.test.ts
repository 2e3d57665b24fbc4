import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Rng, Tensor } from '../../../engine/core/index.ts';
import { compile, type Executable } from '../../../engine/runtime/index.ts';
import { thumbnailSize, thumbnails } from '../../../media/index.ts';
import { initVideoHead } from '../../../model/index.ts';
import { composeMotionClip, type Sprite } from '../../data/motion-clips.ts';
import { type MotionName, motionAs, motionNames } from '../../data/motions.ts';
import { columnStatistics } from '../align-text-image/statistics.ts';
import { clipCaptions } from './captions.ts';
import { type Clip, type ClipFeatures, composedClip, frameRows } from './clips.ts';
import { clipVectors, meanOfFrames, towerFeatures } from './embed-clips.ts';
import { captionVectors, headBatches } from './head-batches.ts';
import { choiceFigures, findFigures } from './measure.ts';
import { type VideoSettings, videoSettings } from './settings.ts';
import { trainTower, videoTowerGraph } from './stage-one.ts';
import { trainHead, videoHeadGraph } from './stage-two.ts';
import { towerBatches, writeClip } from './tower-batches.ts';

const disc: Sprite = (() => {
  const size = 24;
  const pixels = new Float32Array(size * size * 4);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) if (Math.hypot(x - 11.5, y - 11.5) < 10) pixels[(y * size + x) * 4 + 3] = 255;
  }
  return { size, pixels };
})();

const names = ['cat', 'owl', 'cup', 'pen', 'hat', 'bus', 'key', 'egg'];

function composed(index: number, motion: MotionName): Clip {
  const name = names[index % names.length]!;
  const picture = { id: `test/${name}${index}`, path: '', concept: name };
  return composedClip(picture, { en: name, zh: '猫' }, motion, String(index));
}

function animated(name: string, isMirrored: boolean): Clip {
  const names = { en: name, zh: undefined };
  return { kind: 'animated', id: name, path: '', concept: name, name: names, keywords: [], isMirrored };
}

/** Features of a picture tower that sees nothing but which clip it is, and real thumbnails. */
function featuresOf(clips: readonly Clip[], pictureDim = 3): ClipFeatures {
  const perClip = 8 * thumbnailSize * thumbnailSize * 3;
  const small = new Float32Array(clips.length * perClip);
  const rng = new Rng('features');
  clips.forEach((clip, i) => {
    if (clip.kind !== 'composed') return;
    const { motion, seed } = clip;
    small.set(thumbnails(composeMotionClip(disc, { motion, seed, numFrames: 8, size: 32 })).data, i * perClip);
  });
  return {
    pictureFeatures: new Tensor(
      'float32',
      [clips.length, 8, pictureDim],
      rng.fillNormal(new Float32Array(clips.length * 8 * pictureDim)),
    ),
    thumbnails: new Tensor('float32', [clips.length, 8, thumbnailSize, thumbnailSize, 3], small),
  };
}

const channels = [0, 1, 2] as const;

describe('writeClip', () => {
  const clips = [composed(0, 'moves-left'), composed(1, 'rises')];
  const features = featuresOf(clips);
  const empty = () => ({
    pictureFeatures: new Tensor('float32', [1, 8, 3], new Float32Array(24)),
    thumbnails: new Tensor('float32', [1, 8, 16, 16, 3], new Float32Array(8 * 768)),
  });

  it('turns the order of frames around', () => {
    const into = empty();
    writeClip(features, { clip: 1, isReversed: true, isMirrored: false, channels }, into, 0);
    for (let t = 0; t < 8; t++) {
      const from = 8 + 7 - t;
      expect(into.pictureFeatures.data.slice(t * 3, t * 3 + 3)).toEqual(
        features.pictureFeatures.data.slice(from * 3, from * 3 + 3),
      );
      expect(into.thumbnails.data.slice(t * 768, (t + 1) * 768)).toEqual(
        features.thumbnails.data.slice(from * 768, (from + 1) * 768),
      );
    }
  });

  it('mirrors thumbnails and lets their channels change places', () => {
    const into = empty();
    writeClip(features, { clip: 0, isReversed: false, isMirrored: true, channels: [2, 0, 1] }, into, 0);
    for (const [x, y] of [
      [0, 0],
      [3, 7],
      [12, 15],
    ] as const) {
      for (let channel = 0; channel < 3; channel++) {
        const source = features.thumbnails.data[(y * 16 + 15 - x) * 3 + [2, 0, 1][channel]!];
        expect(into.thumbnails.data[(y * 16 + x) * 3 + channel]).toBe(source);
      }
    }
  });
});

describe('towerBatches', () => {
  it('shows each instance twice, with the target of what it shows', () => {
    const clips = [
      ...Array.from({ length: 12 }, (_, i) => composed(i, motionNames[i % motionNames.length]!)),
      ...['fox', 'bee', 'ant'].map((name) => animated(name, name === 'bee')),
    ];
    const features = featuresOf(clips);
    const plain = {
      mean: new Tensor('float32', [3], new Float32Array(3)),
      deviation: new Tensor('float32', [3], Float32Array.of(1, 1, 1)),
    };
    const next = towerBatches(clips, features, plain, { batchSize: 16, animatedShare: 0.25 });
    const batch = next(new Rng('batch'));
    let numAnimated = 0;
    for (let row = 0; row < 16; row++) {
      const frame = (t: number) =>
        Array.from(batch.pictureFeatures.data.slice((row * 8 + t) * 3, (row * 8 + t + 1) * 3), Number);
      const isFrame = (index: number, other: number) =>
        frame(index).every((value, i) => Math.abs(value - features.pictureFeatures.data[other * 3 + i]!) < 1e-6);
      const clip = clips.findIndex((_, i) => isFrame(0, i * 8) || isFrame(0, i * 8 + 7));
      const isReversed = isFrame(0, clip * 8 + 7);
      const target = (of: Tensor, width: number) => Array.from(of.data.slice(row * width, (row + 1) * width), Number);
      const own = clips[clip]!;
      if (own.kind === 'animated') {
        numAnimated++;
        expect(target(batch.direction, 2)).toEqual(isReversed ? [0, 1] : [1, 0]);
        expect(target(batch.side, 2)).toEqual(own.isMirrored ? [0, 1] : [1, 0]);
        expect(target(batch.motion, motionNames.length)).toEqual(Array(motionNames.length).fill(0));
      } else {
        const shown = motionNames[target(batch.motion, motionNames.length).indexOf(1)]!;
        const either = [false, true].map((mirrored) => motionAs(own.motion, { reversed: isReversed, mirrored }));
        expect(either).toContain(shown);
        expect(target(batch.direction, 2)).toEqual([0, 0]);
      }
      const twin = batch.motion.data.slice((row ^ 1) * motionNames.length, ((row ^ 1) + 1) * motionNames.length);
      expect(Array.from(twin, Number)).toEqual(target(batch.motion, motionNames.length));
    }
    expect(numAnimated).toBe(4);
  });
});

describe('clipCaptions', () => {
  it('says what is seen, and what it does', () => {
    const clip = composed(1, 'rises');
    const { plain, moving } = clipCaptions(clip, { motion: 'falls', isReversed: true }, ['en', 'zh']);
    expect(plain).toEqual(['owl', 'an owl', 'a picture of an owl', '猫']);
    expect(moving).toContain('an owl falling');
    expect(moving).toContain('猫下落');
    expect(moving).not.toContain('an owl rising');
  });

  it('names the other side in a mirror, and running backward where it does', () => {
    const mirrored = clipCaptions(animated('hand pointing left', true), { motion: undefined, isReversed: true }, [
      'en',
    ]);
    expect(mirrored.plain[0]).toBe('hand pointing right');
    expect(mirrored.moving[0]).toBe('a hand pointing right played backward');
    expect(clipCaptions(animated('fox', false), { motion: undefined, isReversed: false }, ['en']).moving).toEqual([]);
  });
});

const unit = (rng: Rng, dim: number) => {
  const vector = rng.fillNormal(new Float32Array(dim));
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
};

/** Vectors that stand for texts: the same for the same text. */
const encode = async (texts: readonly string[]) => {
  const data = new Float32Array(texts.length * 16);
  texts.forEach((text, i) => {
    data.set(unit(new Rng(text), 16), i * 16);
  });
  return new Tensor('float32', [texts.length, 16], data);
};

describe('headBatches', () => {
  it('never holds a text twice, and shows one thing in several motions', async () => {
    const clips = [
      ...motionNames.flatMap((motion) => [composed(0, motion), composed(1, motion), composed(2, motion)]),
      ...Array.from({ length: 60 }, (_, i) => animated(`thing ${i}`, false)),
    ];
    const features = new Tensor(
      'float32',
      [2 * clips.length, 1],
      Float32Array.from({ length: 2 * clips.length }, (_, i) => i),
    );
    const appearance = new Tensor('float32', [clips.length, 16], new Float32Array(clips.length * 16));
    const { captions, textVectors } = await captionVectors(clips, { languages: ['en'], dim: 16 }, encode);
    const batch = headBatches({ clips, features, appearance, captions, textVectors }, 24)(new Rng('head'));
    const rows = Array.from(batch.features.data, Number);
    const textOf = (row: number) => {
      const vector = batch.texts.data.slice(row * 16, (row + 1) * 16).join();
      return captions.length > 0
        ? Array.from({ length: textVectors.shape[0]! }, (_, i) => i).find(
            (i) => textVectors.data.slice(i * 16, i * 16 + 16).join() === vector,
          )!
        : -1;
    };
    const texts = rows.map((_, i) => textOf(i));
    expect(new Set(texts).size).toBe(24);
    rows.forEach((row, i) => {
      expect([...captions[row]!.plain, ...captions[row]!.moving]).toContain(texts[i]);
    });
    const concepts = rows.map((row) => clips[row >> 1]!.concept);
    expect(
      Math.max(...concepts.map((concept) => concepts.filter((other) => other === concept).length)),
    ).toBeGreaterThan(2);
  });
});

describe('a batch for the head', () => {
  it('is refused where there are too few concepts', async () => {
    const clips = [composed(0, 'rises'), composed(1, 'grows')];
    const table = (rows: number, dim: number) => new Tensor('float32', [rows, dim], new Float32Array(rows * dim));
    const texts = await captionVectors(clips, { languages: ['en'], dim: 16 }, encode);
    const next = headBatches({ clips, features: table(4, 1), appearance: table(2, 16), ...texts }, 12);
    expect(() => next(new Rng(1))).toThrow('choose a smaller batch');
  });
});

describe('choiceFigures', () => {
  const [right, wrong] = [Float32Array.of(1, 0), Float32Array.of(0, 1)];

  it('is one for what is told apart, zero for what is confused, a half for what is the same', () => {
    const told = choiceFigures([{ clip: right, otherClip: wrong, text: right, otherText: wrong }]);
    expect(told.byClip).toEqual({ accuracy: 1, interval: [1, 1], choices: 2 });
    expect(told.byText.accuracy).toBe(1);
    const confused = choiceFigures([{ clip: wrong, otherClip: right, text: right, otherText: wrong }]);
    expect(confused.byClip.accuracy).toBe(0);
    // Clips that are the same: each of the two texts wins one of the two questions.
    const same = choiceFigures([{ clip: right, otherClip: right, text: right, otherText: wrong }]);
    expect(same.byClip.accuracy).toBe(0.5);
    expect(same.byText.accuracy).toBe(0.5);
  });

  it('asks one question where nothing names the other clip', () => {
    const figures = choiceFigures([{ clip: right, otherClip: wrong, text: right }]);
    expect(figures.byText).toEqual({ accuracy: 1, interval: [1, 1], choices: 1 });
    expect(figures.byClip.choices).toBe(0);
  });
});

describe('findFigures', () => {
  it('looks for queries among candidates alone', () => {
    const table = new Tensor('float32', [3, 2], Float32Array.of(1, 0, 0, 1, 0.6, 0.8));
    const figures = findFigures(table, table, [0], [0, 2]);
    expect(figures).toMatchObject({ r1: 1, candidates: 2, chance: 5 });
  });
});

describe('the two stages', () => {
  const directed = ['moves-left', 'rises'] as const;
  const clips = Array.from({ length: 32 }, (_, i) => composed(i, directed[(i >> 3) % 2]!));
  const features = featuresOf(clips);
  const statistics = columnStatistics([frameRows(features.pictureFeatures)]);
  const base = videoSettings();
  const settings: VideoSettings = {
    ...base,
    dim: 32,
    numLayers: 1,
    numHeads: 2,
    stageOne: {
      ...base.stageOne,
      batchSize: 16,
      numSteps: 80,
      warmupSteps: 5,
      animatedShare: 0,
      peakLearningRate: 3e-3,
      dropout: 0,
    },
    stageTwo: {
      ...base.stageTwo,
      batchSize: 8,
      numSteps: 120,
      warmupSteps: 5,
      hiddenDim: 32,
      dropout: 0,
      peakLearningRate: 5e-3,
    },
  };
  const runDirectory = mkdtempSync(join(tmpdir(), 'video-tower-'));

  it('teach a tower motion that a head can say, where the mean of frames cannot', { timeout: 60_000 }, async () => {
    const stage = { settings, clips, features, statistics, runDirectory, numThreads: 1 };
    const { params, result } = await trainTower(stage);
    expect(result.figures[0]!.motion).toBeGreaterThan(2);
    expect(result.figures.at(-1)!.motion).toBeLessThan(0.5);
    // A run that has ended is not repeated.
    expect((await trainTower(stage)).result.resumedFrom).toBe(80);

    const tower = await compile(videoTowerGraph(params.tower, statistics, settings), { numThreads: 1 });
    const own = await towerFeatures(tower, features);
    // All frames look the same to the picture side.
    const frames = new Tensor('float32', [32, 8, 16], new Float32Array(32 * 8 * 16).fill(0.25));
    const space = { languages: ['en'], dim: 16 };
    const corpus = {
      clips,
      features: own,
      appearance: meanOfFrames(frames),
      ...(await captionVectors(clips, space, encodeMotion)),
    };
    const head = await trainHead({ settings, corpus, logitScale: 10, startId: 'test', runDirectory, numThreads: 1 });
    const opened = await compile(videoHeadGraph(head.params, 8), { numThreads: 1 });
    expect(await accuracy(opened, frames, own)).toBeGreaterThan(0.9);
    const untrained = initVideoHead(new Rng(1), { featureDim: 32, spaceDim: 16, hiddenDim: 32 });
    const still = await compile(videoHeadGraph(untrained, 8), { numThreads: 1 });
    expect(await accuracy(still, frames, own)).toBe(0.5);
    await Promise.all([tower.close(), opened.close(), still.close()]);
  });

  /** Texts that say a motion in one half and the name in the other. */
  async function encodeMotion(texts: readonly string[]) {
    const data = new Float32Array(texts.length * 16);
    texts.forEach((text, i) => {
      const motion = motionNames.find((name) => name.split('-').at(-1)!.slice(0, 4) === wordOf(text)) ?? 'none';
      const both = [...unit(new Rng(motion), 8), ...unit(new Rng(names.find((name) => text.includes(name))!), 8)];
      data.set(
        both.map((value) => value * Math.SQRT1_2),
        i * 16,
      );
    });
    return new Tensor('float32', [texts.length, 16], data);
  }

  function wordOf(text: string): string | undefined {
    if (/left$|to left|moves left/.test(text)) return 'left';
    if (/right$|to right/.test(text)) return 'righ';
    if (/ris|up|upward/.test(text)) return 'rise';
    return /fall|down/.test(text) ? 'fall' : undefined;
  }

  async function accuracy(head: Executable, frames: Tensor<'float32'>, own: Tensor<'float32'>) {
    const vectors = await clipVectors(head, frames, own);
    const row = (index: number) => vectors.data.subarray(index * 16, (index + 1) * 16);
    const questions = await Promise.all(
      clips.map(async (clip, i) => {
        const motion = (clip as Extract<Clip, { kind: 'composed' }>).motion;
        const name = clip.name.en;
        const pair =
          motion === 'rises'
            ? [`a ${name} rising`, `a ${name} falling`]
            : [`a ${name} moving left`, `a ${name} moving right`];
        const { data } = await encodeMotion(pair);
        return { clip: row(2 * i), otherClip: row(2 * i + 1), text: data.slice(0, 16), otherText: data.slice(16) };
      }),
    );
    return choiceFigures(questions).byClip.accuracy;
  }
});
