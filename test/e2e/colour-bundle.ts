/**
 * @file A whole bundle of four modalities for tests of everything around it: `writeColourBundle(directory)`, then `loadEncoder(directory)`. It stands
 * on no package, weighs some 40 kB, opens and runs in milliseconds, and its weights are written, not trained, so that a test can say in its
 * head what is near to what (D = 8):
 *
 * - a picture is its mean colour;
 * - a text is the words that it holds: red 红, green 绿, blue 蓝, white 白, low 低, middle 中, high 高, brightening 变亮, darkening 变暗;
 * - a sound is where its energy lies among 64 mel bands: low (to about 0.9 kHz), middle (to about 3 kHz), high;
 * - a moving picture is the mean colour of its frames, and whether it gets brighter or darker from the first to the last.
 *
 * Pictures are `uint8[16, 16, 3]`, clips 4 of them; sounds are heard in windows of 1 s, 3 s at most. It has facts (`sensorium/recall`) of red and blue.
 */
import { type MultimodalManifest, writeBundle } from '../../src/bundle/index.ts';
import {
  add,
  cast,
  concat,
  constant,
  div,
  exp,
  gather,
  matMul,
  mul,
  reduceMean,
  reduceSum,
  reshape,
  slice,
  sub,
  unsqueeze,
  type Value,
} from '../../src/engine/graph/index.ts';
import { exportOnnx, float32, spec, trace, type ValueSpec } from '../../src/engine/index.ts';
import { ByteLevelBpe, type TokenizerJson } from '../../src/media/text/byte-level-bpe.ts';
import { trainByteLevelBpe } from '../../src/media/text/train-byte-level-bpe.ts';
import { unitVectors } from '../../src/model/index.ts';

const dim = 8;
const size = 16;
const numFrames = 4;

/** Entries of a vector: red, green, blue; low, middle, high; brightening (darkening is its negative); what nothing lacks. */
const words: Readonly<Record<string, readonly number[]>> = {
  'red 红': [1, 0, 0, 0, 0, 0, 0],
  'green 绿': [0, 1, 0, 0, 0, 0, 0],
  'blue 蓝': [0, 0, 1, 0, 0, 0, 0],
  'white 白': [1, 1, 1, 0, 0, 0, 0],
  'low 低': [0, 0, 0, 1, 0, 0, 0],
  'middle 中': [0, 0, 0, 0, 1, 0, 0],
  'high 高': [0, 0, 0, 0, 0, 1, 0],
  'brightening 变亮': [0, 0, 0, 0, 0, 0, 1],
  'darkening 变暗': [0, 0, 0, 0, 0, 0, -1],
};

/** Writes the bundle; the same every time. */
export async function writeColourBundle(
  directory: string,
  changes: Partial<Omit<MultimodalManifest, 'files'>> = {},
): Promise<MultimodalManifest> {
  const files = new Map([...models(), ['facts.json', Buffer.from(JSON.stringify(facts))] as const]);
  const description: Omit<MultimodalManifest, 'files'> = {
    format: 'sensorium-bundle',
    version: 2,
    kind: 'multimodal',
    name: 'colours',
    licence: 'Apache-2.0',
    languages: ['en', 'zh'],
    space: { dim },
    picture: {
      tower: 'vision-transformer',
      size,
      padding: 0,
      outputs: ['colour'],
      head: 'picture-head.onnx',
      weights: 'picture-tower.onnx',
    },
    text: {
      routes: [
        { scripts: 'any', tower: 'text-encoder', weights: 'student.onnx', tokenizer: 'tokenizer.json', maxTokens: 64 },
      ],
      head: 'text-head.onnx',
    },
    audio: {
      weights: 'audio-tower.onnx',
      frontEnd: 'log-mel-64',
      head: 'audio-head.onnx',
      sampleRateHz: 16000,
      windowSeconds: 1,
      maxSeconds: 3,
    },
    video: { weights: 'video-tower.onnx', head: 'video-head.onnx', numFrames },
    facts: 'facts.json',
    logitScale: 10,
    licences: Object.fromEntries([...files.keys()].map((name) => [name, 'Apache-2.0'])),
    parts: {},
    provenance: {
      recipe: 'none',
      createdAt: '2026-01-01T00:00:00Z',
      commit: null,
      seed: 1,
      steps: 0,
      seconds: 0,
      settings: {},
      data: [],
      metrics: {},
    },
    ...changes,
  };
  return writeBundle(directory, description, files);
}

const facts = {
  format: 'sensorium-facts',
  version: 1,
  sources: [{ package: 'none', version: '1.0.0', licence: 'Apache-2.0' }],
  concepts: [
    {
      id: 'red',
      names: { en: 'red', zh: '红', de: 'rot' },
      words: ['red'],
      gloss: 'the colour at the end of the spectrum',
      related: ['blue'],
    },
    { id: 'blue', names: { en: 'blue', zh: '蓝', de: 'blau' }, words: ['blue'], related: ['red'] },
  ],
};

function models(): [string, Uint8Array][] {
  const { tokenizer, table } = textModel();
  return [
    ['tokenizer.json', Buffer.from(JSON.stringify(tokenizer))],
    [
      'student.onnx',
      model({ ids: spec(['batch', 'time'], 'int64'), mask: spec(['batch', 'time']) }, ({ ids, mask }) => ({
        embedding: reduceSum(mul(gather(table, ids!), unsqueeze(mask!, [2])), { axes: [1] }),
      })),
    ],
    ['text-head.onnx', head({ features: spec(['batch', dim - 1]) }, ({ features }) => features!)],
    [
      'picture-tower.onnx',
      model({ pictures: spec(['batch', size, size, 3], 'uint8') }, ({ pictures }) => ({
        colour: div(reduceMean(cast(pictures!, 'float32'), { axes: [1, 2] }), 255),
      })),
    ],
    ['picture-head.onnx', head({ colour: spec(['batch', 3]) }, ({ colour }) => matMul(colour!, at([0, 1, 2])))],
    [
      'audio-tower.onnx',
      model({ logMel: spec(['batch', 'frames', 64]) }, ({ logMel }) => ({ features: thirds(logMel!) })),
    ],
    ['audio-head.onnx', head({ features: spec(['batch', 3]) }, ({ features }) => matMul(features!, at([3, 4, 5])))],
    [
      'video-tower.onnx',
      model(
        {
          pictureFeatures: spec(['batch', numFrames, 3]),
          thumbnails: spec(['batch', numFrames, 16, 16, 3]),
        },
        ({ thumbnails }) => ({ features: brightening(thumbnails!) }),
      ),
    ],
    [
      'video-head.onnx',
      head({ frames: spec(['batch', numFrames, dim]), features: spec(['batch', 1]) }, ({ frames, features }) =>
        add(
          slice(reduceMean(frames!, { axes: [1] }), { starts: [0], ends: [dim - 1], axes: [1] }),
          matMul(features!, at([6])),
        ),
      ),
    ],
  ];
}

function model(inputs: Record<string, ValueSpec>, body: (values: Record<string, Value>) => Record<string, Value>) {
  return exportOnnx(trace(body, inputs));
}

/** A head that adds the entry that nothing lacks, and brings the vector to length 1. */
function head(inputs: Record<string, ValueSpec>, body: (values: Record<string, Value>) => Value): Uint8Array {
  return model(inputs, (values) => {
    const known = body(values);
    const last = add(mul(slice(known, { starts: [0], ends: [1], axes: [1] }), 0), 0.1);
    return { embedding: unitVectors(concat([known, last], 1)) };
  });
}

/** The matrix `[entries, 7]` that puts features at entries of the vector. */
function at(entries: readonly number[]): Value {
  const matrix = new Float32Array(entries.length * (dim - 1));
  entries.forEach((entry, i) => {
    matrix[i * (dim - 1) + entry] = 1;
  });
  return constant(float32(matrix, [entries.length, dim - 1]));
}

/** The share of the energy in each third of the bands, `[batch, 3]`. */
function thirds(logMel: Value): Value {
  const power = reduceMean(exp(logMel), { axes: [1] });
  const sums = [0, 21, 42].map((start, i) =>
    reduceSum(slice(power, { starts: [start], ends: [[21, 42, 64][i]!], axes: [1] }), { axes: [1], keepDims: true }),
  );
  const whole = add(add(sums[0]!, add(sums[1]!, sums[2]!)), 1e-12);
  return concat(
    sums.map((sum) => div(sum, whole)),
    1,
  );
}

/** How much brighter the last thumbnail is than the first, `[batch, 1]`. */
function brightening(thumbnails: Value): Value {
  const brightness = reduceMean(thumbnails, { axes: [2, 3, 4] });
  const last = slice(brightness, { starts: [numFrames - 1], ends: [numFrames], axes: [1] });
  return reshape(sub(last, slice(brightness, { starts: [0], ends: [1], axes: [1] })), ['batch', 1]);
}

/** A tokenizer that has a token for each word, an English one also after a space, and the entries `[tokens, 7]` of every token. */
function textModel(): { tokenizer: TokenizerJson; table: Value } {
  const spoken = Object.keys(words).flatMap((pair) => pair.split(' '));
  const texts = spoken.flatMap((word) => [word, `and ${word}`]);
  const tokenizer = trainByteLevelBpe([...texts, ...texts], { vocabularySize: 1000 });
  const bpe = new ByteLevelBpe(tokenizer);
  const data = new Float32Array(bpe.vocabularySize * (dim - 1));
  for (const [pair, entries] of Object.entries(words)) {
    for (const text of pair.split(' ').flatMap((word) => (/[a-z]/.test(word) ? [word, ` ${word}`] : [word]))) {
      const ids = bpe.encode(text);
      if (ids.length !== 1) throw new Error(`writeColourBundle: "${text}" must be one token, got ${ids.length}`);
      data.set(entries, ids[0]! * (dim - 1));
    }
  }
  return { tokenizer, table: constant(float32(data, [bpe.vocabularySize, dim - 1])) };
}
