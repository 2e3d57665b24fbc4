/**
 * @file The training loop: batches from a seeded stream, one session run a step, checkpoints on the way, a log of every step. It knows no
 * model: it is given a compiled step and a function that makes batches. The same settings give the same loss curve, stopped and
 * resumed or not.
 */
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { type OnProgress, Rng, ShapeError } from '../../engine/core/index.ts';
import type { StepFigures, TrainStep } from '../../engine/train/index.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';

/** What `train` needs. */
export interface TrainOptions<Batch> {
  readonly step: TrainStep<unknown, Batch>;
  /** The steps of the whole run. */
  readonly numSteps: number;
  /** The next batch, drawn from `rng` alone. */
  readonly nextBatch: (rng: Rng) => Batch;
  readonly seed: number;
  /** Names the settings of the run, so that no other run's checkpoint is continued. */
  readonly settingsHash: string;
  /** Path of the checkpoint. */
  readonly checkpointPath: string;
  /** Steps between checkpoints. */
  readonly checkpointEvery: number;
  /** Path of the log: one JSON line a step. */
  readonly logPath: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** How a run ended. */
export interface TrainResult {
  /** The step that it went on from; 0 for a new run. */
  readonly resumedFrom: number;
  /** The figures of every step of the whole run, as in the log. */
  readonly figures: readonly StepFigures[];
  readonly seconds: number;
}

/**
 * Trains until `numSteps`. When the signal aborts, the state is saved first and the signal's reason is thrown.
 * @throws ShapeError if the checkpoint is of a run with other settings.
 */
export async function train<Batch>(options: TrainOptions<Batch>): Promise<TrainResult> {
  const { step, numSteps, nextBatch, checkpointEvery, signal, onProgress } = options;
  const { rng, resumedFrom } = await resume(options);
  const figures = await trimLog(options.logPath, resumedFrom);
  const startedAt = performance.now();
  let pending: StepFigures[] = [];
  const save = async () => {
    await appendFile(options.logPath, pending.map((line) => `${JSON.stringify(line)}\n`).join(''));
    pending = [];
    const { settingsHash, checkpointPath } = options;
    await writeCheckpoint(checkpointPath, { ...step.state(), rngState: rng.state, settingsHash });
  };
  while (step.step < numSteps) {
    if (signal?.aborted) {
      await save();
      signal.throwIfAborted();
    }
    const result = await step.run(nextBatch(rng));
    if (!Number.isFinite(result.loss)) throw new RangeError(`train: the loss of step ${step.step} is ${result.loss}`);
    figures.push(result);
    pending.push(result);
    onProgress?.({ stage: 'training', done: step.step, total: numSteps, unit: 'steps', figures: result });
    if (step.step % checkpointEvery === 0 || step.step === numSteps) await save();
  }
  return { resumedFrom, figures, seconds: (performance.now() - startedAt) / 1000 };
}

async function resume<Batch>(options: TrainOptions<Batch>): Promise<{ rng: Rng; resumedFrom: number }> {
  const checkpoint = await readCheckpoint(options.checkpointPath);
  if (checkpoint === undefined) return { rng: new Rng(options.seed), resumedFrom: 0 };
  if (checkpoint.settingsHash !== options.settingsHash) {
    throw new ShapeError(
      `${options.checkpointPath} belongs to a run with other settings; choose another run folder, or start afresh`,
    );
  }
  options.step.load(checkpoint);
  return { rng: Rng.fromState(checkpoint.rngState), resumedFrom: checkpoint.step };
}

/** The log up to `numSteps`: a killed run may have logged steps that its checkpoint does not hold. */
async function trimLog(path: string, numSteps: number): Promise<StepFigures[]> {
  await mkdir(dirname(path), { recursive: true });
  const text = await readFile(path, 'utf8').catch(() => '');
  const lines = text.split('\n').slice(0, numSteps);
  const kept = lines.filter((line) => line !== '');
  await writeFileAtomic(path, kept.map((line) => `${line}\n`).join(''));
  return kept.map((line) => JSON.parse(line) as StepFigures);
}
