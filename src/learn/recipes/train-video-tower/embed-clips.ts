/**
 * @file Clips through the trained tower and head: in a batch, forward and backward. N: clips; T: frames; F: picture features; V: features of
 * the video tower; D: dimension of the space.
 */
import { Tensor } from '../../../engine/core/index.ts';
import type { Executable } from '../../../engine/runtime/index.ts';
import { type ClipFeatures, frameRows } from './clips.ts';
import type { Space } from './space.ts';
import { writeClip } from './tower-batches.ts';

const batchSize = 64;

/** Features of every clip and of the clip run backward: `[2 N, V]`, row 2i clip i, row 2i + 1 backward. */
export async function towerFeatures(tower: Executable, clips: ClipFeatures): Promise<Tensor<'float32'>> {
  const numRows = 2 * clips.pictureFeatures.shape[0]!;
  return inBatches(numRows, async (start, size) => {
    const { pictureFeatures, thumbnails } = emptyLike(clips, size);
    for (let i = 0; i < size; i++) {
      const row = start + i;
      const showing = { clip: row >> 1, isReversed: row % 2 === 1, isMirrored: false, channels: [0, 1, 2] as const };
      writeClip(clips, showing, { pictureFeatures, thumbnails }, i);
    }
    return (await tower.run({ pictureFeatures, thumbnails })).features as Tensor<'float32'>;
  });
}

/** The frames of every clip in the space, `[N, T, D]`. */
export async function frameVectors(space: Space, { pictureFeatures }: ClipFeatures): Promise<Tensor<'float32'>> {
  const { data } = await space.encodeFeatures(frameRows(pictureFeatures));
  return new Tensor('float32', [...pictureFeatures.shape.slice(0, 2), space.dim], data);
}

/** Unit vectors `[2 N, D]` of clips and of the clips run backward. */
export async function clipVectors(
  head: Executable,
  frames: Tensor<'float32'>,
  features: Tensor<'float32'>,
): Promise<Tensor<'float32'>> {
  const [, numFrames, dim] = frames.shape as [number, number, number];
  const featureDim = features.shape[1]!;
  return inBatches(features.shape[0]!, async (start, size) => {
    const shown = new Float32Array(size * numFrames * dim);
    for (let i = 0; i < size; i++) {
      const row = (start + i) >> 1;
      for (let t = 0; t < numFrames; t++) {
        const from = row * numFrames + ((start + i) % 2 === 1 ? numFrames - 1 - t : t);
        shown.set(frames.data.subarray(from * dim, (from + 1) * dim), (i * numFrames + t) * dim);
      }
    }
    const own = features.data.slice(start * featureDim, (start + size) * featureDim);
    const { embedding } = await head.run({
      frames: new Tensor('float32', [size, numFrames, dim], shown),
      features: new Tensor('float32', [size, featureDim], own),
    });
    return embedding as Tensor<'float32'>;
  });
}

/** The mean of the frames of each clip at unit length, `[N, D]`: a clip without time. */
export function meanOfFrames({ shape, data }: Tensor<'float32'>): Tensor<'float32'> {
  const [numClips, numFrames, dim] = shape as [number, number, number];
  const means = new Float32Array(numClips * dim);
  for (let clip = 0; clip < numClips; clip++) {
    const mean = means.subarray(clip * dim, (clip + 1) * dim);
    for (let i = 0; i < numFrames * dim; i++) mean[i % dim]! += data[clip * numFrames * dim + i]!;
    const length = Math.hypot(...mean) || 1;
    for (let d = 0; d < dim; d++) mean[d]! /= length;
  }
  return new Tensor('float32', [numClips, dim], means);
}

function emptyLike({ pictureFeatures, thumbnails }: ClipFeatures, numRows: number) {
  const table = (shape: readonly number[]) =>
    new Tensor('float32', shape, new Float32Array(shape.reduce((product, dim) => product * dim, 1)));
  return {
    pictureFeatures: table([numRows, ...pictureFeatures.shape.slice(1)]),
    thumbnails: table([numRows, ...thumbnails.shape.slice(1)]),
  };
}

async function inBatches(
  numRows: number,
  run: (start: number, size: number) => Promise<Tensor<'float32'>>,
): Promise<Tensor<'float32'>> {
  let all: Float32Array | undefined;
  let dim = 0;
  for (let start = 0; start < numRows; start += batchSize) {
    const part = await run(start, Math.min(batchSize, numRows - start));
    dim = part.shape[1]!;
    all ??= new Float32Array(numRows * dim);
    all.set(part.data, start * dim);
  }
  return new Tensor('float32', [numRows, dim], all ?? new Float32Array(0));
}
