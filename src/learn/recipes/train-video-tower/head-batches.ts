/**
 * @file Batches of stage two: clips with texts, composed so that every row has hard negatives: the same thing in other motions, and other things
 * in the same motion. No two rows of a batch may stand for the same text.
 *
 * N: clips; B: rows; V: features of the video tower; D: dimension of the space.
 */
import { type Rng, Tensor } from '../../../engine/core/index.ts';
import { motionAs } from '../../data/motions.ts';
import { clipCaptions } from './captions.ts';
import type { Clip } from './clips.ts';
import type { Space } from './space.ts';

/** Clips as stage two sees them: row 2i is clip i, row 2i + 1 the same run backward. */
export interface HeadCorpus {
  readonly clips: readonly Clip[];
  /** `[2 N, V]` */
  readonly features: Tensor<'float32'>;
  /** The mean of each clip's frames in the space, `[N, D]`. */
  readonly appearance: Tensor<'float32'>;
  /** Rows of `textVectors` for every row of `features`. */
  readonly captions: readonly { readonly plain: readonly number[]; readonly moving: readonly number[] }[];
  /** `[texts, D]` */
  readonly textVectors: Tensor<'float32'>;
}

/** The texts of every clip and of every clip run backward, and their vectors in the space. */
export async function captionVectors(
  clips: readonly Clip[],
  space: Pick<Space, 'languages' | 'dim'>,
  encode: (texts: readonly string[]) => Promise<Tensor<'float32'>>,
): Promise<Pick<HeadCorpus, 'captions' | 'textVectors'>> {
  const rows = new Map<string, number>();
  const rowOf = (text: string) => {
    if (!rows.has(text)) rows.set(text, rows.size);
    return rows.get(text)!;
  };
  const captions = clips.flatMap((clip) =>
    [false, true].map((isReversed) => {
      const motion = clip.kind === 'composed' ? motionAs(clip.motion, { reversed: isReversed }) : undefined;
      const { plain, moving } = clipCaptions(clip, { motion, isReversed }, space.languages);
      return { plain: plain.map(rowOf), moving: moving.map(rowOf) };
    }),
  );
  return { captions, textVectors: await encode([...rows.keys()]) };
}

/** A batch of stage two. */
export interface HeadBatch<T> {
  /** `[B, V]` */
  readonly features: T;
  /** `[B, 1, D]` */
  readonly frames: T;
  /** `[B, D]` */
  readonly texts: T;
  /** `[B]`: 1 for an animated picture as it is, which must stay near the mean of its frames; else 0. */
  readonly kept: T;
}

/** How many rows of a group show one thing in several motions. */
const groupSize = 4;

/** A function that draws the next batch; its tensors are the same ones each time. */
export function headBatches(corpus: HeadCorpus, batchSize: number): (rng: Rng) => HeadBatch<Tensor> {
  const { clips } = corpus;
  const featureDim = corpus.features.shape[1]!;
  const spaceDim = corpus.textVectors.shape[1]!;
  const table = (shape: readonly number[]) =>
    new Tensor('float32', shape, new Float32Array(shape.reduce((product, dim) => product * dim, 1)));
  const batch = {
    features: table([batchSize, featureDim]),
    frames: table([batchSize, 1, spaceDim]),
    texts: table([batchSize, spaceDim]),
    kept: table([batchSize]),
  };
  const composedOf = byName(clips, 'composed');
  const composedNames = [...composedOf.keys()];
  const animated = clips.flatMap((clip, i) => (clip.kind === 'animated' ? [i] : []));
  return (rng) => {
    const pairs: { row: number; text: number }[] = [];
    const concepts = new Set<string>();
    const texts = new Set<number>();
    const add = (row: number, choices: readonly number[]) => {
      const text = rng.pick(choices);
      if (pairs.length >= batchSize || texts.has(text)) return;
      texts.add(text);
      pairs.push({ row, text });
    };
    for (let draws = 0; pairs.length < batchSize; draws++) {
      if (draws > 100 * batchSize) throw tooFew(batchSize, pairs.length);
      const kind = animated.length === 0 ? 0.4 + 0.6 * rng.uniform() : rng.uniform();
      const index = kind < 0.4 ? rng.pick(animated) : rng.pick(composedOf.get(rng.pick(composedNames))!);
      const clip = clips[index]!;
      if (concepts.has(clip.concept)) continue;
      concepts.add(clip.concept);
      const forward = corpus.captions[2 * index]!;
      if (clip.kind === 'animated') {
        add(2 * index, forward.plain);
        if (kind < 0.1) add(2 * index + 1, corpus.captions[2 * index + 1]!.moving);
      } else if (kind < 0.6) {
        add(2 * index + rng.integer(2), forward.plain);
      } else {
        for (const row of motionsOfOne(corpus, composedOf.get(clip.name.en)!, rng))
          add(row, corpus.captions[row]!.moving);
      }
    }
    pairs.forEach(({ row, text }, i) => {
      copyRow(corpus.features, row, batch.features, i);
      copyRow(corpus.appearance, row >> 1, batch.frames, i);
      copyRow(corpus.textVectors, text, batch.texts, i);
      batch.kept.data[i] = Number(clips[row >> 1]!.kind === 'animated' && row % 2 === 0);
    });
    return batch;
  };
}

function tooFew(batchSize: number, found: number): RangeError {
  return new RangeError(
    `headBatches: a batch of ${batchSize} needs more concepts than there are; they gave ${found} pairs; choose a smaller batch`,
  );
}

/** Rows that show one thing, each in another motion. */
function motionsOfOne({ clips }: HeadCorpus, own: readonly number[], rng: Rng): number[] {
  const rowOf = new Map<string, number>();
  for (const index of rng.shuffle([...own])) {
    const clip = clips[index]!;
    if (clip.kind !== 'composed' || rowOf.has(clip.motion) || rowOf.size >= groupSize) continue;
    rowOf.set(clip.motion, 2 * index);
    const reversed = motionAs(clip.motion, { reversed: true });
    if (!rowOf.has(reversed)) rowOf.set(reversed, 2 * index + 1);
  }
  return [...rowOf.values()];
}

function byName(clips: readonly Clip[], kind: Clip['kind']): Map<string, number[]> {
  const indexes = new Map<string, number[]>();
  clips.forEach((clip, i) => {
    if (clip.kind !== kind) return;
    indexes.set(clip.name.en, [...(indexes.get(clip.name.en) ?? []), i]);
  });
  return indexes;
}

function copyRow(from: Tensor<'float32'>, row: number, to: Tensor<'float32'>, at: number): void {
  const dim = from.shape[1]!;
  to.data.set(from.data.subarray(row * dim, (row + 1) * dim), at * dim);
}
