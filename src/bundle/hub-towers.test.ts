/**
 * @file Towers of the hub on tiny models that are written here with the file layout, inputs and outputs of the hub's own. What the models
 * compute can be told in the head. Nothing is fetched.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FormatError, MissingDataError, ShapeError, Tensor } from '../engine/core/index.ts';
import {
  add,
  cast,
  concat,
  constant,
  type Graph,
  mul,
  reduceMean,
  reduceSum,
  spec,
  trace,
  transpose,
} from '../engine/graph/index.ts';
import { exportOnnx } from '../engine/onnx/index.ts';
import { openHubTower } from './hub-towers.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'hub-towers-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const size = 6;
const [mean, deviation] = [0.5, 0.25];

/** Means of the three colours. */
const vision = (output: string): Graph =>
  trace(({ pixel_values: pixels }) => ({ [output]: reduceMean(pixels!, { axes: [2, 3] }) }), {
    pixel_values: spec(['batch', 3, size, size]),
  });

/** The sum of the ids that are read, and how many there are in all. */
const language = (output: string, hasMask: boolean): Graph =>
  trace(
    ({ input_ids: ids, attention_mask: mask }) => {
      const values = cast(ids!, 'float32');
      const read = mask === undefined ? values : mul(values, cast(mask, 'float32'));
      const ones = add(mul(values, 0), 1);
      return {
        [output]: concat(
          [read, ones].map((rows) => reduceSum(rows, { axes: [1], keepDims: true })),
          1,
        ),
      };
    },
    {
      input_ids: spec(['batch', 'time'], 'int64'),
      ...(hasMask && { attention_mask: spec(['batch', 'time'], 'int64') }),
    },
  );

const tokenizer = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: ['[PAD]', '[UNK]'].map((content, id) => ({ id, content, special: true })),
  normalizer: null,
  pre_tokenizer: { type: 'Whitespace' },
  post_processor: null,
  decoder: null,
  model: { type: 'WordLevel', unk_token: '[UNK]', vocab: { '[PAD]': 0, '[UNK]': 1, red: 10, blue: 20, fish: 300 } },
};

async function writeModel(folder: string, modelType: string, graphs: Record<string, Graph>, preprocessor = {}) {
  const directory = join(root, folder);
  await mkdir(join(directory, 'onnx'), { recursive: true });
  const files: Record<string, object> = {
    'config.json': { model_type: modelType },
    'preprocessor_config.json': preprocessor,
    'tokenizer.json': tokenizer,
    'tokenizer_config.json': {
      tokenizer_class: 'PreTrainedTokenizerFast',
      pad_token: '[PAD]',
      unk_token: '[UNK]',
      model_max_length: 70,
    },
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), JSON.stringify(content));
  for (const [name, graph] of Object.entries(graphs)) {
    await writeFile(join(directory, 'onnx', `${name}.onnx`), exportOnnx(graph));
  }
  return directory;
}

const pictures = (type: string) => ({
  image_processor_type: type,
  do_resize: true,
  size: { height: size, width: size },
  do_rescale: true,
  do_normalize: true,
  image_mean: [mean, mean, mean],
  image_std: [deviation, deviation, deviation],
});

const filled = (r: number, g: number, b: number, side = size): Tensor<'uint8'> =>
  new Tensor(
    'uint8',
    [side, side, 3],
    Uint8Array.from({ length: side * side * 3 }, (_, i) => [r, g, b][i % 3]!),
  );

/** What the preprocessing makes of a colour. */
const normalized = (value: number) => (value / 255 - mean) / deviation;

describe.each([
  ['clip', 'CLIPImageProcessor', 'image_embeds', 'text_embeds'],
  ['siglip', 'SiglipImageProcessor', 'pooler_output', 'pooler_output'],
])('a model of the family %s', (family, processor, pictureOutput, textOutput) => {
  beforeAll(async () => {
    const graphs = {
      vision_model: vision(pictureOutput),
      text_model: language(textOutput, family === 'clip'),
    };
    await writeModel(family, family, graphs, pictures(processor));
  });

  test('gives features of pictures, in batches', async () => {
    const tower = await openHubTower(join(root, family), { modality: 'picture', numThreads: 1 });
    expect(tower).toMatchObject({ size, outputs: [pictureOutput], ports: [{ name: pictureOutput, dim: 3 }] });
    const many = Array.from({ length: 40 }, (_, i) => filled(i, 128, 255));
    const features = (await tower.run(many))[pictureOutput]!;
    expect(features.shape).toEqual([40, 3]);
    [0, 31, 39].forEach((i) => {
      [i, 128, 255].forEach((value, c) => {
        expect(Number(features.data[i * 3 + c])).toBeCloseTo(normalized(value), 4);
      });
    });
    await expect(tower.run([filled(0, 0, 0, 9)])).rejects.toThrow(ShapeError);
    await tower.close();
  });

  test('gives features of texts', async () => {
    const tower = await openHubTower(join(root, family), { modality: 'text', numThreads: 1 });
    const features = await tower.run(['red fish', 'blue', 'red green fish']);
    // Unknown words are 1. SigLIP reads 64 tokens, whatever the text; CLIP as many as the longest.
    const length = family === 'siglip' ? 64 : 3;
    expect(features.shape).toEqual([3, 2]);
    expect([...features.data]).toEqual([310, length, 20, length, 311, length]);
    await tower.close();
  });

  test('has no tower for sound', async () => {
    await expect(openHubTower(join(root, family), { modality: 'audio' })).rejects.toThrow(
      new RegExp(`a ${family} has towers for picture and text, not for audio`),
    );
  });
});

test('a CLAP model gives features of sound: the same each time, of the beginning where it is long', async () => {
  const features = trace(
    ({ input_features: spectrum }) => ({ audio_embeds: reduceMean(spectrum!, { axes: [1, 2] }) }),
    { input_features: spec(['batch', 1, 'time', 8]) },
  );
  const folder = await writeModel(
    'clap',
    'clap',
    { audio_model: features, text_model: language('text_embeds', true) },
    {
      feature_extractor_type: 'ClapFeatureExtractor',
      feature_size: 8,
      fft_window_size: 128,
      hop_length: 64,
      sampling_rate: 8000,
      nb_max_samples: 4000,
      nb_frequency_bins: 65,
      frequency_min: 50,
      frequency_max: 4000,
      max_length_s: 0.5,
      padding: 'repeatpad',
      truncation: 'rand_trunc',
    },
  );
  const tower = await openHubTower(folder, { modality: 'audio', numThreads: 1 });
  expect(tower).toMatchObject({ sampleRateHz: 8000, maxSeconds: 0.5 });
  const tone = (hertz: number, length: number) =>
    Float32Array.from({ length }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / 8000));
  const long = tone(500, 9000);
  long.fill(0, 4000);
  const { shape, data } = await tower.run([tone(500, 4000), long, tone(3000, 4000)]);
  expect(shape).toEqual([3, 8]);
  const row = (i: number) => [...data.subarray(i * 8, i * 8 + 8)];
  expect(row(1)).toEqual(row(0));
  expect(row(0).indexOf(Math.max(...row(0)))).toBeLessThan(row(2).indexOf(Math.max(...row(2))));
  await tower.close();
  const texts = await openHubTower(folder, { modality: 'text' });
  expect([...(await texts.run(['blue fish'])).data]).toEqual([320, 2]);
  await texts.close();
});

test('the encoder of a Whisper model gives the mean over the time that holds sound', async () => {
  // Time t of 100 gives t, whatever is heard: a half second of one is the mean of 0 to 49.
  const encoder = trace(
    ({ input_features: spectrum }) => {
      const silent = mul(transpose(spectrum!, [0, 2, 1]), 0);
      const times = constant(
        new Tensor(
          'float32',
          [1, 100, 1],
          Float32Array.from({ length: 100 }, (_, t) => t),
        ),
      );
      return { last_hidden_state: add(silent, times) };
    },
    { input_features: spec(['batch', 8, 100]) },
  );
  const folder = await writeModel(
    'whisper',
    'whisper',
    { encoder_model: encoder },
    {
      feature_extractor_type: 'WhisperFeatureExtractor',
      feature_size: 8,
      sampling_rate: 16_000,
      hop_length: 160,
      n_fft: 400,
      n_samples: 16_000,
      nb_max_frames: 100,
      chunk_length: 1,
    },
  );
  const tower = await openHubTower(folder, { modality: 'audio', numThreads: 1 });
  expect(tower).toMatchObject({ sampleRateHz: 16_000, maxSeconds: 1 });
  const { shape, data } = await tower.run([new Float32Array(8000).fill(0.1), new Float32Array(40_000)]);
  expect(shape).toEqual([2, 8]);
  expect(data[0]).toBeCloseTo(24.5, 3);
  expect(data[8]).toBeCloseTo(49.5, 3);
  await tower.close();
});

describe('what is refused', () => {
  test('a model of another family, and one that is none', async () => {
    const other = await writeModel('bert', 'bert', {});
    await expect(openHubTower(other, { modality: 'text' })).rejects.toThrow(
      /bert: model_type must be one of clip, siglip, clap, whisper, got bert/,
    );
  });

  test('a model whose output is not what its family gives', async () => {
    const folder = await writeModel(
      'odd',
      'clip',
      { vision_model: vision('features') },
      pictures('CLIPImageProcessor'),
    );
    const opening = openHubTower(folder, { modality: 'picture' });
    await expect(opening).rejects.toThrow(FormatError);
    await expect(openHubTower(folder, { modality: 'picture' })).rejects.toThrow(
      /odd: the output "image_embeds" must be float32 of rank 2, got none/,
    );
  });

  test('a folder that lacks a file', async () => {
    const folder = await writeModel('bare', 'clip', {}, pictures('CLIPImageProcessor'));
    await expect(openHubTower(folder, { modality: 'picture' })).rejects.toThrow(MissingDataError);
    await expect(openHubTower(folder, { modality: 'picture' })).rejects.toThrow(/vision_model.*a folder must hold all/);
  });

  test('a name that the cache does not hold, offline and without a word of fetching', async () => {
    const said: string[] = [];
    const opening = openHubTower('someone/model', {
      modality: 'text',
      offline: true,
      cacheDir: join(root, 'cache'),
      onDownload: (message) => said.push(message),
    });
    await expect(opening).rejects.toThrow(MissingDataError);
    expect(said).toEqual([]);
  });
});
