/** @file What projections are compared on: held-out things among themselves, and among the things of training too, which makes a larger library. */
import type { CodeSide } from '../../../bundle/index.ts';
import { rowKinds } from '../../../bundle/index.ts';
import { Rng } from '../../../engine/core/index.ts';
import { stackRows } from '../../data/features.ts';
import { meanRow, takeRows } from '../../hash/matrix-rows.ts';
import type { CodeQuestion } from '../../hash/measure-codes.ts';
import type { SplitVectors } from './splits.ts';

/** What is subtracted of vectors before their signs are taken: the mean of each side in training. */
export function codeOffsets({ rows, texts }: SplitVectors): Record<CodeSide, Float32Array> {
  const { image, audio, video, text } = rows;
  return {
    image: meanRow(image.vectors),
    audio: meanRow(audio.vectors),
    video: meanRow(video.vectors),
    text: meanRow(text.vectors),
    'text-query': meanRow(stackRows([texts.en.vectors, texts.zh.vectors])),
  };
}

/**
 * The questions: rows of each kind, asked by files of the kind, and by texts.
 * @param numQueries of files, drawn from the seed.
 */
export function codeQuestions(
  heldOut: SplitVectors,
  training: SplitVectors,
  numQueries: number,
  seed: number,
): CodeQuestion[] {
  const texts = stackRows([heldOut.texts.en.vectors, heldOut.texts.zh.vectors]);
  return rowKinds.flatMap((rowKind) => {
    const { vectors } = heldOut.rows[rowKind];
    if (vectors.shape[0]! < 2) return [];
    const own = new Rng(`${seed} neighbours ${rowKind}`)
      .shuffle([...Array(vectors.shape[0]!).keys()])
      .slice(0, numQueries);
    const libraries = [
      ['held-out', vectors],
      ['held-out and training', stackRows([vectors, training.rows[rowKind].vectors])],
    ] as const;
    return libraries.flatMap(([library, rows]): CodeQuestion[] => [
      { library, rowKind, rows, asker: rowKind, queries: takeRows(vectors, own), own },
      { library, rowKind, rows, asker: 'text-query', queries: texts },
    ]);
  });
}

/** The mean recall within the first 100 by Hamming distance: what a projection is chosen by. */
export function meanRecall(results: readonly { readonly hamming: readonly number[] }[]): number {
  return results.reduce((sum, { hamming }) => sum + hamming[1]!, 0) / results.length;
}
