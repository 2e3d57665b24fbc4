/**
 * @file The video tower: what order and motion add to the frames of a clip. Two streams (arXiv:1406.2199) tell what is in each frame (pooled
 * features of a picture tower) and where it is (a thumbnail, and how it differs from the clip's mean and from the frame before); attention over
 * time (arXiv:2102.05095) compares the frames.
 *
 * B: clips; T: frames; F: picture features of a frame; K: side of a thumbnail; D: width.
 */
import { type Rng, ShapeError, Tensor } from '../../../engine/core/index.ts';
import {
  add,
  concat,
  div,
  gelu,
  mul,
  neg,
  reduceMean,
  reduceSum,
  reshape,
  slice,
  sub,
  type Value,
} from '../../../engine/graph/index.ts';
import { initLayerNorm, type LayerNorm, layerNorm } from '../../nn/layer-norm.ts';
import { initLinear, type Linear, linear } from '../../nn/linear.ts';
import { initTransformerBlock, type TransformerBlock, transformerBlock } from '../../nn/transformer-block.ts';

/** The parameters of a video tower. */
export interface VideoTower<T> {
  /** `[F, D]` */
  readonly picture: Linear<T>;
  /** The same small perceptron for each pixel of a thumbnail: `[11, 16]`, then `[16, 8]`. */
  readonly pixelUp: Linear<T>;
  readonly pixelDown: Linear<T>;
  /** `[K · K · 8, D]` */
  readonly place: Linear<T>;
  /** `[T, D]` */
  readonly positions: T;
  readonly blocks: readonly TransformerBlock<T>[];
  readonly norm: LayerNorm<T>;
}

/** The sizes of a video tower. */
export interface VideoTowerOptions {
  /** F */
  readonly pictureDim: number;
  /** T */
  readonly numFrames: number;
  /** K */
  readonly thumbnailSize: number;
  /** D */
  readonly dim: number;
  readonly numLayers: number;
  readonly numHeads: number;
}

/** What a video tower sees of clips. */
export interface ClipInputs<T> {
  /** Standardized features of each frame, `[B, T, F]`. */
  readonly pictureFeatures: T;
  /** `[B, T, K, K, 3]`, in [0, 1]. */
  readonly thumbnails: T;
}

/** Channels that the perceptron of a pixel reads: its colour; that less the clip's mean, and less the frame before; flow to the right and down. */
const pixelChannels = 11;
const pixelHidden = 16;
const placeChannels = 8;

/** A new video tower. */
export function initVideoTower(rng: Rng, options: VideoTowerOptions): VideoTower<Tensor> {
  const { pictureDim, numFrames, thumbnailSize, dim, numLayers } = options;
  return {
    picture: initLinear(rng, pictureDim, dim),
    pixelUp: initLinear(rng, pixelChannels, pixelHidden, 3),
    pixelDown: initLinear(rng, pixelHidden, placeChannels, 2),
    place: initLinear(rng, thumbnailSize * thumbnailSize * placeChannels, dim, 3),
    positions: new Tensor('float32', [numFrames, dim], rng.fillNormal(new Float32Array(numFrames * dim), 0.1)),
    blocks: Array.from({ length: numLayers }, () => initTransformerBlock(rng, dim)),
    norm: initLayerNorm(dim),
  };
}

/**
 * The features of clips: `[B, D]`.
 * @throws ShapeError if the inputs are not of the sizes.
 */
export function videoTower(
  params: VideoTower<Value>,
  { pictureFeatures, thumbnails }: ClipInputs<Value>,
  options: Pick<VideoTowerOptions, 'numFrames' | 'thumbnailSize' | 'numHeads'>,
): Value {
  const { numFrames, thumbnailSize: side, numHeads } = options;
  if (pictureFeatures.rank !== 3 || pictureFeatures.shape[1] !== numFrames) {
    throw new ShapeError(`videoTower: pictureFeatures must be [B, ${numFrames}, F], got ${pictureFeatures}`);
  }
  if (thumbnails.rank !== 5 || thumbnails.shape.slice(1).join() !== `${numFrames},${side},${side},3`) {
    throw new ShapeError(`videoTower: thumbnails must be [B, ${numFrames}, ${side}, ${side}, 3], got ${thumbnails}`);
  }
  const batch = thumbnails.shape[0]!;
  const pixels = reshape(thumbnails, [batch, numFrames, side * side, 3]);
  const tokens = add(linear(params.picture, pictureFeatures), placeTokens(params, pixels, numFrames));
  const placed = add(tokens, params.positions);
  const mixed = params.blocks.reduce((x, block) => transformerBlock(block, x, { numHeads }), placed);
  return reduceMean(layerNorm(params.norm, mixed), { axes: [1] });
}

/** Where things are in each frame: pixels `[B, T, K · K, 3]` to `[B, T, D]`. */
function placeTokens(params: VideoTower<Value>, pixels: Value, numFrames: number): Value {
  const [batch, , numPixels] = pixels.shape;
  const centred = sub(mul(pixels, 2), 1);
  const change = mul(sub(pixels, reduceMean(pixels, { axes: [1], keepDims: true })), 4);
  const first = slice(pixels, { starts: [0], ends: [1], axes: [1] });
  const before = concat([first, slice(pixels, { starts: [0], ends: [numFrames - 1], axes: [1] })], 1);
  const step = mul(sub(pixels, before), 4);
  const seen = concat([centred, change, step, normalFlow(pixels, before)], 3);
  const places = linear(params.pixelDown, gelu(linear(params.pixelUp, seen)));
  return linear(params.place, reshape(places, [batch!, numFrames, (numPixels! as number) * placeChannels]));
}

/** Added to the strength of edges, so that there is no flow where there is no edge. */
const flowFloor = 0.02;

/**
 * The motion of each pixel along the gradient of its colours since the frame before (the normal component of optical flow, Horn and Schunck,
 * 1981), in (-1, 1): `[B, T, K · K, 2]`, to the right and down.
 */
function normalFlow(pixels: Value, before: Value): Value {
  const [batch, time, numPixels] = pixels.shape;
  const side = Math.round(Math.sqrt(numPixels as number));
  const between = reshape(mul(add(pixels, before), 0.5), [batch!, time!, side, side, 3]);
  const [right, down] = [3, 2].map((axis) => reshape(gradientAlong(between, axis, side), pixels.shape)) as [
    Value,
    Value,
  ];
  const step = sub(pixels, before);
  const overChannels = (x: Value) => reduceSum(x, { axes: [3], keepDims: true });
  const strength = add(
    add(overChannels(mul(right, right)), overChannels(mul(down, down))),
    add(overChannels(mul(step, step)), flowFloor),
  );
  return concat(
    [right, down].map((gradient) => neg(div(mul(overChannels(mul(step, gradient)), 2), strength))),
    3,
  );
}

/** Central differences along an axis; one-sided at the edges. */
function gradientAlong(x: Value, axis: number, side: number): Value {
  const part = (from: number, to: number) => slice(x, { starts: [from], ends: [to], axes: [axis] });
  const next = concat([part(1, side), part(side - 1, side)], axis);
  const previous = concat([part(0, 1), part(0, side - 1)], axis);
  return sub(next, previous);
}
