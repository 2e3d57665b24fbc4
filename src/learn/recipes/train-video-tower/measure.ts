/**
 * @file What a video tower and its head are worth on held-out clips: does a text find its clip, and is a clip told from the same one run
 * backward or mirrored? Beside every figure stands the mean of the frames, which cannot know time.
 *
 * N: clips; D: dimension of the space.
 */
import { Rng, Tensor } from '../../../engine/core/index.ts';
import { type RetrievalFigures, ranksOf, retrievalFigures } from '../../evaluate/retrieval.ts';

/** A share of right choices, of so many, with its 95 % bootstrap interval. */
export interface ChoiceFigures {
  readonly accuracy: number;
  readonly interval: readonly [number, number];
  readonly choices: number;
}

/** Two clips and two texts that belong together crosswise. */
export interface ChoiceQuestion {
  /** Unit vectors `[D]`. */
  readonly clip: Float32Array;
  readonly otherClip: Float32Array;
  readonly text: Float32Array;
  /** Absent where no text says what the other clip shows. */
  readonly otherText?: Float32Array;
}

/**
 * Of a clip, is its text nearer than the other one (`byClip`), and of a text, its clip (`byText`)? Each question is asked from both sides where it has both
 * texts. Nearness that is equal counts one half: a guess.
 */
export function choiceFigures(questions: readonly ChoiceQuestion[]): {
  readonly byClip: ChoiceFigures;
  readonly byText: ChoiceFigures;
} {
  const byClip: number[][] = [];
  const byText: number[][] = [];
  for (const { clip, otherClip, text, otherText } of questions) {
    const right = dot(clip, text);
    const swapped = dot(otherClip, text);
    if (otherText === undefined) {
      byText.push([won(right, swapped)]);
      continue;
    }
    const crossed = dot(clip, otherText);
    const rightOther = dot(otherClip, otherText);
    byClip.push([won(right, crossed), won(rightOther, swapped)]);
    byText.push([won(right, swapped), won(rightOther, crossed)]);
  }
  return { byClip: shareOf(byClip), byText: shareOf(byText) };
}

/** Differences below this are rounding: a mean over the same frames in another order. */
const rounding = 1e-5;

function won(own: number, other: number): number {
  return Math.abs(own - other) < rounding ? 0.5 : own > other ? 1 : 0;
}

const numResamples = 2000;

/** The mean over all choices; resampled by question, because its choices hang together. */
function shareOf(questions: readonly (readonly number[])[]): ChoiceFigures {
  const sums = questions.map((choices) => choices.reduce((sum, one) => sum + one, 0));
  const choices = questions.reduce((sum, one) => sum + one.length, 0);
  if (choices === 0) return { accuracy: Number.NaN, interval: [Number.NaN, Number.NaN], choices };
  const rng = new Rng('choices');
  const resampled = Array.from({ length: numResamples }, () => {
    let [right, asked] = [0, 0];
    for (let i = 0; i < questions.length; i++) {
      const pick = rng.integer(questions.length);
      right += sums[pick]!;
      asked += questions[pick]!.length;
    }
    return right / asked;
  }).sort((a, b) => a - b);
  const quantile = (q: number) => resampled[Math.min(numResamples - 1, Math.floor(q * numResamples))]!;
  const accuracy = sums.reduce((sum, one) => sum + one, 0) / choices;
  return { accuracy, interval: [quantile(0.025), quantile(0.975)], choices };
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Row `index` of a table `[N, D]`, without a copy. */
export function rowAt({ shape, data }: Tensor<'float32'>, index: number): Float32Array {
  const dim = shape[1]!;
  return data.subarray(index * dim, (index + 1) * dim);
}

/** Texts `queries` find clips `candidates` (rows of tables `[N, D]` of the same items): the answer of a query is the row of the same number. */
export function findFigures(
  texts: Tensor<'float32'>,
  clips: Tensor<'float32'>,
  queries: readonly number[],
  candidates: readonly number[],
): RetrievalFigures & { readonly candidates: number; readonly chance: number } {
  const place = new Map(candidates.map((row, i) => [row, i]));
  const answers = queries.map((row) => place.get(row)!);
  const ranks = ranksOf(takeRows(texts, queries), takeRows(clips, candidates), answers);
  return { ...retrievalFigures(ranks), candidates: candidates.length, chance: 10 / candidates.length };
}

function takeRows(table: Tensor<'float32'>, rows: readonly number[]): Tensor<'float32'> {
  const dim = table.shape[1]!;
  const data = new Float32Array(rows.length * dim);
  rows.forEach((row, i) => {
    data.set(rowAt(table, row), i * dim);
  });
  return new Tensor('float32', [rows.length, dim], data);
}
