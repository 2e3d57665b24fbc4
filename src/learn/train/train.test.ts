import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FormatError, float32, Rng, ShapeError, scalar, Tensor } from '../../engine/core/index.ts';
import { add, matMul, reduceMean, spec, square, sub, tanh } from '../../engine/graph/index.ts';
import { adamW, compileTrainStep, type TrainStep, warmupCosine } from '../../engine/train/index.ts';
import { readCheckpoint, type TrainOptions, train, writeCheckpoint } from './index.ts';

const numSteps = 40;

/** A regression with one hidden layer: enough for the curve to depend on every moment and every draw. */
async function tinyStep() {
  const rng = new Rng('tiny');
  const normal = (shape: [number, number]) =>
    new Tensor('float32', shape, rng.fillNormal(new Float32Array(shape[0] * shape[1]), 0.5));
  return compileTrainStep({
    params: { hidden: normal([3, 5]), bias: float32(new Float32Array(5)), output: normal([5, 1]), offset: scalar(0) },
    batch: { x: spec([8, 3]), y: spec([8, 1]) },
    loss: ({ hidden, bias, output, offset }, { x, y }) =>
      reduceMean(square(sub(add(matMul(tanh(add(matMul(x, hidden), bias)), output), offset), y))),
    optimizer: adamW({
      learningRate: warmupCosine({ peak: 0.05, warmupSteps: 5, totalSteps: numSteps }),
      maxGradNorm: 1,
    }),
    runtime: { numThreads: 1 },
  });
}

type Batch = { x: Tensor; y: Tensor };

function nextBatch(rng: Rng): Batch {
  const x = rng.fillNormal(new Float32Array(24));
  const y = Float32Array.from({ length: 8 }, (_, i) => x[3 * i]! - x[3 * i + 1]! + 0.1 * rng.normal());
  return { x: float32(x, [8, 3]), y: float32(y, [8, 1]) };
}

let folder: string;
const open: TrainStep<unknown, Batch>[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sensorium-train-'));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((step) => step.close()));
  await rm(folder, { recursive: true });
});

const checkpointPath = (run: string) => join(folder, run, 'checkpoint.safetensors');
const logPath = (run: string) => join(folder, run, 'log.jsonl');
const logOf = (run: string) => readFile(logPath(run), 'utf8');

/** As a new process would do it: a new step, which knows nothing of the run but its files. */
async function trainRun(run: string, changes: Partial<TrainOptions<Batch>> = {}) {
  const step = (await tinyStep()) as TrainStep<unknown, Batch>;
  open.push(step);
  const options: TrainOptions<Batch> = {
    step,
    numSteps,
    nextBatch,
    seed: 7,
    settingsHash: 'settings',
    checkpointPath: checkpointPath(run),
    checkpointEvery: 10,
    logPath: logPath(run),
    ...changes,
  };
  return { result: await train(options), params: step.params() };
}

/** A signal that aborts when step `at` has been taken. */
function stopAt(at: number): Pick<TrainOptions<Batch>, 'signal' | 'onProgress'> {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    onProgress: ({ done }) => {
      if (done === at) controller.abort(new Error('stopped'));
    },
  };
}

describe('train', () => {
  it('learns, reports every step, and logs what it returns', async () => {
    const seen: number[] = [];
    const { result } = await trainRun('straight', { onProgress: ({ done }) => seen.push(done) });
    expect(result.resumedFrom).toBe(0);
    expect(seen).toEqual(Array.from({ length: numSteps }, (_, i) => i + 1));
    expect(
      (await logOf('straight'))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(result.figures);
    const mean = (from: number, to: number) =>
      result.figures.slice(from, to).reduce((sum, { loss }) => sum + loss, 0) / (to - from);
    expect(mean(30, 40)).toBeLessThan(mean(0, 10));
  });

  it('gives exactly the same curve, log and parameters when stopped and resumed, wherever it was stopped', async () => {
    const straight = await trainRun('straight');
    for (const at of [1, 10, 17]) {
      const run = `stopped-${at}`;
      await expect(trainRun(run, stopAt(at))).rejects.toThrow('stopped');
      expect((await readCheckpoint(checkpointPath(run)))!.step).toBe(at);
      const resumed = await trainRun(run);
      expect(resumed.result.resumedFrom).toBe(at);
      expect(resumed.result.figures).toEqual(straight.result.figures);
      expect(resumed.params).toEqual(straight.params);
      expect(await logOf(run)).toBe(await logOf('straight'));
    }
  });

  it('gives exactly the same when killed between checkpoints: what the log has beyond the checkpoint is made again', async () => {
    const straight = await trainRun('straight');
    await expect(trainRun('killed', stopAt(10))).rejects.toThrow('stopped');
    const checkpoint = await readFile(checkpointPath('killed'));
    await expect(trainRun('killed', stopAt(23))).rejects.toThrow('stopped');
    await writeFile(checkpointPath('killed'), checkpoint);
    await writeFile(logPath('killed'), `${await logOf('killed')}{"loss":0.1`);
    const resumed = await trainRun('killed');
    expect(resumed.result.resumedFrom).toBe(10);
    expect(resumed.result.figures).toEqual(straight.result.figures);
    expect(resumed.params).toEqual(straight.params);
    expect(await logOf('killed')).toBe(await logOf('straight'));
  });

  it('starts afresh where there is a log but no checkpoint', async () => {
    const straight = await trainRun('straight');
    await rm(checkpointPath('straight'));
    const log = await logOf('straight');
    expect((await trainRun('straight')).result).toMatchObject({ resumedFrom: 0, figures: straight.result.figures });
    expect(await logOf('straight')).toBe(log);
  });

  it('takes no step when the run is over', async () => {
    const straight = await trainRun('straight');
    const again = await trainRun('straight', {
      nextBatch: () => {
        throw new Error('no batch is needed');
      },
    });
    expect(again.result).toMatchObject({ resumedFrom: numSteps, figures: straight.result.figures });
    expect(again.params).toEqual(straight.params);
  });

  it('refuses the checkpoint of a run with other settings and leaves it as it was', async () => {
    await expect(trainRun('run', stopAt(5))).rejects.toThrow('stopped');
    const before = await readFile(checkpointPath('run'));
    const other = trainRun('run', { settingsHash: 'other settings' });
    await expect(other).rejects.toThrow(ShapeError);
    await expect(other).rejects.toThrow('belongs to a run with other settings');
    expect(await readFile(checkpointPath('run'))).toEqual(before);
  });

  it('refuses a damaged checkpoint by name, and leaves the log as it was', async () => {
    await expect(trainRun('run', stopAt(5))).rejects.toThrow('stopped');
    const whole = await readFile(checkpointPath('run'));
    const log = await logOf('run');
    for (const damaged of [whole.subarray(0, whole.length / 2), Buffer.from('not a checkpoint'), Buffer.alloc(0)]) {
      await writeFile(checkpointPath('run'), damaged);
      await expect(trainRun('run')).rejects.toThrow(FormatError);
      await expect(trainRun('run')).rejects.toThrow(checkpointPath('run'));
    }
    expect(await logOf('run')).toBe(log);
  });

  it('stops at a loss that is not a number, keeping the last checkpoint', async () => {
    const poisoned = (rng: Rng) => {
      const batch = nextBatch(rng);
      (batch.x.data as Float32Array)[0] = Number.NaN;
      return batch;
    };
    await expect(trainRun('run', stopAt(5))).rejects.toThrow('stopped');
    await expect(trainRun('run', { nextBatch: poisoned })).rejects.toThrow('the loss of step 6 is NaN');
    expect((await readCheckpoint(checkpointPath('run')))!.step).toBe(5);
  });
});

describe('a checkpoint', () => {
  const checkpoint = {
    step: 3,
    tensors: new Map<string, Tensor>([
      ['params.weight', float32([1, 2, 3, 4], [2, 2])],
      ['m.weight', float32([0.1, -0.2, 0.3, 1e-30], [2, 2])],
    ]),
    rngState: new Rng(3).state,
    settingsHash: 'abc',
  };

  it('is read as it was written', async () => {
    const path = join(folder, 'new folder', 'checkpoint.safetensors');
    expect(await readCheckpoint(path)).toBeUndefined();
    await writeCheckpoint(path, checkpoint);
    const read = (await readCheckpoint(path))!;
    expect({ ...read, tensors: [...read.tensors].sort() }).toEqual({
      ...checkpoint,
      tensors: [...checkpoint.tensors].sort(),
    });
  });

  it('is refused when its step or random state is nonsense', async () => {
    const path = join(folder, 'checkpoint.safetensors');
    for (const nonsense of [{ step: Number.NaN }, { step: -1 }, { rngState: [1, 2, 3] }, { rngState: [0, 0, 0, 0] }]) {
      await writeCheckpoint(path, { ...checkpoint, ...nonsense });
      await expect(readCheckpoint(path), JSON.stringify(nonsense)).rejects.toThrow(FormatError);
    }
  });
});
