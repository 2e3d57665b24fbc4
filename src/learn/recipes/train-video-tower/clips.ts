/**
 * @file The clips that the recipe learns from and is measured with: still pictures set in motion, and animated pictures as they are and
 * in a mirror. Run backward, every one of them is another clip for nothing.
 *
 * N: clips; T: frames; F: picture features of a frame; K: side of a thumbnail.
 */
import type { PictureTower } from '../../../bundle/index.ts';
import { type OnProgress, Tensor } from '../../../engine/core/index.ts';
import { readFrames, thumbnailSize, thumbnails } from '../../../media/index.ts';
import type { PictureRecord } from '../../data/catalog.ts';
import { cachedFeatures } from '../../data/features.ts';
import { joinFeatures } from '../../data/join-features.ts';
import { composeMotionClip, mirrorFrames, readSprite } from '../../data/motion-clips.ts';
import type { MotionName } from '../../data/motions.ts';
import type { MovingPicture } from '../../data/moving-pictures.ts';

/** Names in both languages; Chinese is absent where CLDR has none. */
export interface Names {
  readonly en: string;
  readonly zh: string | undefined;
}

/** A clip before it is rendered. */
export type Clip =
  | {
      readonly kind: 'composed';
      /** Names the picture and all that is drawn: picture's id, motion, seed. */
      readonly id: string;
      readonly path: string;
      readonly concept: string;
      readonly name: Names;
      readonly motion: MotionName;
      readonly seed: string;
    }
  | {
      readonly kind: 'animated';
      readonly id: string;
      readonly path: string;
      readonly concept: string;
      readonly name: Names;
      readonly keywords: readonly string[];
      readonly isMirrored: boolean;
    };

/** A picture set in motion. */
export function composedClip(
  picture: Pick<PictureRecord, 'id' | 'path' | 'concept'>,
  name: Names,
  motion: MotionName,
  seed: string,
): Clip {
  const id = `${picture.id} ${motion} ${seed}`;
  return { kind: 'composed', id, path: picture.path, concept: picture.concept, name, motion, seed: id };
}

/** An animated picture, in a mirror or not. */
export function animatedClip(picture: MovingPicture, isMirrored: boolean): Clip {
  const { path, concept, name, keywords } = picture;
  const id = `${picture.id}${isMirrored ? ' mirrored' : ''}`;
  return { kind: 'animated', id, path, concept, name, keywords: keywords.en, isMirrored };
}

/** The frames of a clip, `uint8[S, S, 3]` each. @throws MediaError if its picture cannot be read. */
async function clipFrames(
  clip: Clip,
  view: { readonly numFrames: number; readonly size: number; readonly padding: number },
): Promise<Tensor<'uint8'>[]> {
  const { numFrames, size, padding } = view;
  if (clip.kind === 'composed') {
    const { motion, seed } = clip;
    return composeMotionClip(await readSprite(clip.path), { motion, seed, numFrames, size });
  }
  const frames: Tensor<'uint8'>[] = [];
  for await (const { pixels } of readFrames(clip.path, { numFrames, size, padding })) frames.push(pixels);
  return clip.isMirrored ? mirrorFrames(frames) : frames;
}

/** What the frozen part sees of clips. */
export interface ClipFeatures {
  /** Raw features, `[N, T, F]`. */
  readonly pictureFeatures: Tensor<'float32'>;
  /** `[N, T, K, K, 3]`, in [0, 1]. */
  readonly thumbnails: Tensor<'float32'>;
}

/** What `clipFeatures` needs. */
export interface ClipFeatureOptions {
  readonly pictureTower: PictureTower;
  readonly numFrames: number;
  readonly padding: number;
  readonly cacheDirectory: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Computes (or reads from the cache) the features of all frames of clips. */
export async function clipFeatures(clips: readonly Clip[], options: ClipFeatureOptions): Promise<ClipFeatures> {
  const { pictureTower, numFrames, padding, cacheDirectory, onProgress, signal } = options;
  const perThumbnail = thumbnailSize * thumbnailSize * 3;
  const rows = await cachedFeatures({
    items: clips,
    keyOf: ({ id }) => id,
    encoderId: `${pictureTower.id} clips-1 ${numFrames} ${padding}`,
    directory: cacheDirectory,
    shardSize: 128,
    batchSize: 8,
    unit: 'clips',
    ...(onProgress ? { onProgress } : {}),
    ...(signal ? { signal } : {}),
    encode: async (part) => {
      const parts: Tensor<'float32'>[] = [];
      for (const clip of part) {
        const frames = await clipFrames(clip, { numFrames, padding, size: pictureTower.size });
        const features = joinFeatures(await pictureTower.run(frames), pictureTower.outputs);
        parts.push(rowOf(features.data, thumbnails(frames).data));
      }
      const dim = parts[0]!.shape[0]!;
      const all = new Float32Array(parts.length * dim);
      parts.forEach((row, i) => {
        all.set(row.data, i * dim);
      });
      return new Tensor('float32', [parts.length, dim], all);
    },
  });
  return splitRows(rows, numFrames, perThumbnail);
}

function rowOf(features: Float32Array, small: Float32Array): Tensor<'float32'> {
  const row = new Float32Array(features.length + small.length);
  row.set(features);
  row.set(small, features.length);
  return new Tensor('float32', [row.length], row);
}

function splitRows(rows: Tensor<'float32'>, numFrames: number, perThumbnail: number): ClipFeatures {
  const [numClips, dim] = rows.shape as [number, number];
  const smallDim = numFrames * perThumbnail;
  const pictureDim = dim - smallDim;
  const features = new Float32Array(numClips * pictureDim);
  const small = new Float32Array(numClips * smallDim);
  for (let i = 0; i < numClips; i++) {
    features.set(rows.data.subarray(i * dim, i * dim + pictureDim), i * pictureDim);
    small.set(rows.data.subarray(i * dim + pictureDim, (i + 1) * dim), i * smallDim);
  }
  return {
    pictureFeatures: new Tensor('float32', [numClips, numFrames, pictureDim / numFrames], features),
    thumbnails: new Tensor('float32', [numClips, numFrames, thumbnailSize, thumbnailSize, 3], small),
  };
}

/** `[N, T, F]` as one row for each frame, `[N · T, F]`, without a copy. */
export function frameRows({ shape, data }: Tensor<'float32'>): Tensor<'float32'> {
  return new Tensor('float32', [shape[0]! * shape[1]!, shape[2]!], data);
}
