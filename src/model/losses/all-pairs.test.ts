import { describe, expect, it } from 'vitest';
import { gradients } from '../../engine/autodiff/index.ts';
import { Rng, ShapeError, scalar, Tensor } from '../../engine/core/index.ts';
import { constant, graphOf, spec, trace, Value } from '../../engine/graph/index.ts';
import { compile } from '../../engine/runtime/index.ts';
import { allPairs, type PairContrast } from './all-pairs.ts';
import { candidateContrast } from './candidate-contrast.ts';
import { infoNce } from './info-nce.ts';
import { sigmoidContrast } from './sigmoid-contrast.ts';

const dim = 4;

function unitRows(seed: string, rows: number): Tensor {
  const data = new Rng(seed).fillNormal(new Float32Array(rows * dim));
  for (let i = 0; i < rows; i++) {
    const row = data.subarray(i * dim, (i + 1) * dim);
    const length = Math.hypot(...row);
    row.forEach((x, d) => {
      row[d] = x / length;
    });
  }
  return new Tensor('float32', [rows, dim], data);
}

const take = (table: Tensor, rows: readonly number[]) =>
  new Tensor(
    'float32',
    [rows.length, dim],
    Float32Array.from(rows.flatMap((row) => [...(table.data as Float32Array).subarray(row * dim, (row + 1) * dim)])),
  );

const mask = (...present: number[]) => new Tensor('float32', [present.length], Float32Array.from(present));

type Sides = Readonly<Record<string, { readonly rows: Tensor; readonly present: Tensor }>>;

const infoNceAt = (scale: number): PairContrast => ({ kind: 'infoNce', logitScale: constant(scalar(scale)) });
const sigmoidAt = (scale: number, bias: number): PairContrast => ({
  kind: 'sigmoid',
  logitScale: constant(scalar(scale)),
  logitBias: constant(scalar(bias)),
});

/** The loss and the accuracies of sides given as tensors. */
async function evaluate(sides: Sides, contrast: PairContrast, pairs?: readonly (readonly [string, string])[]) {
  const modalities = Object.fromEntries(
    Object.entries(sides).map(([name, { rows, present }]) => [
      name,
      { embedding: constant(rows), present: constant(present) },
    ]),
  );
  const { loss, accuracy } = allPairs(modalities, contrast, pairs);
  const executable = await compile(graphOf([], [{ name: 'loss', value: loss }, ...named(accuracy)]), { numThreads: 1 });
  const results = await executable.run({});
  await executable.close();
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, Number(data[0])]));
}

const named = (values: Readonly<Record<string, Value>>) =>
  Object.entries(values).map(([name, value]) => ({ name, value }));

async function plain(loss: () => { loss: Value }): Promise<number> {
  const executable = await compile(graphOf([], [{ name: 'loss', value: loss().loss }]), { numThreads: 1 });
  const { loss: result } = await executable.run({});
  await executable.close();
  return Number(result!.data[0]);
}

describe('allPairs', () => {
  const [text, image, audio] = [unitRows('text', 6), unitRows('image', 6), unitRows('audio', 6)];
  const all = mask(1, 1, 1, 1, 1, 1);

  it('is infoNce where two modalities are there in every sample', async () => {
    const ours = await evaluate(
      { text: { rows: text, present: all }, image: { rows: image, present: all } },
      infoNceAt(5),
    );
    expect(ours.loss).toBeCloseTo(await plain(() => infoNce(constant(text), constant(image), constant(scalar(5)))), 5);
  });

  it('is the mean of the pairwise infoNce of three whole modalities', async () => {
    const ours = await evaluate(
      {
        text: { rows: text, present: all },
        image: { rows: image, present: all },
        audio: { rows: audio, present: all },
      },
      infoNceAt(5),
    );
    const two = (a: Tensor, b: Tensor) => plain(() => infoNce(constant(a), constant(b), constant(scalar(5))));
    const expected = ((await two(text, image)) + (await two(text, audio)) + (await two(image, audio))) / 3;
    expect(ours.loss).toBeCloseTo(expected, 5);
  });

  it('counts only samples that have both, weighted by how many they are', async () => {
    // Images are in samples 0, 2 and 3, sounds in 1 and 3: two pairs of modalities beside text, one sample with image and sound.
    const present = { image: mask(1, 0, 1, 1, 0, 0), audio: mask(0, 1, 0, 1, 0, 0) };
    const ours = await evaluate(
      {
        text: { rows: text, present: mask(1, 1, 1, 1, 0, 0) },
        image: { rows: image, present: present.image },
        audio: { rows: audio, present: present.audio },
      },
      infoNceAt(5),
    );
    const contrast = (a: Tensor, candidates: Tensor) =>
      plain(() => candidateContrast(constant(a), constant(candidates), constant(scalar(5))));
    // Of a text without image: candidates for images, and no pair.
    const withImage = await contrast(take(image, [0, 2, 3]), take(text, [0, 2, 3, 1]));
    const withAudio = await contrast(take(audio, [1, 3]), take(text, [1, 3, 0, 2]));
    const dot = (a: Tensor, i: number, b: Tensor, j: number) =>
      Array.from({ length: dim }, (_, d) => Number(a.data[i * dim + d]) * Number(b.data[j * dim + d])).reduce(
        (x, y) => x + y,
      );
    const entropy = (own: number, others: readonly number[]) =>
      Math.log([own, ...others].reduce((sum, x) => sum + Math.exp(5 * x), 0)) - 5 * own;
    const own = dot(image, 3, audio, 3);
    const imageAudio =
      (entropy(own, [dot(image, 3, audio, 1)]) + entropy(own, [dot(image, 0, audio, 3), dot(image, 2, audio, 3)])) / 2;
    expect(ours.loss).toBeCloseTo((3 * withImage + 2 * withAudio + imageAudio) / 6, 4);
  });

  it('does not see the rows of samples that lack a modality', async () => {
    const present = mask(1, 0, 1, 1, 1, 1);
    const changed = new Tensor('float32', image.shape, Float32Array.from(image.data as Float32Array));
    changed.data.fill(0.5, dim, 2 * dim);
    for (const contrast of [infoNceAt(9), sigmoidAt(9, -3)]) {
      const [one, other] = [image, changed].map((rows) =>
        evaluate({ text: { rows: text, present: all }, image: { rows, present } }, contrast),
      );
      expect(await one).toEqual(await other);
    }
  });

  it('is the sigmoid loss, by pairs', async () => {
    const present = mask(1, 1, 0, 1, 0, 1);
    const sides = { text: { rows: text, present }, image: { rows: image, present } };
    const kept = [0, 1, 3, 5];
    const expected = await plain(() =>
      sigmoidContrast(
        constant(take(text, kept)),
        constant(take(image, kept)),
        constant(scalar(6)),
        constant(scalar(-2)),
      ),
    );
    expect((await evaluate(sides, sigmoidAt(6, -2))).loss).toBeCloseTo(expected, 4);
  });

  it('tells the share that is found, by pair of modalities', async () => {
    const results = await evaluate(
      {
        text: { rows: text, present: mask(1, 1, 1, 1, 0, 0) },
        image: { rows: text, present: mask(1, 1, 0, 0, 1, 0) },
        audio: { rows: image, present: mask(0, 0, 0, 0, 0, 1) },
      },
      infoNceAt(5),
    );
    expect(results['text-image']).toBe(1);
    expect(results['text-audio']).toBe(0);
  });

  it('is 0 without a pair, with gradients of 0', async () => {
    const embedding = { text: spec([6, dim]), image: spec([6, dim]) };
    const graph = trace(({ text: a, image: b }) => {
      const { loss } = allPairs(
        {
          text: { embedding: a, present: constant(mask(1, 1, 1, 0, 0, 0)) },
          image: { embedding: b, present: constant(mask(0, 0, 0, 1, 1, 1)) },
        },
        infoNceAt(5),
      );
      const [da] = gradients(loss, [a]);
      return { loss, da: da! };
    }, embedding);
    const executable = await compile(graph, { numThreads: 1 });
    const { loss, da } = await executable.run({ text, image });
    await executable.close();
    expect(Number(loss!.data[0])).toBe(0);
    expect(Array.from(da!.data as Float32Array).every((x) => Math.abs(x) < 1e-12)).toBe(true);
  });

  it('contrasts only the pairs that are asked for', async () => {
    const sides = {
      text: { rows: text, present: all },
      image: { rows: image, present: all },
      audio: { rows: audio, present: all },
    };
    const some = await evaluate(sides, infoNceAt(5), [['image', 'audio']]);
    const expected = await plain(() => infoNce(constant(image), constant(audio), constant(scalar(5))));
    expect(some.loss).toBeCloseTo(expected, 5);
  });

  it('refuses masks that do not fit, unknown names, and one modality alone', () => {
    const value = (shape: readonly number[]) => new Value({ dtype: 'float32', shape }, { kind: 'input', name: 'x' });
    const side = { embedding: value([3, 4]), present: value([3]) };
    expect(() => allPairs({ a: side, b: { ...side, present: value([4]) } }, infoNceAt(1))).toThrow(ShapeError);
    expect(() => allPairs({ a: side, b: side }, infoNceAt(1), [['a', 'c']])).toThrow('no modality "c"');
    expect(() => allPairs({ a: side }, infoNceAt(1))).toThrow(RangeError);
  });
});
