/** @file The animations of training concepts in the space, by the trained video tower and head. D: dimension of the space. */
import type { PictureTower } from '../../../bundle/index.ts';
import { type OnProgress, Tensor } from '../../../engine/core/index.ts';
import { loadExecutable, type RuntimeOptions } from '../../../engine/runtime/index.ts';
import { clipFeatures } from '../train-video-tower/clips.ts';
import { videoCorpus } from '../train-video-tower/corpus.ts';
import { clipVectors, frameVectors, towerFeatures } from '../train-video-tower/embed-clips.ts';
import { type VideoSettings, videoSettings } from '../train-video-tower/settings.ts';
import type { Space } from '../train-video-tower/space.ts';
import type { VideoPart } from './parts.ts';
import type { ConceptVectors } from './sound-corpus.ts';

/** What `animationVectors` needs. */
export interface AnimationOptions {
  readonly space: Space;
  readonly video: VideoPart;
  readonly pictureTower: PictureTower;
  readonly settings?: VideoSettings;
  readonly dataDirectory?: string;
  readonly cacheDirectory: string;
  readonly runtime?: RuntimeOptions;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** The animations that train the video tower, as they are and not in a mirror. */
export async function animationVectors(options: AnimationOptions): Promise<ConceptVectors> {
  const { space, video, settings = videoSettings(), runtime = {} } = options;
  const { numFrames, picturePadding: padding } = settings;
  const { training } = await videoCorpus(options.dataDirectory, settings.corpus);
  const all = await clipFeatures(training, { ...options, numFrames, padding });
  const kept = training.flatMap((clip, i) => (clip.kind === 'animated' && !clip.isMirrored ? [i] : []));
  const clips = {
    pictureFeatures: rowsOf(all.pictureFeatures, kept),
    thumbnails: rowsOf(all.thumbnails, kept),
  };
  const [tower, head] = await Promise.all([loadExecutable(video.tower, runtime), loadExecutable(video.head, runtime)]);
  try {
    const vectors = await clipVectors(head, await frameVectors(space, clips), await towerFeatures(tower, clips));
    // Every second row is the clip run backward.
    const forward = kept.map((_, i) => 2 * i);
    return { concepts: kept.map((i) => training[i]!.concept), vectors: rowsOf(vectors, forward) };
  } finally {
    await Promise.all([tower.close(), head.close()]);
  }
}

/** Some of the first axis, in that order. */
export function rowsOf({ shape, data }: Tensor<'float32'>, rows: readonly number[]): Tensor<'float32'> {
  const size = shape.slice(1).reduce((product, dim) => product * dim, 1);
  const taken = new Float32Array(rows.length * size);
  rows.forEach((row, i) => {
    taken.set(data.subarray(row * size, (row + 1) * size), i * size);
  });
  return new Tensor('float32', [rows.length, ...shape.slice(1)], taken);
}
