/**
 * @file A small U-Net as diffusion models use it (arXiv:1505.04597, arXiv:2006.11239): residual blocks of GroupNorm, SiLU and 3 x 3
 * convolutions that take in a time embedding; one way down, a middle, one way up with the skipped features beside it; the mean squared error.
 * B: batch; C: channels; S: side of the plane; E: dimension of the time embedding.
 */
import {
  add,
  concat,
  leaves,
  type MapLeaves,
  Rng,
  reduceMean,
  reshape,
  square,
  sub,
  type Tensor,
  type Tree,
  type Value,
} from '../../src/engine/index.ts';
import { type Conv2d, conv2d, initConv2d } from '../../src/model/nn/conv2d.ts';
import { type GroupNorm, groupNorm, initGroupNorm } from '../../src/model/nn/group-norm.ts';
import { initLinear, type Linear, linear } from '../../src/model/nn/linear.ts';
import { silu } from '../../src/model/nn/silu.ts';
import { upsampleNearest } from '../../src/model/nn/upsample-nearest.ts';
import { compiled, normalTensor, type Workload } from './workload.ts';

/** The parameters of a residual block that knows the time. */
interface TimeBlock<T> {
  readonly norm1: GroupNorm<T>;
  readonly conv1: Conv2d<T>;
  /** E to the channels of the block. */
  readonly time: Linear<T>;
  readonly norm2: GroupNorm<T>;
  readonly conv2: Conv2d<T>;
  /** Brings the input to the channels of the output, where they differ. */
  readonly shortcut?: Conv2d<T>;
}

/** The parameters of the network. */
export interface UNet<T> {
  readonly timeHidden: Linear<T>;
  readonly timeOutput: Linear<T>;
  readonly down: TimeBlock<T>;
  readonly downsample: Conv2d<T>;
  readonly middle: TimeBlock<T>;
  readonly upsample: Conv2d<T>;
  readonly up: TimeBlock<T>;
  readonly norm: GroupNorm<T>;
  readonly output: Conv2d<T>;
}

/** The sizes of the network and its batch. */
interface UNetSizes {
  readonly batch: number;
  readonly channels: number;
  readonly size: number;
  readonly numGroups: number;
  readonly timeDim: number;
}

function initBlock(rng: Rng, inChannels: number, outChannels: number, timeDim: number): TimeBlock<Tensor> {
  return {
    norm1: initGroupNorm(inChannels),
    conv1: initConv2d(rng, inChannels, outChannels, 3),
    time: initLinear(rng, timeDim, outChannels),
    norm2: initGroupNorm(outChannels),
    conv2: initConv2d(rng, outChannels, outChannels, 3),
    ...(inChannels === outChannels ? {} : { shortcut: initConv2d(rng, inChannels, outChannels, 1) }),
  };
}

/** A network with C channels outside and 2 C in the middle. */
export function initUNet(rng: Rng, { channels, timeDim }: UNetSizes): UNet<Tensor> {
  return {
    timeHidden: initLinear(rng, timeDim, timeDim),
    timeOutput: initLinear(rng, timeDim, timeDim),
    down: initBlock(rng, channels, channels, timeDim),
    downsample: initConv2d(rng, channels, 2 * channels, 3),
    middle: initBlock(rng, 2 * channels, 2 * channels, timeDim),
    upsample: initConv2d(rng, 2 * channels, channels, 3),
    up: initBlock(rng, 2 * channels, channels, timeDim),
    norm: initGroupNorm(channels),
    output: initConv2d(rng, channels, channels, 3),
  };
}

function timeBlock(params: TimeBlock<Value>, x: Value, time: Value, numGroups: number): Value {
  const hidden = conv2d(params.conv1, silu(groupNorm(params.norm1, x, { numGroups })));
  const [batch, channels] = hidden.shape as [number, number];
  const timed = add(hidden, reshape(linear(params.time, time), [batch, channels, 1, 1]));
  const out = conv2d(params.conv2, silu(groupNorm(params.norm2, timed, { numGroups })));
  return add(out, params.shortcut ? conv2d(params.shortcut, x) : x);
}

/** x `[B, C, S, S]` and time features `[B, E]` to `[B, C, S, S]`. */
export function uNet(params: UNet<Value>, x: Value, time: Value, numGroups: number): Value {
  const embedded = silu(linear(params.timeOutput, silu(linear(params.timeHidden, time))));
  const skipped = timeBlock(params.down, x, embedded, numGroups);
  const middle = timeBlock(params.middle, conv2d(params.downsample, skipped, { stride: 2 }), embedded, numGroups);
  const enlarged = conv2d(params.upsample, upsampleNearest(middle, 2));
  const up = timeBlock(params.up, concat([enlarged, skipped], 1), embedded, numGroups);
  return conv2d(params.output, silu(groupNorm(params.norm, up, { numGroups })));
}

/** A batch of random pictures, time features and targets. */
function uNetBatch(rng: Rng, { batch, channels, size, timeDim }: UNetSizes) {
  const picture = () => normalTensor(rng, [batch, channels, size, size]);
  return { x: picture(), time: normalTensor(rng, [batch, timeDim]), targets: picture() };
}

/** The mean squared error of the network's output. */
function uNetLoss(params: UNet<Value>, batch: { x: Value; time: Value; targets: Value }, numGroups: number): Value {
  return reduceMean(square(sub(uNet(params, batch.x, batch.time, numGroups), batch.targets)));
}

/** The workload, with the same numbers each time. */
export function uNetWorkload(): Workload {
  const rng = new Rng('bench unet');
  const sizes = { batch: 8, channels: 64, size: 32, numGroups: 8, timeDim: 256 };
  const params = initUNet(rng, sizes) as MapLeaves<UNet<Tensor>, Tensor, Tensor>;
  const batch = uNetBatch(rng, sizes);
  const { channels, size, numGroups, timeDim } = sizes;
  const unit = 2 * sizes.batch * size * size * channels ** 2;
  // In units of a 1 x 1 convolution from C to C over the whole plane; a quarter of it at the smaller plane.
  const units = 2 * 9 + (9 * 2) / 4 + (2 * 9 * 4) / 4 + 9 * 2 + (9 * 2 + 9 + 2) + 9;
  return {
    name: 'unet',
    description: `U-Net of three residual blocks (GroupNorm of ${numGroups}, SiLU, time embedding of ${timeDim}), ${channels} channels outside and ${2 * channels} in the middle, batch ${sizes.batch} x ${channels} x ${size} x ${size}, mean squared error`,
    start: new Map([...leaves<Tensor>(params as Tree<Tensor>, 'params'), ...leaves<Tensor>(batch, 'batch')]),
    flopsPerStep: 3 * units * unit,
    compile: (optimizer, runtime) =>
      compiled({
        loss: (p: UNet<Value>, b: { x: Value; time: Value; targets: Value }) => uNetLoss(p, b, numGroups),
        optimizer,
        params,
        batch,
        runtime,
      }),
  };
}
