/**
 * @file The recipe `fuse-modalities`: what fusion is worth where two sides of a sample complete each other, and what is left when parts are missing. It trains
 * the fused model, the same model on each side alone, and combines those two late, for each seed; it measures all on samples that nothing was trained on.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { type OnProgress, Rng, type Tensor } from '../../../engine/core/index.ts';
import { compile } from '../../../engine/runtime/index.ts';
import {
  type ClassificationFigures,
  type Classified,
  classificationFigures,
  fitTemperature,
} from '../../evaluate/calibration.ts';
import { holdRunFolder } from '../../train/run-folder.ts';
import { lateFusion, rightOnes, scaled } from './late-fusion.ts';
import {
  compileFusionStep,
  type FusionModel,
  fusionBatch,
  fusionGraph,
  initFusionModel,
  type ModelPlan,
  type Presence,
} from './model.ts';
import { type FusionTask, numTokensOf, type SampleTable, type Side } from './task.ts';

/** Which experiment is run where. */
export interface FuseOptions {
  readonly task: FusionTask;
  readonly seeds: readonly number[];
  /** Figures of finished seeds are kept here, and not computed again. */
  readonly runDirectory: string;
  /** What figures are computed from, spectrograms and features; the `cache` in the run folder if absent. */
  readonly cacheDirectory?: string;
  readonly fresh?: boolean;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** A model under one condition. */
export interface FuseRow extends ClassificationFigures {
  /** "fused", "slice alone", "record alone", "late fusion". */
  readonly model: string;
  /** What it was given: "everything", "slice missing", "50 % of the fields missing", "300 photons". */
  readonly given: string;
  /** Where on the curve, for those that lie on it. */
  readonly x?: number;
}

/** What one seed gave. */
export interface FuseSeed {
  readonly seed: number;
  readonly rows: readonly FuseRow[];
  /** How many samples of each class trained, in the order of the classes, and how many the first test has. */
  readonly numTraining: readonly number[];
  readonly numTest: readonly number[];
  /** Which samples of the first test each model has right, given everything: a 1 or a 0 each; and the groups of the samples. */
  readonly right: Readonly<Record<string, string>>;
  readonly groups: readonly string[];
  readonly seconds: number;
}

/** The report of the recipe. */
export interface FuseReport {
  readonly task: FusionTask;
  readonly seeds: readonly FuseSeed[];
}

/** Runs the experiment; finished seeds are read from the run folder. @throws RunBusyError while another process runs it there. */
export async function fuseModalities(options: FuseOptions): Promise<FuseReport> {
  const { task, seeds, runDirectory, fresh = false } = options;
  await mkdir(runDirectory, { recursive: true });
  const release = await holdRunFolder(runDirectory);
  try {
    const done: FuseSeed[] = [];
    for (const seed of seeds) {
      const path = join(runDirectory, `seed-${seed}.json`);
      const key = JSON.stringify([task.model, task.training, task.partial, task.key]);
      const known = fresh ? undefined : await readFinished(path, key);
      const result = known ?? (await runSeed(seed, options));
      if (!known) await writeFileAtomic(path, JSON.stringify({ key, result }));
      done.push(result);
    }
    return { task, seeds: done };
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

/** Presences of a row: those of an evaluation, or drawn in training. */
type Choose = (rng: Rng) => Presence;

async function runSeed(seed: number, options: FuseOptions): Promise<FuseSeed> {
  const { task, runDirectory, cacheDirectory = join(runDirectory, 'cache'), onProgress, signal } = options;
  signal?.throwIfAborted();
  const startedAt = performance.now();
  const rng = new Rng(seed);
  const during = { ...(onProgress ? { onProgress } : {}), ...(signal ? { signal } : {}) };
  const { training, validation, tests } = await task.load(seed, {
    cacheDirectory,
    ...during,
  });
  const main = tests[0]!.table;
  const [first, second] = task.sides;
  const whole = { ...presenceOf(first), ...presenceOf(second) };
  const thinned = (presence: Presence, draw: Rng) => hideTokens(presence, task, draw, task.training.dropToken);
  const plans: readonly { name: string; sides: readonly Side[]; own: Presence; drop: Choose }[] = [
    {
      name: 'fused',
      sides: task.sides,
      own: whole,
      drop: (draw) => {
        const { dropSide } = task.training;
        const chance = draw.uniform();
        const given = chance < dropSide ? presenceOf(second) : chance < 2 * dropSide ? presenceOf(first) : whole;
        return thinned(given, draw);
      },
    },
    ...task.sides.map((side) => ({
      name: `${side.name} alone`,
      sides: [side],
      own: presenceOf(side),
      drop: (draw: Rng) => thinned(presenceOf(side), draw),
    })),
  ];
  const rows: FuseRow[] = [];
  const right: Record<string, string> = {};
  /** Calibrated logits of each side alone on the validation samples and along the curve. */
  const alone: Classified[][] = [];
  for (const { name, sides, own, drop } of plans) {
    const plan: ModelPlan = { ...task, modalities: Object.assign({}, ...sides.map((side) => side.modalities)) };
    const params = await trainModel(
      `${task.name}, seed ${seed}, ${name}`,
      rng.fork(name),
      training,
      drop,
      plan,
      options,
    );
    const predict = await predictor(params, plan);
    try {
      const checked = await predict(validation, () => own);
      const temperature = fitTemperature(checked);
      const measure = async (given: string, table: SampleTable, choose: Choose, x?: number) => {
        const classified = scaled(await predict(table, choose), temperature);
        rows.push({ model: name, given, ...(x === undefined ? {} : { x }), ...classificationFigures(classified) });
        return classified;
      };
      right[name] = rightOnes(await measure('everything', main, () => own));
      if (name === 'fused') {
        await measure(`${first.name} missing`, main, () => presenceOf(second));
        await measure(`${second.name} missing`, main, () => presenceOf(first));
        for (const share of task.partial?.shares ?? []) {
          const given = `${share * 100} % of the ${task.partial!.of} missing`;
          await measure(given, main, (draw) => hideTokens(whole, task, draw, share));
        }
      }
      const along: Classified[] = [];
      for (const { x, given, table } of tests) along.push(await measure(given, table, () => own, x));
      if (name !== 'fused') alone.push([scaled(checked, temperature), ...along]);
    } finally {
      await predict.close();
    }
  }
  const numTraining = countClasses(training, task.classes.length);
  const combined = alone[0]!.map((of, i) => lateFusion(of, alone[1]![i]!, numTraining));
  const temperature = fitTemperature(combined[0]!);
  const late = combined.slice(1).map((one) => scaled(one, temperature));
  rows.push({ model: 'late fusion', given: 'everything', ...classificationFigures(late[0]!) });
  tests.forEach(({ x, given }, i) => {
    rows.push({ model: 'late fusion', given, x, ...classificationFigures(late[i]!) });
  });
  right['late fusion'] = rightOnes(late[0]!);
  return {
    seed,
    rows,
    numTraining,
    numTest: countClasses(main, task.classes.length),
    right,
    groups: main.groups ?? main.labels.map((_, i) => `${seed}/${i}`),
    seconds: (performance.now() - startedAt) / 1000,
  };
}

const presenceOf = ({ modalities }: Side): Presence =>
  Object.fromEntries(Object.keys(modalities).map((name) => [name, true as const]));

/** Hides a share of the single tokens that may be missing; what is missing already stays so. */
function hideTokens(presence: Presence, task: FusionTask, rng: Rng, share: number): Presence {
  const hidden = (task.partial?.modalities ?? []).flatMap((name) => {
    const shape = task.sides.map((side) => side.modalities[name]).find((found) => found !== undefined);
    if (presence[name] === undefined || shape === undefined) return [];
    return [[name, Array.from({ length: numTokensOf(shape, task.model) }, () => rng.uniform() >= share)] as const];
  });
  return { ...presence, ...Object.fromEntries(hidden) };
}

function countClasses({ labels }: SampleTable, numClasses: number): number[] {
  const counts = Array.from({ length: numClasses }, () => 0);
  for (const label of labels) counts[label]!++;
  return counts;
}

async function trainModel(
  stage: string,
  rng: Rng,
  table: SampleTable,
  drop: Choose,
  plan: ModelPlan,
  { onProgress, signal }: FuseOptions,
): Promise<FusionModel<Tensor>> {
  const { batchSize, numSteps } = plan.training;
  const step = await compileFusionStep(initFusionModel(rng.fork('parameters'), plan), plan);
  try {
    while (step.step < numSteps) {
      signal?.throwIfAborted();
      const rows = Array.from({ length: batchSize }, () => rng.integer(table.labels.length));
      const presences = rows.map(() => drop(rng));
      const figures = await step.run(fusionBatch(plan, table, rows, presences, rng));
      onProgress?.({ stage, done: step.step, total: numSteps, unit: 'steps', figures });
    }
    return step.params();
  } finally {
    await step.close();
  }
}

const predictBatch = 50;

/** A function that gives the logits of a table, given what is present; what is hidden is hidden the same each time. */
async function predictor(params: FusionModel<Tensor>, plan: ModelPlan) {
  const executable = await compile(fusionGraph(params, plan, predictBatch));
  const numClasses = plan.classes.length;
  const predict = async (table: SampleTable, choose: Choose): Promise<Classified> => {
    const total = table.labels.length;
    const rng = new Rng('what is hidden');
    const logits = new Float32Array(total * numClasses);
    for (let start = 0; start < total; start += predictBatch) {
      // The last batch is filled up with its own first row, which is computed and dropped.
      const rows = Array.from({ length: predictBatch }, (_, i) => (start + i < total ? start + i : start));
      const presences = rows.map(() => choose(rng));
      const { data, known } = fusionBatch(plan, table, rows, presences);
      const named = (of: string, tensors: Readonly<Record<string, Tensor>>) =>
        Object.entries(tensors).map(([name, tensor]) => [`${of}.${name}`, tensor]);
      const feeds = Object.fromEntries([...named('data', data), ...named('known', known)]);
      const out = (await executable.run(feeds)).logits!.data as Float32Array;
      logits.set(out.subarray(0, Math.min(predictBatch, total - start) * numClasses), start * numClasses);
    }
    return { logits, labels: table.labels };
  };
  return Object.assign(predict, { close: () => executable.close() });
}
