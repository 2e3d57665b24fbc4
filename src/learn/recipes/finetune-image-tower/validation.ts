/**
 * @file What settings and weights are chosen by: retrieval of pictures that training never saw and that the suites do not ask for.
 *
 * - `heldOutConcepts`: validation concepts drawn by the artists of training, each artist's pictures among themselves; the mean over artists.
 * - `heldOutArtist`: training concepts drawn by OpenMoji.
 * - `heldOutBoth`: validation concepts drawn by OpenMoji.
 *
 * All are R@10 from text to picture. Twemoji, which the suites ask for, and the concepts of the test split are not read.
 */
import type { TextImageEncoder } from '../../../bundle/index.ts';
import type { OnProgress, Tensor } from '../../../engine/core/index.ts';
import { renderPicture } from '../../../media/index.ts';
import { type EvaluationItem, evaluationItems, type PictureSource, readCatalog } from '../../data/index.ts';
import { ranksOf, retrievalFigures } from '../../evaluate/retrieval.ts';

/** R@10 of an encoder on what it is chosen by. */
export interface ValidationFigures {
  readonly heldOutConcepts: number;
  readonly heldOutArtist: number;
  readonly heldOutBoth: number;
}

/** The pictures and questions of validation, drawn once. */
export interface ValidationSet {
  readonly tasks: readonly ValidationTask[];
}

interface ValidationTask {
  readonly figure: keyof ValidationFigures;
  readonly items: readonly EvaluationItem[];
  readonly pictures: readonly Tensor<'uint8'>[];
}

const artists = [
  'noto',
  'fluent-3d',
  'fluent-color',
  'fluent-flat',
  'fluent-high-contrast',
] as const satisfies readonly PictureSource[];

/** Reads and draws what validation asks for, as an encoder wants to see it. */
export async function readValidation(
  view: TextImageEncoder['pictureView'],
  options: { readonly directory?: string; readonly onProgress?: OnProgress; readonly signal?: AbortSignal } = {},
): Promise<ValidationSet> {
  const records = await readCatalog({
    sources: [...artists, 'openmoji'],
    ...(options.directory === undefined ? {} : { directory: options.directory }),
  });
  const of = (source: PictureSource, split: 'seen' | 'validation') =>
    evaluationItems(
      records.filter((record) => record.source === source),
      split,
    );
  const questions = [
    ...artists.map((artist) => ['heldOutConcepts', of(artist, 'validation')] as const),
    ['heldOutArtist', of('openmoji', 'seen')] as const,
    ['heldOutBoth', of('openmoji', 'validation')] as const,
  ];
  const total = questions.reduce((sum, [, items]) => sum + items.length, 0);
  let done = 0;
  const tasks: ValidationTask[] = [];
  for (const [figure, items] of questions) {
    const pictures: Tensor<'uint8'>[] = [];
    for (let start = 0; start < items.length; start += 32) {
      options.signal?.throwIfAborted();
      const part = items.slice(start, start + 32);
      pictures.push(...(await Promise.all(part.map(({ path }) => renderPicture(path, view)))));
      done += part.length;
      options.onProgress?.({ stage: 'drawing for validation', done, total, unit: 'pictures' });
    }
    tasks.push({ figure, items, pictures });
  }
  return { tasks };
}

/** The figures of an encoder. */
export async function validate(
  encoder: TextImageEncoder,
  { tasks }: ValidationSet,
  signal?: AbortSignal,
): Promise<ValidationFigures> {
  const shares: Record<keyof ValidationFigures, number[]> = { heldOutConcepts: [], heldOutArtist: [], heldOutBoth: [] };
  for (const { figure, items, pictures } of tasks) {
    signal?.throwIfAborted();
    const texts = await encoder.encodeTexts(items.map(({ text }) => text));
    const ranks = ranksOf(texts, await encoder.encodePictures(pictures), [...items.keys()]);
    shares[figure].push(retrievalFigures(ranks).r10);
  }
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    heldOutConcepts: mean(shares.heldOutConcepts),
    heldOutArtist: mean(shares.heldOutArtist),
    heldOutBoth: mean(shares.heldOutBoth),
  };
}

/** What one encoder is preferred to another by: held-out concepts and the held-out artist count alike. */
export function validationScore({ heldOutConcepts, heldOutArtist }: ValidationFigures): number {
  return (heldOutConcepts + heldOutArtist) / 2;
}
