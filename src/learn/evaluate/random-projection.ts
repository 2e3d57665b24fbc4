/**
 * @file What is known without training: the frozen towers' features, and the plainest features of sounds and clips, under random projections. A bundle that is
 * no better has learned nothing. D: dimension of the space.
 */
import { type Encoder, type Manifest, openPictureTower, openTextTower } from '../../bundle/index.ts';
import { Rng, Tensor } from '../../engine/core/index.ts';
import { logMel } from '../../media/index.ts';
import type { ImageOutput } from '../../model/index.ts';
import { stackRows } from '../data/features.ts';
import { joinFeatures } from '../data/join-features.ts';

/**
 * The baseline beside the encoder of a bundle, with its views. A trained tower's own pretrained form stands for it, and MobileNetV2 for a tower that was
 * trained from nothing. A clip is the mean of its frames, a sound the mean and deviation of each mel band; texts of any
 * language go through the English sentence encoder.
 */
export async function randomProjection(picture: Manifest['picture'], encoder: Encoder): Promise<Encoder> {
  const { tower, size } = picture;
  const { dim } = encoder;
  const [variant, outputs] =
    tower === 'vision-transformer'
      ? (['mobilenet-v2-mid', ['pooled']] as const)
      : ([tower, picture.outputs as readonly ImageOutput[]] as const);
  const [pictureTower, textTower] = await Promise.all([
    openPictureTower({ variant, size, outputs }),
    openTextTower('embedding'),
  ]);
  const pictureFeatures = async (pictures: readonly Tensor<'uint8'>[]) =>
    joinFeatures(await pictureTower.run(pictures), outputs);
  return {
    ...viewsOf(encoder),
    id: 'random-projection',
    encodePictures: async (pictures) => project(await pictureFeatures(pictures), dim, 'picture'),
    encodeTexts: async (texts) => project(await textTower.run(texts), dim, 'text'),
    encodeAudio: async (clips) => project(stackRows(clips.map((clip) => bandStatistics(logMel(clip)))), dim, 'audio'),
    encodeVideos: async (clips) => {
      const rows: Tensor<'float32'>[] = [];
      for (const clip of clips) rows.push(meanRow(await pictureFeatures(framesOf(clip))));
      return project(stackRows(rows), dim, 'picture');
    },
    prepare: async () => {},
    async close() {
      await Promise.all([pictureTower.close(), textTower.close()]);
    },
  };
}

function viewsOf({ dim, languages, modalities, pictureView, audioView, videoView }: Encoder) {
  return {
    dim,
    languages,
    modalities,
    pictureView,
    ...(audioView ? { audioView } : {}),
    ...(videoView ? { videoView } : {}),
  };
}

/** The frames `uint8[S, S, 3]` of a clip `uint8[T, S, S, 3]`, without copying. */
export function framesOf({ shape, data }: Tensor<'uint8'>): Tensor<'uint8'>[] {
  const numBytes = data.length / shape[0]!;
  return Array.from(
    { length: shape[0]! },
    (_, t) => new Tensor('uint8', shape.slice(1), data.subarray(t * numBytes, (t + 1) * numBytes)),
  );
}

/** The mean of rows `[n, F]`, as `[1, F]`. */
function meanRow({ shape, data }: Tensor<'float32'>): Tensor<'float32'> {
  const [numRows, width] = shape as [number, number];
  const mean = new Float32Array(width);
  data.forEach((value, i) => {
    mean[i % width]! += value / numRows;
  });
  return new Tensor('float32', [1, width], mean);
}

/** Mean and deviation over time of each band of a spectrogram `[T, M]`, as `[1, 2 M]`. */
function bandStatistics({ shape, data }: Tensor<'float32'>): Tensor<'float32'> {
  const [numFrames, numBands] = shape as [number, number];
  const result = new Float32Array(2 * numBands);
  for (let band = 0; band < numBands; band++) {
    let [sum, squares] = [0, 0];
    for (let t = 0; t < numFrames; t++) {
      const value = data[t * numBands + band]!;
      sum += value;
      squares += value * value;
    }
    const mean = sum / numFrames;
    result[band] = mean;
    result[numBands + band] = Math.sqrt(Math.max(0, squares / numFrames - mean * mean));
  }
  return new Tensor('float32', [1, 2 * numBands], result);
}

/** Rows `[N, F]` times a random matrix, brought to length 1. */
function project(features: Tensor<'float32'>, dim: number, seed: string): Tensor<'float32'> {
  const [numRows, width] = features.shape as [number, number];
  const matrix = new Rng(seed).fillNormal(new Float32Array(width * dim));
  const result = new Float32Array(numRows * dim);
  for (let row = 0; row < numRows; row++) {
    const out = result.subarray(row * dim, (row + 1) * dim);
    for (let i = 0; i < width; i++) {
      const value = features.data[row * width + i]!;
      for (let d = 0; d < dim; d++) out[d]! += value * matrix[i * dim + d]!;
    }
    const length = Math.hypot(...out) || 1;
    for (let d = 0; d < dim; d++) out[d]! /= length;
  }
  return new Tensor('float32', [numRows, dim], result);
}
