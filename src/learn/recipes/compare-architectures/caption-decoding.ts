/** @file How a caption is chosen among all that a model could write: the likeliest token each time, or beam search (Lowerre 1976). V: vocabulary. */
import type { Tensor } from '../../../engine/core/index.ts';

/**
 * Writes one token further: given the token that was chosen for each row and its place, the scores `[rows, V]` of the next ones. `rows` names, for
 * each row, the row of the step before that it goes on from.
 */
export type CaptionWriter = (step: {
  readonly rows: readonly number[];
  readonly tokens: readonly number[];
  readonly position: number;
}) => Promise<Tensor<'float32'>>;

/** How captions are chosen. */
export interface CaptionDecoding {
  readonly beginId: number;
  readonly endId: number;
  /** The longest caption in tokens, begin and end left out. */
  readonly maxTokens: number;
  /** Captions that are followed at once; 1 takes the likeliest token each time. */
  readonly beamWidth: number;
  /** Captions are compared by log-probability / length^`lengthPower` (arXiv:1609.08144); 0.7 if absent. */
  readonly lengthPower?: number;
}

/** A caption while it grows. */
interface Beam {
  readonly row: number;
  readonly tokens: readonly number[];
  readonly logProbability: number;
  readonly isDone: boolean;
}

/** The best caption for each of `numItems` items, as tokens without begin and end. */
export async function decodeCaptions(
  writer: CaptionWriter,
  numItems: number,
  options: CaptionDecoding,
): Promise<number[][]> {
  const { beginId, endId, maxTokens, beamWidth, lengthPower = 0.7 } = options;
  let items: Beam[][] = Array.from({ length: numItems }, (_, row) => [
    { row, tokens: [beginId], logProbability: 0, isDone: false },
  ]);
  const rank = ({ logProbability, tokens }: Beam) => logProbability / Math.max(1, tokens.length - 1) ** lengthPower;
  for (let position = 0; position <= maxTokens; position++) {
    const open = items.flatMap((beams) => beams.filter(({ isDone }) => !isDone));
    if (open.length === 0) break;
    const scores = await writer({
      rows: open.map(({ row }) => row),
      tokens: open.map(({ tokens }) => tokens.at(-1)!),
      position,
    });
    const vocabularySize = scores.shape[1]!;
    let next = 0;
    items = items.map((beams) => {
      const grown = beams.flatMap((beam): Beam[] => {
        if (beam.isDone) return [beam];
        const row = next++;
        const own = scores.data.subarray(row * vocabularySize, (row + 1) * vocabularySize);
        return likeliest(own, beamWidth).map(({ token, logProbability }) => ({
          row,
          tokens: [...beam.tokens, token],
          logProbability: beam.logProbability + logProbability,
          isDone: token === endId,
        }));
      });
      return grown.sort((a, b) => rank(b) - rank(a)).slice(0, beamWidth);
    });
  }
  return items.map((beams) => {
    const best = beams.reduce((a, b) => (rank(b) > rank(a) ? b : a));
    return best.tokens.slice(1).filter((token) => token !== endId);
  });
}

/** The `count` likeliest tokens under scores, with the logarithms of their probabilities. */
function likeliest(scores: Float32Array, count: number): { token: number; logProbability: number }[] {
  let largest = Number.NEGATIVE_INFINITY;
  for (const score of scores) largest = Math.max(largest, score);
  let sum = 0;
  for (const score of scores) sum += Math.exp(score - largest);
  const best: { token: number; logProbability: number }[] = [];
  for (let token = 0; token < scores.length; token++) {
    const logProbability = scores[token]! - largest - Math.log(sum);
    if (best.length === count && logProbability <= best[count - 1]!.logProbability) continue;
    const at = best.findIndex((one) => one.logProbability < logProbability);
    best.splice(at < 0 ? best.length : at, 0, { token, logProbability });
    if (best.length > count) best.pop();
  }
  return best;
}
