/** @file Logistic regression of "is this hit right" on cosine and standing (Platt 1999), by Newton's method; no weight falls below zero. */
import type { CalibrationWeights } from '../../bundle/index.ts';

/** One hit whose answer is known. */
export interface JudgedHit {
  readonly cosine: number;
  readonly standing: number;
  readonly isRight: boolean;
}

const maxIterations = 50;

/** Bias and the weights of cosine and standing, each in its deviations. */
type Weights = readonly [number, number, number];

/** Hits side by side: features in their deviations, and answers as 1 and 0. */
interface Columns {
  readonly cosines: Float64Array;
  readonly standings: Float64Array;
  readonly answers: Float64Array;
  readonly target: Weights;
  readonly ridge: number;
}

/**
 * The weights under which the hits are likeliest, drawn towards `prior`: the squared distance of weights, each in the deviations of its feature, costs `ridge` / 2.
 * Few hits, or hits of one answer only, stay near the prior.
 * @throws RangeError if there are no hits.
 */
export function fitLogistic(hits: readonly JudgedHit[], prior: CalibrationWeights, ridge = 1): CalibrationWeights {
  if (hits.length === 0) throw new RangeError('fitLogistic: there are no hits');
  const [cosineScale, standingScale] = [scaleOf(hits, 'cosine'), scaleOf(hits, 'standing')];
  const columns: Columns = {
    cosines: Float64Array.from(hits, ({ cosine }) => cosine / cosineScale),
    standings: Float64Array.from(hits, ({ standing }) => standing / standingScale),
    answers: Float64Array.from(hits, ({ isRight }) => (isRight ? 1 : 0)),
    target: [prior.bias, prior.cosine * cosineScale, prior.standing * standingScale],
    ridge,
  };
  let best: { readonly weights: Weights; readonly loss: number } | undefined;
  // Which weights are free: one that would fall below zero is held there, and the others fit again.
  for (const free of [[0, 1, 2], [0, 1], [0, 2], [0]]) {
    const found = newton(columns, free);
    if (found.weights[1] < 0 || found.weights[2] < 0) continue;
    if (best === undefined || found.loss < best.loss) best = found;
    if (free.length === 3) break;
  }
  const [bias, cosine, standing] = best!.weights;
  return { bias, cosine: cosine / cosineScale, standing: standing / standingScale };
}

/** The deviation of a feature; 1 where it hardly differs. */
function scaleOf(hits: readonly JudgedHit[], name: 'cosine' | 'standing'): number {
  const mean = hits.reduce((sum, hit) => sum + hit[name], 0) / hits.length;
  const deviation = Math.sqrt(hits.reduce((sum, hit) => sum + (hit[name] - mean) ** 2, 0) / hits.length);
  return deviation > 1e-3 ? deviation : 1;
}

function lossOf({ cosines, standings, answers, target, ridge }: Columns, weights: Weights): number {
  const [bias, cosine, standing] = weights;
  let loss = 0;
  for (let i = 0; i < answers.length; i++) {
    const logit = bias + cosine * cosines[i]! + standing * standings[i]!;
    loss += Math.log1p(Math.exp(-Math.abs(logit))) + Math.max(0, logit) - answers[i]! * logit;
  }
  return loss + (ridge / 2) * weights.reduce((sum, weight, i) => sum + (weight - target[i]!) ** 2, 0);
}

/** The weights of least loss, those that are not free at zero; each step is halved until the loss falls. */
function newton(columns: Columns, free: readonly number[]): { weights: Weights; loss: number } {
  let weights = columns.target.map((value, i) => (free.includes(i) ? value : 0)) as unknown as Weights;
  let loss = lossOf(columns, weights);
  for (let iteration = 0; iteration < maxIterations; iteration++) {
    const step = newtonStep(columns, weights, free);
    let share = 1;
    let next = weights;
    let nextLoss = Number.POSITIVE_INFINITY;
    for (; share > 1e-6 && !(nextLoss <= loss); share /= 2) {
      next = weights.map((weight, i) => weight - share * step[i]!) as unknown as Weights;
      nextLoss = lossOf(columns, next);
    }
    if (!(nextLoss <= loss)) break;
    const gain = loss - nextLoss;
    [weights, loss] = [next, nextLoss];
    if (gain < 1e-9 * columns.answers.length) break;
  }
  return { weights, loss };
}

function newtonStep(columns: Columns, weights: Weights, free: readonly number[]): number[] {
  const { cosines, standings, answers, target, ridge } = columns;
  const [bias, cosine, standing] = weights;
  const gradient = weights.map((weight, i) => ridge * (weight - target[i]!));
  const hessian = weights.map((_, i) => weights.map((__, j) => (i === j ? ridge : 0)));
  const features = new Float64Array(3);
  for (let hit = 0; hit < answers.length; hit++) {
    features[0] = 1;
    features[1] = cosines[hit]!;
    features[2] = standings[hit]!;
    const probability = 1 / (1 + Math.exp(-(bias + cosine * features[1]! + standing * features[2]!)));
    const curvature = probability * (1 - probability);
    for (let i = 0; i < 3; i++) {
      gradient[i]! += (probability - answers[hit]!) * features[i]!;
      for (let j = 0; j < 3; j++) hessian[i]![j]! += curvature * features[i]! * features[j]!;
    }
  }
  return solve(hessian, gradient, free);
}

/** The solution of a small linear system over the free unknowns, by elimination; zero for the others. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[], free: readonly number[]): number[] {
  const rows = free.map((i) => [...free.map((j) => matrix[i]![j]!), right[i]!]);
  const size = free.length;
  for (let pivot = 0; pivot < size; pivot++) {
    for (let row = 0; row < size; row++) {
      if (row === pivot) continue;
      const factor = rows[row]![pivot]! / rows[pivot]![pivot]!;
      for (let column = pivot; column <= size; column++) rows[row]![column]! -= factor * rows[pivot]![column]!;
    }
  }
  const solution = right.map(() => 0);
  free.forEach((unknown, i) => {
    solution[unknown] = rows[i]![size]! / rows[i]![i]!;
  });
  return solution;
}
