/**
 * @file A small audio encoder that starts from nothing: a stem of strided convolutions over time and pitch, pre-norm transformer blocks
 * (arXiv:1706.03762, arXiv:2002.04745) over what they leave, and a mean that attends (arXiv:1803.10963). It sees windows of
 * a fixed length.
 *
 * B: windows; T: frames; L: frames of a window; M: mel bands; N: tokens, L / 4; D: width; H: heads; F: features.
 */
import { type Rng, ShapeError, Tensor } from '../../../engine/core/index.ts';
import {
  add,
  clip,
  concat,
  div,
  matMul,
  mul,
  pad,
  reduceMax,
  relu,
  reshape,
  slice,
  softmax,
  sub,
  transpose,
  unsqueeze,
  type Value,
} from '../../../engine/graph/index.ts';
import { type Conv2d, conv2d, initConv2d } from '../../nn/conv2d.ts';
import { initLayerNorm, type LayerNorm, layerNorm } from '../../nn/layer-norm.ts';
import { initLinear, type Linear, linear } from '../../nn/linear.ts';
import { initTransformerBlock, type TransformerBlock, transformerBlock } from '../../nn/transformer-block.ts';
import { soundOutline } from './sound-outline.ts';

/** The parameters of an audio encoder. */
export interface AudioEncoder<T> {
  /** Two convolutions that halve time and pitch each. */
  readonly stem: readonly Conv2d<T>[];
  /** `[channels · M / 4, D]` */
  readonly tokens: Linear<T>;
  /** `[N, D]`: places in the window. */
  readonly positions: T;
  readonly blocks: readonly TransformerBlock<T>[];
  readonly norm: LayerNorm<T>;
  /** `[D, H]`: how much each token matters, once for each head of the mean. */
  readonly scores: Linear<T>;
  /** `[D, F]` */
  readonly projection: Linear<T>;
  readonly featureNorm: LayerNorm<T>;
}

/** The sizes of an audio encoder. */
export interface AudioEncoderOptions {
  /** M, a multiple of 4. */
  readonly numBands: number;
  /** L, a multiple of 4. */
  readonly windowFrames: number;
  /** Channels of the two convolutions. */
  readonly stemChannels: readonly [number, number];
  /** D, a multiple of the number of heads. */
  readonly dim: number;
  readonly numLayers: number;
  /** H, of the attention and of the mean. */
  readonly numHeads: number;
  /** F */
  readonly featureDim: number;
}

/** The sizes that parameters do not tell. */
export type AudioEncoderShape = Pick<AudioEncoderOptions, 'numBands' | 'windowFrames' | 'numHeads'>;

/** What a log-mel spectrogram says of silence: ln(1e-10). */
export const silence = Math.log(1e-10);

/** Frames that become one token. */
const framesPerToken = 4;

/** A new audio encoder. @throws RangeError unless 4 divides bands and frames. */
export function initAudioEncoder(rng: Rng, options: AudioEncoderOptions): AudioEncoder<Tensor> {
  const { numBands, windowFrames, stemChannels, dim, numLayers, numHeads, featureDim } = options;
  if (numBands % framesPerToken !== 0 || windowFrames % framesPerToken !== 0) {
    throw new RangeError(`audioEncoder: bands and frames must be multiples of 4, got ${numBands} and ${windowFrames}`);
  }
  const [first, second] = stemChannels;
  const numTokens = windowFrames / framesPerToken;
  return {
    stem: [initConv2d(rng, 1, first, 3, { gain: 2 }), initConv2d(rng, first, second, 3, { gain: 2 })],
    tokens: initLinear(rng, (second * numBands) / framesPerToken, dim),
    positions: new Tensor('float32', [numTokens, dim], rng.fillNormal(new Float32Array(numTokens * dim), 0.02)),
    blocks: Array.from({ length: numLayers }, () => initTransformerBlock(rng, dim)),
    norm: initLayerNorm(dim),
    scores: initLinear(rng, dim, numHeads, 0.1),
    projection: initLinear(rng, dim, featureDim),
    featureNorm: initLayerNorm(featureDim),
  };
}

/** What lies this far below the loudest place, in nepers of power, is silence: 52 dB. */
const dynamicRange = 12;
/** A window whose loudest place is below this is silence throughout. */
const quietest = -8;

/**
 * Log-mel windows `[B, T, M]` brought to [0, 1] where 1 is the loudest place of the window and 0 is silence: no louder recording, and no
 * silence before or after it, changes anything else.
 */
function levelled(logMel: Value): Value {
  const loudest = clip(reduceMax(logMel, { axes: [1, 2], keepDims: true }), quietest, undefined);
  return relu(add(div(sub(logMel, loudest), dynamicRange), 1));
}

/** What an audio tower gives: the features of the encoder, then the outline of the sound, side by side `[B, F + 2 M + 64]`. */
export function audioTower(params: AudioEncoder<Value>, logMel: Value, options: AudioEncoderShape): Value {
  const outline = soundOutline(levelled(ofLength(logMel, options.windowFrames)));
  return concat([audioEncoder(params, logMel, options), outline], 1);
}

/**
 * The features `[B, F]` of log-mel spectrograms `[B, T, M]`; what is shorter than a window is followed by silence, what is longer is cut.
 * @throws ShapeError if they have another number of bands.
 */
export function audioEncoder(
  params: AudioEncoder<Value>,
  logMel: Value,
  { numBands, windowFrames, numHeads }: AudioEncoderShape,
): Value {
  if (logMel.rank !== 3 || logMel.shape[2] !== numBands) {
    throw new ShapeError(`audioEncoder: logMel must be [B, T, ${numBands}], got ${logMel}`);
  }
  const windows = levelled(ofLength(logMel, windowFrames));
  const picture = unsqueeze(sub(mul(windows, 4), 1), [1]);
  const seen = params.stem.reduce((x, layer) => relu(conv2d(layer, x, { stride: 2 })), picture);
  const byTime = transpose(seen, [0, 2, 1, 3]);
  const [, numTokens, channels, heights] = byTime.shape as [number, number, number, number];
  const places = linear(params.tokens, reshape(byTime, [windows.shape[0]!, numTokens, channels * heights]));
  const embedded = add(places, params.positions);
  const mixed = params.blocks.reduce((x, block) => transformerBlock(block, x, { numHeads }), embedded);
  const pooled = attentiveMean(params, layerNorm(params.norm, mixed), numHeads);
  return layerNorm(params.featureNorm, linear(params.projection, pooled));
}

/** Windows of fewer or more frames `[B, T, M]`, T not known, filled up with silence or cut to L: `[B, L, M]`. */
function ofLength(logMel: Value, length: number): Value {
  const [batch, time, bands] = logMel.shape as [number, number, number];
  if (time === length) return logMel;
  const longer = pad(logMel, [0, 0, 0], [0, length, 0], silence);
  return reshape(slice(longer, { starts: [0], ends: [length], axes: [1] }), [batch, length, bands]);
}

/** The mean `[B, D]` of x `[B, N, D]`, weighted anew for each head's share of D. */
function attentiveMean({ scores }: AudioEncoder<Value>, x: Value, numHeads: number): Value {
  const [batch, numTokens, dim] = x.shape as [number, number, number];
  const weights = transpose(softmax(linear(scores, x), 1), [0, 2, 1]);
  const heads = transpose(reshape(x, [batch, numTokens, numHeads, dim / numHeads]), [0, 2, 1, 3]);
  return reshape(matMul(unsqueeze(weights, [2]), heads), [batch, dim]);
}
