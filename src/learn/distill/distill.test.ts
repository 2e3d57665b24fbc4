import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { float32, Rng, ShapeError, type Tensor } from '../../engine/core/index.ts';
import { spec, Value } from '../../engine/graph/index.ts';
import { adamW, constantSchedule } from '../../engine/train/index.ts';
import { initLinear, linear } from '../../model/index.ts';
import { type DistillOptions, distill, distillationLoss } from './distill.ts';

const folder = mkdtempSync(join(tmpdir(), 'distill-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What the teacher knows: two numbers of each word, by a rule that a linear student can learn from three others. */
const words = Array.from({ length: 24 }, (_, i) => `word ${i}`);
const seenOf = (word: string) => {
  const rng = new Rng(word);
  return [rng.normal(), rng.normal(), rng.normal()];
};
const knownOf = (word: string) => {
  const [a, b, c] = seenOf(word) as [number, number, number];
  return [a - 2 * b, b + c];
};

type Batch = { readonly seen: Tensor };
type Linears = ReturnType<typeof initLinear>;

let asked = 0;
function optionsOf(name: string, changes: object = {}) {
  const batchSize = 8;
  return {
    teacher: {
      id: 'rule',
      keyOf: (word: string) => word,
      unit: 'words',
      async encode(some: readonly string[]) {
        asked += some.length;
        return float32(some.flatMap(knownOf), [some.length, 2]);
      },
    },
    student: {
      params: initLinear(new Rng(1), 3, 2),
      inputs: { seen: spec([batchSize, 3]) },
      forward: (params: never, { seen }: { seen: Value }) => linear(params, seen),
    },
    on: {
      items: words,
      batchSize,
      nextBatch(rng: Rng) {
        const rows = Array.from({ length: batchSize }, () => rng.integer(words.length));
        return {
          inputs: {
            seen: float32(
              rows.flatMap((row) => seenOf(words[row]!)),
              [batchSize, 3],
            ),
          },
          rows,
        };
      },
    },
    losses: { embedding: { weight: 1, distance: 'meanSquare' } },
    optimizer: adamW({ learningRate: constantSchedule(0.05), weightDecay: 0 }),
    numSteps: 150,
    seed: 3,
    settingsHash: 'one',
    runDirectory: join(folder, name),
    cacheDirectory: join(folder, 'cache'),
    checkpointEvery: 10,
    runtime: { numThreads: 1, worker: false },
    ...changes,
  } as DistillOptions<string, Linears, unknown, { seen: Value }, Batch>;
}

describe('distill', () => {
  it('gives the student what the teacher knows, and asks the teacher once', async () => {
    const { params, targets, figures } = await distill(optionsOf('once'));
    expect(figures[0]!.embedding).toBeGreaterThan(0.5);
    expect(figures.at(-1)!.embedding).toBeLessThan(0.01);
    expect(Array.from(params.weight.data as Float32Array, Math.round)).toEqual([1, 0, -2, 1, 0, 1]);
    expect(targets.shape).toEqual([24, 2]);
    expect(asked).toBe(24);
    await distill(optionsOf('again', { numSteps: 1 }));
    expect(asked).toBe(24);
  });

  it('stopped, goes on to the same end', async () => {
    const whole = await distill(optionsOf('whole', { numSteps: 30 }));
    const stop = new AbortController();
    const stopped = distill(
      optionsOf('parts', {
        numSteps: 30,
        signal: stop.signal,
        onProgress: ({ stage, done }: { stage: string; done: number }) => {
          if (stage === 'training' && done === 12) stop.abort();
        },
      }),
    );
    await expect(stopped).rejects.toThrow();
    const resumed = await distill(optionsOf('parts', { numSteps: 30 }));
    expect(resumed.resumedFrom).toBe(12);
    expect([...resumed.params.weight.data]).toEqual([...whole.params.weight.data]);
  });

  it('refuses batches of another size', async () => {
    const { on } = optionsOf('size');
    const wrong = { ...on, nextBatch: (rng: Rng) => ({ ...on.nextBatch(rng), rows: [1, 2] }) };
    await expect(distill(optionsOf('size', { on: wrong }))).rejects.toThrow(ShapeError);
  });
});

describe('distillationLoss', () => {
  const value = () => new Value({ dtype: 'float32', shape: [4, 3] }, { kind: 'input', name: 'x' });

  it('tells each loss that was asked for', () => {
    const losses = { embedding: { weight: 1 }, similarity: { weight: 2 }, logits: { weight: 3, temperature: 4 } };
    const { metrics } = distillationLoss(value(), value(), losses);
    expect(Object.keys(metrics)).toEqual(['embedding', 'similarity', 'logits']);
  });

  it('needs one', () => {
    expect(() => distillationLoss(value(), value(), {})).toThrow('at least one of the losses');
  });
});
