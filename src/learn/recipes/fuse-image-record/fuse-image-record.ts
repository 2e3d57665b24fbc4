/**
 * @file The recipe `fuse-image-record`: what fusion is worth where a slice and a record complete each other, and what is left when parts are missing. It trains
 * the fused model, the same model on each modality alone, and their late fusion, for each seed; it measures them on studies that nothing was trained on. The
 * data is synthetic (see data/synthetic-study.ts) and so is every conclusion: no clinical claim.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { type OnProgress, Rng, type Tensor } from '../../../engine/core/index.ts';
import { compile } from '../../../engine/runtime/index.ts';
import { accuracyCeilings, diagnoses, recordFields, studyGeometry } from '../../data/synthetic-study.ts';
import {
  type ClassificationFigures,
  type Classified,
  classificationFigures,
  fitTemperature,
} from '../../evaluate/calibration.ts';
import { holdRunFolder } from '../../train/run-folder.ts';
import {
  compileStudyStep,
  type FusionModelSettings,
  type FusionTraining,
  initStudyModel,
  numImageTokens,
  type StudyModel,
  studyGraph,
} from './model.ts';
import {
  centreSlices,
  drawStudies,
  imageOnly,
  meanSlice,
  type Presence,
  recordOnly,
  type StudyTable,
  studyBatch,
  whole,
} from './studies.ts';

/** Everything that decides the experiment. */
export interface FuseSettings {
  readonly seeds: readonly number[];
  readonly numTraining: number;
  readonly numValidation: number;
  readonly numTest: number;
  readonly model: FusionModelSettings;
  readonly training: FusionTraining;
  /** How often training hides the slice, the record, and each single field. */
  readonly dropImage: number;
  readonly dropRecord: number;
  readonly dropField: number;
  /** Photons a ray: of training, and of the curve of rising noise. */
  readonly photons: number;
  readonly doses: readonly number[];
}

/** The settings of the committed figures. */
export function fuseSettings(changes: Partial<FuseSettings> = {}): FuseSettings {
  return {
    seeds: [1, 2, 3],
    numTraining: 3000,
    numValidation: 500,
    numTest: 1500,
    model: { size: 64, channels: [12, 24, 40, 64], width: 64, numLayers: 2, numHeads: 4, numClasses: diagnoses.length },
    training: { batchSize: 48, numSteps: 500, peakLearningRate: 3e-3 },
    dropImage: 0.15,
    dropRecord: 0.15,
    dropField: 0.1,
    photons: 20_000,
    doses: [20_000, 4_000, 1_000, 300, 100],
    ...changes,
  };
}

/** Where the recipe keeps what it has finished, and how it tells of it. */
export interface FuseOptions {
  readonly settings?: FuseSettings;
  /** Figures of finished seeds are kept here, and not computed again. */
  readonly runDirectory: string;
  readonly fresh?: boolean;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** A model under one condition. */
export interface FuseRow extends ClassificationFigures {
  readonly model: 'fused' | 'image alone' | 'record alone' | 'late fusion';
  /** What it was given: "everything", "no slice", "half of the fields", "slice at 300 photons". */
  readonly given: string;
}

/** What one seed gave. */
export interface FuseSeed {
  readonly seed: number;
  readonly rows: readonly FuseRow[];
  readonly seconds: number;
}

/** The report of the recipe. */
export interface FuseReport {
  readonly settings: FuseSettings;
  /** How often the best possible reader is right. */
  readonly ceilings: { readonly image: number; readonly record: number; readonly both: number };
  readonly seeds: readonly FuseSeed[];
}

/** Runs the experiment; finished seeds are read from the run folder. @throws RunBusyError while another process runs it there. */
export async function fuseImageRecord(options: FuseOptions): Promise<FuseReport> {
  const { settings = fuseSettings(), runDirectory, fresh = false } = options;
  await mkdir(runDirectory, { recursive: true });
  const release = await holdRunFolder(runDirectory);
  try {
    const seeds: FuseSeed[] = [];
    for (const seed of settings.seeds) {
      const path = join(runDirectory, `seed-${seed}.json`);
      const key = JSON.stringify({ ...settings, seeds: undefined });
      const known = fresh ? undefined : await readFinished(path, key);
      const result = known ?? (await runSeed(seed, settings, options));
      if (!known) await writeFileAtomic(path, JSON.stringify({ key, result }));
      seeds.push(result);
    }
    return { settings, ceilings: accuracyCeilings(new Rng('ceilings')), seeds };
  } finally {
    await release();
  }
}

async function readFinished(path: string, key: string): Promise<FuseSeed | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const kept = JSON.parse(text) as { key: string; result: FuseSeed };
  return kept.key === key ? kept.result : undefined;
}

type Drop = (rng: Rng) => Presence;

async function runSeed(seed: number, settings: FuseSettings, options: FuseOptions): Promise<FuseSeed> {
  const startedAt = performance.now();
  const rng = new Rng(seed);
  const geometry = studyGeometry(settings.photons);
  const training = await drawStudies(rng.fork('training'), geometry, settings.numTraining);
  const validation = await drawStudies(rng.fork('validation'), geometry, settings.numValidation);
  const tests: StudyTable[] = [];
  // The same studies at every dose: the fork is drawn anew.
  for (const photons of settings.doses) {
    tests.push(await drawStudies(rng.fork('test'), studyGeometry(photons), settings.numTest));
  }
  const mean = meanSlice(training);
  for (const table of [training, validation, ...tests]) centreSlices(table, mean);
  const { dropImage, dropRecord, dropField } = settings;
  const drops: Record<'fused' | 'image alone' | 'record alone', Drop> = {
    fused: (draw) => {
      const chance = draw.uniform();
      if (chance < dropImage) return withFields(recordOnly, draw, dropField);
      return chance < dropImage + dropRecord ? imageOnly : withFields(whole, draw, dropField);
    },
    'image alone': () => imageOnly,
    'record alone': (draw) => withFields(recordOnly, draw, dropField),
  };
  const rows: FuseRow[] = [];
  const alone: Record<string, Classified[]> = {};
  for (const [model, drop] of Object.entries(drops) as ['fused' | 'image alone' | 'record alone', Drop][]) {
    const params = await trainModel(`seed ${seed}, ${model}`, rng.fork(model), training, drop, settings, options);
    const predict = await predictor(params, settings.model);
    const own = model === 'fused' ? whole : model === 'image alone' ? imageOnly : recordOnly;
    const temperature = fitTemperature(await predict(validation, own));
    const measured = async (given: string, table: StudyTable, presence: Presence | ((row: number) => Presence)) =>
      rows.push({ model, given, ...classificationFigures(await predict(table, presence), temperature) });
    await measured('everything', tests[0]!, own);
    if (model === 'fused') {
      await measured('no slice', tests[0]!, recordOnly);
      await measured('no record', tests[0]!, imageOnly);
      for (const share of [0.25, 0.5, 0.75]) {
        const hide = new Rng(`${seed}/hide ${share}`);
        await measured(`${share * 100} % of the fields hidden`, tests[0]!, () => withFields(whole, hide, share));
      }
    }
    if (model !== 'record alone') {
      for (const [i, photons] of settings.doses.entries())
        await measured(`slice at ${photons} photons`, tests[i]!, own);
    }
    if (model !== 'fused') alone[model] = [scaled(await predict(tests[0]!, own), temperature)];
    await predict.close();
  }
  rows.push({
    model: 'late fusion',
    given: 'everything',
    ...classificationFigures(product(alone['image alone']![0]!, alone['record alone']![0]!)),
  });
  return { seed, rows, seconds: (performance.now() - startedAt) / 1000 };
}

function withFields(presence: Presence, rng: Rng, share: number): Presence {
  return {
    ...presence,
    fields: recordFields.map(() => rng.uniform() >= share),
    sentence: presence.sentence && rng.uniform() >= share,
  };
}

function scaled({ logits, labels }: Classified, temperature: number): Classified {
  return { logits: logits.map((logit) => logit / temperature), labels };
}

/** Late fusion: the product of both posteriors over the uniform prior, which is right where they are independent given the class. */
function product(a: Classified, b: Classified): Classified {
  const numClasses = a.logits.length / a.labels.length;
  const logs = (logits: Float32Array) =>
    logits.map((logit, i) => {
      const row = logits.subarray(i - (i % numClasses), i - (i % numClasses) + numClasses);
      const highest = Math.max(...row);
      return logit - highest - Math.log(row.reduce((sum, value) => sum + Math.exp(value - highest), 0));
    });
  const [first, second] = [logs(a.logits), logs(b.logits)];
  return { logits: first.map((log, i) => log + second[i]!), labels: a.labels };
}

async function trainModel(
  stage: string,
  rng: Rng,
  table: StudyTable,
  drop: Drop,
  { model, training }: FuseSettings,
  { onProgress, signal }: FuseOptions,
): Promise<StudyModel<Tensor>> {
  const step = await compileStudyStep(initStudyModel(rng.fork('parameters'), model), model, training);
  const tokens = numImageTokens(model);
  try {
    while (step.step < training.numSteps) {
      signal?.throwIfAborted();
      const rows = Array.from({ length: training.batchSize }, () => rng.integer(table.labels.length));
      const figures = await step.run(
        studyBatch(
          table,
          rows,
          rows.map(() => drop(rng)),
          tokens,
          rows.map(() => rng.uniform() < 0.5),
        ),
      );
      onProgress?.({ stage, done: step.step, total: training.numSteps, unit: 'steps', figures });
    }
    return step.params();
  } finally {
    await step.close();
  }
}

const predictBatch = 50;

/** A function that classifies a table, given what is present. */
async function predictor(params: StudyModel<Tensor>, model: FusionModelSettings) {
  const executable = await compile(studyGraph(params, model, predictBatch));
  const tokens = numImageTokens(model);
  const predict = async (table: StudyTable, presence: Presence | ((row: number) => Presence)): Promise<Classified> => {
    const total = table.labels.length;
    const logits = new Float32Array(total * model.numClasses);
    for (let start = 0; start < total; start += predictBatch) {
      // The last batch is filled up with its own first rows, which are computed and dropped.
      const rows = Array.from({ length: predictBatch }, (_, i) => (start + i < total ? start + i : start));
      const presences = rows.map((row) => (typeof presence === 'function' ? presence(row) : presence));
      const { labels: _labels, ...batch } = studyBatch(table, rows, presences, tokens);
      const out = (await executable.run(batch)).logits!.data as Float32Array;
      logits.set(out.subarray(0, Math.min(predictBatch, total - start) * model.numClasses), start * model.numClasses);
    }
    return { logits, labels: table.labels };
  };
  return Object.assign(predict, { close: () => executable.close() });
}
