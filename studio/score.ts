/** @file How well something answers, as a person reads it: a probability where the model is calibrated, else the cosine. */

/** What is known of it. */
interface Scored {
  readonly score: number;
  readonly probability?: number | undefined;
}

/** Whether it was its words that found it, while it is hardly what the query means: then a probability says the wrong thing. */
export function isByWords({ hasWords, probability }: Scored & { readonly hasWords: boolean }): boolean {
  return hasWords && probability !== undefined && probability < 0.5;
}

/** In [0, 1], for bars. */
export function shareOf({ score, probability }: Scored): number {
  return Math.min(1, Math.max(0, probability ?? score));
}

/** In the language of the page: "87 %", or "0.31". */
export function scoreText(
  { score, probability }: Scored,
  format: { formatScore(value: number): string; formatShare(value: number): string },
): string {
  return probability === undefined ? format.formatScore(score) : format.formatShare(probability);
}
