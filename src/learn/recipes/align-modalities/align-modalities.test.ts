import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { FormatError, MissingDataError, Rng, Tensor } from '../../../engine/core/index.ts';
import { initHead } from '../../../model/index.ts';
import type { GroupItem } from '../../data/sampler.ts';
import type { SoundRecord } from '../../data/sounds.ts';
import type { SpeechClip } from '../../data/speech.ts';
import { chineseCaptions } from './chinese-captions.ts';
import { rowsOf } from './clip-vectors.ts';
import { initSpaceAdapter } from './modules.ts';
import { readAudio, readStudent, readVideo } from './parts.ts';
import { TextRows } from './picture-corpus.ts';
import { alignModalitiesSettings, hashSettings } from './settings.ts';
import { phraseItems, soundItems } from './sound-corpus.ts';
import { type TrainSpaceOptions, trainSpace } from './train-space.ts';
import { splitColumns } from './validation.ts';

const folder = mkdtempSync(join(tmpdir(), 'align-modalities-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const normal = (seed: string, rows: number, dim: number) =>
  new Tensor('float32', [rows, dim], new Rng(seed).fillNormal(new Float32Array(rows * dim)));

/** Things whose pictures, texts and sounds are all made of one hidden vector; every second lacks a sound, every third a text. */
function toy(name: string): TrainSpaceOptions {
  const numThings = 60;
  const hidden = normal('hidden', numThings, 6);
  const seen = (seed: string, dim: number) => {
    const mix = normal(seed, 6, dim);
    const data = new Float32Array(numThings * dim);
    for (let i = 0; i < numThings; i++) {
      for (let d = 0; d < dim; d++) {
        for (let h = 0; h < 6; h++) data[i * dim + d]! += hidden.data[i * 6 + h]! * mix.data[h * dim + d]!;
      }
    }
    return new Tensor('float32', [numThings, dim], data);
  };
  const items = Array.from(
    { length: numThings },
    (_, i): GroupItem => ({
      concept: `thing ${i}`,
      rows: { picture: [i], text: i % 3 === 0 ? [] : [i], audio: i % 2 === 0 ? [] : [i] },
    }),
  );
  const rng = new Rng('heads');
  const head = (featureDim: number) => initHead(rng, { featureDim, spaceDim: 8, numAdapters: 1, bottleneckDim: 4 });
  return {
    data: {
      modalities: {
        picture: { table: seen('picture', 12), module: 'picture', dropout: 0.1 },
        text: { table: seen('text', 9), module: 'text', dropout: 0 },
        audio: { table: seen('audio', 7), module: 'audio', dropout: 0 },
      },
      sources: [{ items }],
    },
    modules: { picture: head(12), text: head(9), audio: head(7) },
    stage: {
      batchSize: 24,
      numSteps: 60,
      warmupSteps: 5,
      peakLearningRate: 0.02,
      weightDecay: 0,
      averageDecay: 0.8,
    },
    sampling: { strategy: 'logarithmic', texts: ['text'], nameProbability: 0.5 },
    seed: 1,
    runId: name,
    runDirectory: folder,
    runtime: { numThreads: 1 },
  };
}

describe('trainSpace', () => {
  it('aligns every two modalities though samples lack some', async () => {
    const { figures, params } = await trainSpace(toy('all pairs'));
    expect(figures.at(-1)!.loss).toBeLessThan(figures[0]!.loss / 3);
    for (const pair of ['picture-text', 'picture-audio', 'text-audio'])
      expect(figures.at(-1)![pair]).toBeGreaterThan(0.6);
    expect(Object.keys(params.modules)).toEqual(['picture', 'text', 'audio']);
  });

  it('leaves rows without a module where they are, and starts adapters as the identity', async () => {
    const options = toy('adapter');
    const spaceDim = 12;
    const { picture, ...others } = options.data.modalities;
    const { figures, params } = await trainSpace({
      ...options,
      data: {
        ...options.data,
        modalities: {
          picture: { table: unit(picture!.table), dropout: 0 },
          text: { table: unit(picture!.table), module: 'text', dropout: 0 },
        },
        pairs: [['picture', 'text']],
      },
      modules: { text: initSpaceAdapter(new Rng(1), spaceDim, 4) },
      stage: { ...options.stage, numSteps: 1, warmupSteps: 0 },
      logitScale: 20,
    });
    // Texts are the pictures' own vectors: found at once.
    expect(figures[0]!['picture-text']).toBe(1);
    expect(Object.keys(params.modules)).toEqual(['text']);
    expect(Object.keys(others)).toEqual(['text', 'audio']);
  });

  it('learns by the sigmoid loss too', async () => {
    const { figures } = await trainSpace({ ...toy('sigmoid'), contrast: 'sigmoid' });
    expect(figures.at(-1)!.loss).toBeLessThan(figures[0]!.loss / 2);
  });

  it('refuses the checkpoint of other settings', async () => {
    const options = { ...toy('other settings'), stage: { ...toy('x').stage, numSteps: 1, warmupSteps: 0 } };
    await trainSpace(options);
    await expect(trainSpace({ ...options, seed: 2 })).rejects.toThrow('other settings');
  });
});

function unit(table: Tensor<'float32'>): Tensor<'float32'> {
  const [rows, dim] = table.shape as [number, number];
  const data = table.data.slice();
  for (let i = 0; i < rows; i++) {
    const row = data.subarray(i * dim, (i + 1) * dim);
    const length = Math.hypot(...row);
    for (let d = 0; d < dim; d++) row[d]! /= length;
  }
  return new Tensor('float32', [rows, dim], data);
}

describe('soundItems and phraseItems', () => {
  const sound = (file: string, en: string, split: SoundRecord['split']) =>
    ({
      id: file,
      file,
      path: file,
      concept: 'bell',
      text: { en, zh: '铃' },
      keywords: ['ringing'],
      conceptSplit: split,
      split,
    }) as SoundRecord;

  it('gives the recordings of training their texts in both languages, and no others', () => {
    const [text, chinese] = [new TextRows(), new TextRows()];
    const items = soundItems([sound('a', 'low bell', 'test'), sound('b', 'high bell', 'train')], text, chinese);
    expect(items).toHaveLength(1);
    expect(items[0]!.rows.audio).toEqual([1]);
    expect(items[0]!.rows.text!.map((row) => text.texts[row])).toEqual([
      'high bell',
      'the sound of high bell',
      'high bell sound',
      'ringing',
    ]);
    expect(items[0]!.rows.chinese!.map((row) => chinese.texts[row])).toEqual(['铃', '铃的声音']);
  });

  it('joins the recordings of a phrase by the voices of training', () => {
    const clip = (text: string, language: 'en' | 'zh', split: 'train' | 'test', heldOut: boolean) =>
      ({ id: text, text, language, split, concept: '1f415', voice: { heldOut } }) as unknown as SpeechClip;
    const [text, chinese] = [new TextRows(), new TextRows()];
    const items = phraseItems(
      [
        clip('dog', 'en', 'train', false),
        clip('dog', 'en', 'train', true),
        clip('dog', 'en', 'train', false),
        clip('cat', 'en', 'test', false),
        clip('狗', 'zh', 'train', false),
      ],
      10,
      text,
      chinese,
    );
    expect(items).toEqual([
      { concept: '1f415', rows: { audio: [10, 12], text: [0] } },
      { concept: '1f415', rows: { audio: [14], chinese: [0] } },
    ]);
    expect([text.texts, chinese.texts]).toEqual([['dog'], ['狗']]);
  });
});

describe('parts', () => {
  it('says which file is missing, and what a description lacks', async () => {
    await expect(readStudent(folder)).rejects.toThrow(MissingDataError);
    await expect(readVideo(folder)).rejects.toThrow('video.json');
    writeFileSync(join(folder, 'audio-tower.onnx'), 'x');
    writeFileSync(join(folder, 'audio-tower.json'), '{"windowSeconds": 2}');
    await expect(readAudio(folder)).rejects.toThrow(FormatError);
  });

  it('reads a part with its origin', async () => {
    const description = {
      recipe: 'train-audio-tower',
      commit: 'abc',
      windowSeconds: 2.015,
      settings: { seed: 3, numSteps: 40, tower: { windowFrames: 200 } },
      final: { loss: 1.5, nested: { accuracy: 0.5 } },
      seconds: 7,
    };
    writeFileSync(join(folder, 'audio-tower.json'), JSON.stringify(description));
    const { windowSeconds, windowFrames, provenance } = await readAudio(folder);
    expect([windowSeconds, windowFrames]).toEqual([2.015, 200]);
    expect(provenance).toMatchObject({ recipe: 'train-audio-tower', commit: 'abc', seed: 3, steps: 40, seconds: 7 });
    expect(provenance.metrics).toEqual({ loss: 1.5, 'nested.accuracy': 0.5 });
  });
});

describe('chineseCaptions', () => {
  it('begins with the name, and ends with keywords alone', () => {
    const captions = chineseCaptions({ name: '披萨', keywords: ['披萨', '奶酪', '切片'] }, new Rng(1));
    expect(captions.slice(0, 3)).toEqual(['披萨', '一个披萨', '披萨的图片']);
    expect(captions.at(-1)).toMatch(/^(奶酪|切片)$/);
    expect(chineseCaptions({ name: '披萨', keywords: [] }, new Rng(1))).toHaveLength(3);
  });
});

describe('tables', () => {
  it('takes rows, and splits columns back into the outputs of a tower', () => {
    const table = new Tensor('float32', [3, 2], Float32Array.from([1, 2, 3, 4, 5, 6]));
    expect([...rowsOf(table, [2, 0]).data]).toEqual([5, 6, 1, 2]);
    const { a, b } = splitColumns(table, [
      { name: 'a', dim: 1 },
      { name: 'b', dim: 1 },
    ]);
    expect([[...a!.data], [...b!.data]]).toEqual([
      [1, 3, 5],
      [2, 4, 6],
    ]);
  });
});

describe('alignModalitiesSettings', () => {
  it('is named by its values', () => {
    expect(hashSettings(alignModalitiesSettings())).toBe(hashSettings(alignModalitiesSettings()));
    expect(hashSettings(alignModalitiesSettings({ seed: 2 }))).not.toBe(hashSettings(alignModalitiesSettings()));
  });
});
