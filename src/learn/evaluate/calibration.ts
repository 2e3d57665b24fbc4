/**
 * @file Whether probabilities mean what they say (arXiv:1706.04599): the expected calibration error, and the temperature that mends it. N: samples; C: classes.
 */

/** Logits `[N, C]` of samples, row after row, with the right class of each. */
export interface Classified {
  readonly logits: Float32Array;
  readonly labels: readonly number[];
}

/** What is measured of a classifier. */
export interface ClassificationFigures {
  /** Share of samples whose most likely class is right. */
  readonly accuracy: number;
  /** Mean of -ln p(right class), in nats; ln C where the logits say nothing. */
  readonly negativeLogLikelihood: number;
  /** Mean distance between confidence and accuracy over ten bins of confidence, weighted by their sizes, in [0, 1]. */
  readonly expectedCalibrationError: number;
}

/** The probabilities of one sample at a temperature. */
function probabilitiesOf({ logits, labels }: Classified, sample: number, temperature: number): number[] {
  const numClasses = logits.length / labels.length;
  const row = Array.from(
    logits.subarray(sample * numClasses, (sample + 1) * numClasses),
    (logit) => logit / temperature,
  );
  const highest = Math.max(...row);
  const weights = row.map((logit) => Math.exp(logit - highest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** Measures a classifier at a temperature of its softmax. */
export function classificationFigures(classified: Classified, temperature = 1): ClassificationFigures {
  const { labels } = classified;
  const bins = Array.from({ length: 10 }, () => ({ count: 0, confidence: 0, right: 0 }));
  let [right, loss] = [0, 0];
  labels.forEach((label, i) => {
    const probabilities = probabilitiesOf(classified, i, temperature);
    const confidence = Math.max(...probabilities);
    const isRight = probabilities.indexOf(confidence) === label;
    if (isRight) right++;
    loss -= Math.log(Math.max(probabilities[label]!, 1e-12));
    const bin = bins[Math.min(9, Math.floor(confidence * 10))]!;
    bin.count++;
    bin.confidence += confidence;
    if (isRight) bin.right++;
  });
  const gap = bins.reduce((sum, bin) => sum + Math.abs(bin.confidence - bin.right), 0);
  return {
    accuracy: right / labels.length,
    negativeLogLikelihood: loss / labels.length,
    expectedCalibrationError: gap / labels.length,
  };
}

/** The temperature in [0.25, 4] with the least negative log-likelihood; fit it on data that neither trained nor measures. */
export function fitTemperature(classified: Classified): number {
  const loss = (log: number) => classificationFigures(classified, Math.exp(log)).negativeLogLikelihood;
  let [low, high] = [Math.log(0.25), Math.log(4)];
  // The loss has one minimum in ln T's range of use: ternary search.
  for (let i = 0; i < 30; i++) {
    const [first, second] = [low + (high - low) / 3, high - (high - low) / 3];
    if (loss(first) < loss(second)) high = second;
    else low = first;
  }
  return Math.exp((low + high) / 2);
}
