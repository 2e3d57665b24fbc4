import { describe, expect, it } from 'vitest';
import { gradients } from '../../engine/autodiff/index.ts';
import { float32, ShapeError, type Tensor } from '../../engine/core/index.ts';
import { spec, trace, Value } from '../../engine/graph/index.ts';
import { compile } from '../../engine/runtime/index.ts';
import { embeddingDistillation } from './distillation-embedding.ts';
import { logitDistillation } from './distillation-logits.ts';
import { similarityDistillation } from './distillation-similarity.ts';

type Loss = (student: Value, teacher: Value) => Value;

/** The loss, and the largest derivative toward the student and toward the teacher. */
async function measure(loss: Loss, student: Tensor, teacher: Tensor) {
  const graph = trace(
    (inputs) => {
      const value = loss(inputs.student, inputs.teacher);
      const [toStudent, toTeacher] = gradients(value, [inputs.student, inputs.teacher]);
      return { value, toStudent: toStudent!, toTeacher: toTeacher! };
    },
    { student: spec(student.shape), teacher: spec(teacher.shape) },
  );
  const executable = await compile(graph, { numThreads: 1 });
  const { value, toStudent, toTeacher } = await executable.run({ student, teacher });
  await executable.close();
  const largest = (tensor: Tensor) => Math.max(...Array.from(tensor.data as Float32Array, Math.abs));
  return { value: Number(value!.data[0]), toStudent: largest(toStudent!), toTeacher: largest(toTeacher!) };
}

const rows = float32([1, 0, 0.6, 0.8], [2, 2]);
const turned = float32([0, 2, 0.6, 0.8], [2, 2]);

const losses: Readonly<Record<string, Loss>> = {
  'embeddingDistillation (cosine)': (a, b) => embeddingDistillation(a, b),
  'embeddingDistillation (mean square)': (a, b) => embeddingDistillation(a, b, { distance: 'meanSquare' }),
  similarityDistillation: (a, b) => similarityDistillation(a, b),
  'similarityDistillation among targets': (a, b) => similarityDistillation(a, b, { among: 'targets' }),
  logitDistillation: (a, b) => logitDistillation(a, b, 2),
};

describe.each(Object.entries(losses))('%s', (_, loss) => {
  it('is 0 for a student that says the same, and above for another', async () => {
    expect((await measure(loss, rows, rows)).value).toBeCloseTo(0, 6);
    expect((await measure(loss, turned, rows)).value).toBeGreaterThan(0.01);
  });

  it('moves the student alone', async () => {
    const { toStudent, toTeacher } = await measure(loss, turned, rows);
    expect(toStudent).toBeGreaterThan(1e-3);
    expect(toTeacher).toBe(0);
  });
});

describe('embeddingDistillation', () => {
  it('is 1 - cos, whatever the lengths, and agrees with means by hand', async () => {
    // The first rows are at right angles, the second are equal.
    expect((await measure(losses['embeddingDistillation (cosine)']!, turned, rows)).value).toBeCloseTo(0.5, 5);
    // ((1 - 0)² + (0 - 2)²) / 4
    expect((await measure(losses['embeddingDistillation (mean square)']!, turned, rows)).value).toBeCloseTo(1.25, 5);
  });
});

describe('logitDistillation', () => {
  it('is T² times the divergence at that temperature', async () => {
    // Softmax of (2 ln 3, 0) / 2 is (3/4, 1/4); the student says (1/2, 1/2).
    const teacher = float32([2 * Math.log(3), 0], [1, 2]);
    const expected = 4 * (0.75 * Math.log(1.5) + 0.25 * Math.log(0.5));
    const { value } = await measure(losses.logitDistillation!, float32([7, 7], [1, 2]), teacher);
    expect(value).toBeCloseTo(expected, 5);
  });
});

describe('similarityDistillation', () => {
  it('compares the cosines within the batch, and so takes a student of another dimension or turned as a whole', async () => {
    // The cosine between the two rows is 0.6, as between those of the teacher; then it is 0.8.
    const same = float32([0, 0, 3, 0, -0.8, 0.6], [2, 3]);
    expect((await measure(losses.similarityDistillation!, same, rows)).value).toBeCloseTo(0, 5);
    const other = float32([0, 0, 3, 0, -0.6, 0.8], [2, 3]);
    expect((await measure(losses.similarityDistillation!, other, rows)).value).toBeGreaterThan(0.01);
    expect(() =>
      trace((x) => similarityDistillation(x.a, x.b, { among: 'targets' }), { a: spec([2, 3]), b: spec([2, 2]) }),
    ).toThrow('D = E among targets');
  });

  it('agrees with a 2 x 2 by hand', async () => {
    const loss: Loss = (a, b) => similarityDistillation(a, b, { logitScale: 1 });
    // Student rows at right angles: softmax rows of [1, 0]; teacher: of [1, 0.6].
    const { value } = await measure(loss, float32([1, 0, 0, 1], [2, 2]), rows);
    const p = 1 / (1 + Math.exp(-0.4));
    const q = 1 / (1 + Math.exp(-1));
    expect(value).toBeCloseTo(p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q)), 5);
  });
});

describe('all of them', () => {
  it('refuse what does not belong together', () => {
    const value = (shape: readonly number[]) => new Value({ dtype: 'float32', shape }, { kind: 'input', name: 'x' });
    expect(() => embeddingDistillation(value([2, 3]), value([2, 4]))).toThrow(ShapeError);
    expect(() => logitDistillation(value([2, 3]), value([3, 3]))).toThrow(ShapeError);
    expect(() => logitDistillation(value([2, 3]), value([2, 3]), 0)).toThrow('above 0');
    expect(() => similarityDistillation(value([2, 3]), value([3, 3]))).toThrow(ShapeError);
  });
});
