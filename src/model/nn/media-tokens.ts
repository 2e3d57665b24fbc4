/**
 * @file Pictures, moving pictures and sounds as tokens of one width, from features of frozen towers: a picture is a token for each stage of
 * its tower, a moving picture a token for each frame, a sound a token for each patch of its log-mel picture. Every token carries its
 * place and its modality. Any modality may be missing.
 *
 * B: batch; F: features of a picture, stage after stage; T: frames; P: numbers of a thumbnail; A: patches of a sound; Q: numbers of a
 * patch; D: width of a token.
 */
import { type Rng, Tensor } from '../../engine/core/index.ts';
import {
  add,
  concat,
  constantInts,
  gather,
  mul,
  slice,
  split,
  unsqueeze,
  type Value,
} from '../../engine/graph/index.ts';
import { initLayerNorm, type LayerNorm, layerNorm } from './layer-norm.ts';
import { initLinear, type Linear, linear } from './linear.ts';

/** The modalities that are given as media, in the order in which their tokens stand. */
export const mediaModalities = ['picture', 'video', 'sound'] as const;

/** One of the modalities that are given as media. */
export type MediaModality = (typeof mediaModalities)[number];

/** The sizes of media and of their tokens. */
export interface MediaTokensOptions {
  /** D */
  readonly dim: number;
  /** Widths of the stages of a picture; together F. */
  readonly stageDims: readonly number[];
  /** T */
  readonly numFrames: number;
  /** P */
  readonly thumbnailDim: number;
  /** A */
  readonly numPatches: number;
  /** Q */
  readonly patchDim: number;
}

/** The parameters that turn media into tokens. */
export interface MediaTokens<T> {
  /** `[stage, D]` each; frames of video share them. */
  readonly stages: readonly Linear<T>[];
  /** `[P, D]` */
  readonly thumbnail: Linear<T>;
  /** `[Q, D]` */
  readonly patch: Linear<T>;
  /** `[stages + T + A, D]`: the place of each token among those of its modality. */
  readonly places: T;
  /** `[3, D]` */
  readonly modalities: T;
  readonly norm: LayerNorm<T>;
}

/** What is given of each item, standardized; what is not there is zeros. */
export interface MediaBatch<T> {
  /** `[B, F]` */
  readonly picture: T;
  /** `[B, T, F]` */
  readonly frames: T;
  /** `[B, T, P]` */
  readonly thumbnails: T;
  /** `[B, A, Q]` */
  readonly sound: T;
  /** `[B, 3]`: 1 where a modality is there, else 0, in the order of `mediaModalities`. */
  readonly present: T;
}

/** How many tokens each modality has, in the order of `mediaModalities`. */
export function mediaTokenCounts(options: Pick<MediaTokensOptions, 'stageDims' | 'numFrames' | 'numPatches'>) {
  return [options.stageDims.length, options.numFrames, options.numPatches] as const;
}

/** New projections into tokens. */
export function initMediaTokens(rng: Rng, options: MediaTokensOptions): MediaTokens<Tensor> {
  const { dim, stageDims, thumbnailDim, patchDim } = options;
  const numTokens = mediaTokenCounts(options).reduce((sum, count) => sum + count, 0);
  const table = (rows: number) => new Tensor('float32', [rows, dim], rng.fillNormal(new Float32Array(rows * dim), 0.3));
  return {
    stages: stageDims.map((stage) => initLinear(rng, stage, dim)),
    thumbnail: initLinear(rng, thumbnailDim, dim),
    patch: initLinear(rng, patchDim, dim),
    places: table(numTokens),
    modalities: table(mediaModalities.length),
    norm: initLayerNorm(dim),
  };
}

/** The tokens of each modality, `[B, tokens, D]` each, in the order of `mediaModalities`; of those that are absent too. */
export function mediaTokens(params: MediaTokens<Value>, media: MediaBatch<Value>): readonly [Value, Value, Value] {
  const stageDims = params.stages.map(({ weight }) => weight.shape[0] as number);
  const parts = split(media.picture, stageDims, 1);
  const picture = concat(
    parts.map((part, i) => unsqueeze(linear(params.stages[i]!, part), [1])),
    1,
  );
  const whole = {
    weight: concat(
      params.stages.map(({ weight }) => weight),
      0,
    ),
    bias: params.stages.map(({ bias }) => bias).reduce((sum, bias) => add(sum, bias)),
  };
  const frames = mul(add(linear(whole, media.frames), linear(params.thumbnail, media.thumbnails)), 0.5);
  const sound = linear(params.patch, media.sound);
  const all = [picture, frames, sound] as const;
  let first = 0;
  return all.map((tokens, modality) => {
    const count = tokens.shape[1] as number;
    const place = slice(params.places, { starts: [first], ends: [first + count] });
    first += count;
    const kind = gather(params.modalities, constantInts([modality]));
    return layerNorm(params.norm, add(tokens, add(place, kind)));
  }) as unknown as readonly [Value, Value, Value];
}

/** `[B, tokens]`: 1 for each token of a modality that is there, else 0. */
export function tokensPresent(present: Value, counts: readonly number[]): Value {
  const modality = counts.flatMap((count, i) => Array.from({ length: count }, () => i));
  return gather(present, constantInts(modality), 1);
}
