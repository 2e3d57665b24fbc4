/** @file Late fusion, the baseline: two classifiers that never met, their posteriors multiplied. C: classes. */
import type { Classified } from '../../evaluate/calibration.ts';

/** Logits at a temperature of their softmax. */
export function scaled({ logits, labels }: Classified, temperature: number): Classified {
  return { logits: logits.map((logit) => logit / temperature), labels };
}

/**
 * The product of both posteriors over the prior, which is right where the two are independent given the class.
 * @param counts how often each class trained, `[C]`: both posteriors hold this prior, the product may hold it once.
 */
export function lateFusion(first: Classified, second: Classified, counts: readonly number[]): Classified {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const priors = counts.map((count) => Math.log(Math.max(count, 0.5) / total));
  const [one, other] = [first, second].map(({ logits }) => logProbabilities(logits, counts.length));
  return { logits: one!.map((log, i) => log + other![i]! - priors[i % counts.length]!), labels: first.labels };
}

function logProbabilities(logits: Float32Array, numClasses: number): Float32Array {
  const logs = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += numClasses) {
    const row = logits.subarray(start, start + numClasses);
    const highest = Math.max(...row);
    const total = highest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - highest), 0));
    row.forEach((value, i) => {
      logs[start + i] = value - total;
    });
  }
  return logs;
}

/** A 1 for each sample whose most likely class is right, a 0 for each other. */
export function rightOnes({ logits, labels }: Classified): string {
  const numClasses = logits.length / labels.length;
  return labels
    .map((label, i) => {
      const row = logits.subarray(i * numClasses, (i + 1) * numClasses);
      return row.indexOf(Math.max(...row)) === label ? '1' : '0';
    })
    .join('');
}
