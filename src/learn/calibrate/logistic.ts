/** @file Logistic regression of "is this hit right" on cosine and standing (Platt 1999), by Newton's method; no weight falls below zero. */
import type { CalibrationWeights } from '../../bundle/index.ts';

/** One hit whose answer is known. */
export interface JudgedHit {
  readonly cosine: number;
  readonly standing: number;
  readonly isRight: boolean;
}

const numIterations = 50;

/**
 * The weights under which the hits are likeliest, drawn towards `prior` by `ridge`: the squared distance of standardized weights counts as much as `ridge`
 * hits do. Few hits, or hits of one answer only, stay near the prior.
 * @throws RangeError if there are no hits.
 */
export function fitLogistic(hits: readonly JudgedHit[], prior: CalibrationWeights, ridge = 1): CalibrationWeights {
  if (hits.length === 0) throw new RangeError('fitLogistic: there are no hits');
  const scales = [1, deviationOf(hits, 'cosine'), deviationOf(hits, 'standing')];
  const target = [prior.bias, prior.cosine * scales[1]!, prior.standing * scales[2]!];
  let best = target;
  // Which weights are free: one that would fall below zero is held there, and the others fit again.
  for (const free of [[0, 1, 2], [0, 1], [0, 2], [0]]) {
    const found = newton(hits, scales, target, ridge, free);
    if (found[1]! < 0 || found[2]! < 0) continue;
    if (best === target || lossOf(hits, scales, target, ridge, found) < lossOf(hits, scales, target, ridge, best))
      best = found;
    if (free.length === 3) break;
  }
  return { bias: best[0]!, cosine: best[1]! / scales[1]!, standing: best[2]! / scales[2]! };
}

function deviationOf(hits: readonly JudgedHit[], name: 'cosine' | 'standing'): number {
  const mean = hits.reduce((sum, hit) => sum + hit[name], 0) / hits.length;
  const variance = hits.reduce((sum, hit) => sum + (hit[name] - mean) ** 2, 0) / hits.length;
  return Math.max(Math.sqrt(variance), 1e-6);
}

function featuresOf({ cosine, standing }: JudgedHit, scales: readonly number[]): number[] {
  return [1, cosine / scales[1]!, standing / scales[2]!];
}

function lossOf(
  hits: readonly JudgedHit[],
  scales: readonly number[],
  target: readonly number[],
  ridge: number,
  weights: readonly number[],
) {
  let loss = 0;
  for (const hit of hits) {
    const x = featuresOf(hit, scales);
    const logit = x.reduce((sum, value, i) => sum + value * weights[i]!, 0);
    loss += Math.log1p(Math.exp(-Math.abs(logit))) + (hit.isRight ? Math.max(0, -logit) : Math.max(0, logit));
  }
  return loss + (ridge / 2) * weights.reduce((sum, weight, i) => sum + (weight - target[i]!) ** 2, 0);
}

/** The weights of least loss with those that are not free at zero; each step is halved until the loss falls. */
function newton(
  hits: readonly JudgedHit[],
  scales: readonly number[],
  target: readonly number[],
  ridge: number,
  free: readonly number[],
): number[] {
  let weights = target.map((value, i) => (free.includes(i) ? value : 0));
  let loss = lossOf(hits, scales, target, ridge, weights);
  for (let iteration = 0; iteration < numIterations; iteration++) {
    const gradient = weights.map((weight, i) => ridge * (weight - target[i]!));
    const hessian = weights.map((_, i) => weights.map((__, j) => (i === j ? ridge : 0)));
    for (const hit of hits) {
      const x = featuresOf(hit, scales);
      const logit = x.reduce((sum, value, i) => sum + value * weights[i]!, 0);
      const probability = 1 / (1 + Math.exp(-logit));
      const curvature = probability * (1 - probability);
      for (let i = 0; i < 3; i++) {
        gradient[i]! += (probability - (hit.isRight ? 1 : 0)) * x[i]!;
        for (let j = 0; j < 3; j++) hessian[i]![j]! += curvature * x[i]! * x[j]!;
      }
    }
    const step = solve(hessian, gradient, free);
    let share = 1;
    let next = weights;
    let nextLoss = loss;
    for (; share > 1e-6; share /= 2) {
      next = weights.map((weight, i) => weight - share * step[i]!);
      nextLoss = lossOf(hits, scales, target, ridge, next);
      if (nextLoss <= loss) break;
    }
    const gain = loss - nextLoss;
    if (nextLoss <= loss) [weights, loss] = [next, nextLoss];
    if (gain < 1e-9 * hits.length) break;
  }
  return weights;
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
