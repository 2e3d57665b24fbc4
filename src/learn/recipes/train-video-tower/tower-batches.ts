/**
 * @file Batches of stage one: instances are clips and the same clips run backward; each comes twice, under other colours. Mirroring the
 * thumbnails of a composed clip changes what it shows, and its target with it.
 *
 * B: rows, two views of each instance; T: frames; F: picture features; K: side of a thumbnail; M: motions.
 */
import { type Rng, Tensor } from '../../../engine/core/index.ts';
import type { ClipBatch, FeatureStatistics } from '../../../model/index.ts';
import { motionAs, motionNames } from '../../data/motions.ts';
import { standardizeRows } from '../align-text-image/statistics.ts';
import { type Clip, type ClipFeatures, frameRows } from './clips.ts';

/** A clip as it is shown in one row. */
export interface Showing {
  /** Index of the clip. */
  readonly clip: number;
  readonly isReversed: boolean;
  /** Whether its thumbnails are mirrored. */
  readonly isMirrored: boolean;
  /** Which channel of the thumbnails each channel is read from. */
  readonly channels: readonly [number, number, number];
}

/** Every order of three channels. */
const channelOrders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

/** Copies the frames of a clip, as shown, into row `at` of a batch's inputs. */
export function writeClip(
  from: ClipFeatures,
  { clip, isReversed, isMirrored, channels }: Showing,
  into: { readonly pictureFeatures: Tensor<'float32'>; readonly thumbnails: Tensor<'float32'> },
  at: number,
): void {
  const [, numFrames, pictureDim] = from.pictureFeatures.shape as [number, number, number];
  const side = from.thumbnails.shape[2]!;
  const perThumbnail = side * side * 3;
  const isPlain = !isMirrored && channels[0] === 0 && channels[1] === 1;
  for (let frame = 0; frame < numFrames; frame++) {
    const source = clip * numFrames + (isReversed ? numFrames - 1 - frame : frame);
    const target = at * numFrames + frame;
    into.pictureFeatures.data.set(
      from.pictureFeatures.data.subarray(source * pictureDim, (source + 1) * pictureDim),
      target * pictureDim,
    );
    const pixels = from.thumbnails.data.subarray(source * perThumbnail, (source + 1) * perThumbnail);
    const out = into.thumbnails.data.subarray(target * perThumbnail, (target + 1) * perThumbnail);
    if (isPlain) {
      out.set(pixels);
      continue;
    }
    for (let i = 0; i < side * side; i++) {
      const x = i % side;
      const pixel = (isMirrored ? i - x + side - 1 - x : i) * 3;
      for (let channel = 0; channel < 3; channel++) out[i * 3 + channel] = pixels[pixel + channels[channel]!]!;
    }
  }
}

/** A function that draws the next batch, standardized; its tensors are the same ones each time. */
export function towerBatches(
  clips: readonly Clip[],
  features: ClipFeatures,
  statistics: FeatureStatistics,
  { batchSize, animatedShare }: { readonly batchSize: number; readonly animatedShare: number },
): (rng: Rng) => ClipBatch<Tensor> {
  const composed = clips.flatMap((clip, i) => (clip.kind === 'composed' ? [i] : []));
  const animated = clips.flatMap((clip, i) => (clip.kind === 'animated' ? [i] : []));
  const batch = emptyBatch(features, batchSize);
  const numAnimated = 2 * Math.round((animatedShare * batchSize) / 4);
  return (rng) => {
    const shown = [
      ...instances(clips, animated, numAnimated, rng),
      ...instances(clips, composed, batchSize / 2 - numAnimated, rng),
    ];
    for (const target of [batch.motion, batch.direction, batch.side]) target.data.fill(0);
    shown.forEach((instance, i) => {
      for (const row of [2 * i, 2 * i + 1]) {
        const showing = { ...instance, channels: rng.pick(channelOrders) };
        writeClip(features, showing, batch, row);
        writeTargets(clips[instance.clip]!, showing, batch, row);
      }
    });
    standardizeRows(frameRows(batch.pictureFeatures), statistics);
    return batch;
  };
}

function emptyBatch({ pictureFeatures, thumbnails }: ClipFeatures, numRows: number) {
  const table = (shape: readonly number[]) =>
    new Tensor('float32', shape, new Float32Array(shape.reduce((product, dim) => product * dim, 1)));
  return {
    pictureFeatures: table([numRows, ...pictureFeatures.shape.slice(1)]),
    thumbnails: table([numRows, ...thumbnails.shape.slice(1)]),
    motion: table([numRows, motionNames.length]),
    direction: table([numRows, 2]),
    side: table([numRows, 2]),
  };
}

/** So many instances of different clips; one that is another clip run backward comes with that one. */
function instances(
  clips: readonly Clip[],
  from: readonly number[],
  count: number,
  rng: Rng,
): Omit<Showing, 'channels'>[] {
  const chosen: Omit<Showing, 'channels'>[] = [];
  const taken = new Set<number>();
  while (chosen.length < count && taken.size < from.length) {
    const index = rng.pick(from);
    if (taken.has(index)) continue;
    taken.add(index);
    const clip = clips[index]!;
    const isMirrored = clip.kind === 'composed' && rng.uniform() < 0.5;
    const isReversed = rng.uniform() < 0.5;
    chosen.push({ clip: index, isReversed, isMirrored });
    const differs = clip.kind === 'animated' || motionAs(clip.motion, { reversed: true }) !== clip.motion;
    if (differs && chosen.length < count) chosen.push({ clip: index, isReversed: !isReversed, isMirrored });
  }
  return chosen;
}

function writeTargets(
  clip: Clip,
  { isReversed, isMirrored }: Showing,
  batch: {
    readonly motion: Tensor<'float32'>;
    readonly direction: Tensor<'float32'>;
    readonly side: Tensor<'float32'>;
  },
  row: number,
): void {
  if (clip.kind === 'composed') {
    const motion = motionAs(clip.motion, { reversed: isReversed, mirrored: isMirrored });
    batch.motion.data[row * motionNames.length + motionNames.indexOf(motion)] = 1;
  } else {
    batch.direction.data[row * 2 + Number(isReversed)] = 1;
    batch.side.data[row * 2 + Number(clip.isMirrored)] = 1;
  }
}
