/**
 * @file TensorFlow's convolutional layers as ONNX's: channels move from last to second (NHWC to NCHW), weights are turned once at
 * conversion, and scales, offsets and zero padding are folded into the convolutions beside them.
 *
 * N: pictures; C: channels; H, W: height, width; I, O: input and output channels; K: kernel.
 */
import { FormatError, formatShape, Tensor } from '../../engine/core/index.ts';
import {
  add,
  constant,
  constantIntsOf,
  constantOf,
  conv,
  intOf,
  intsOf,
  mul,
  pad,
  type Value,
} from '../../engine/graph/index.ts';

/** A channels-last convolution as TensorFlow describes it. */
export interface Convolution {
  /** `[K, K, I, O]`, or `[K, K, C, 1]` where each channel is convolved by itself. */
  readonly kernel: Tensor;
  /** `[O]`. */
  readonly bias?: Tensor;
  readonly depthwise: boolean;
  /** Steps along height and width. */
  readonly strides: readonly [number, number];
  readonly padding: 'SAME' | 'VALID';
}

/** The convolution of x `[N, C, H, W]`. Zero padding that was put around x is taken into it. */
export function convolve(x: Value, { kernel, bias, depthwise, strides, padding }: Convolution): Value {
  const weight = constant(kernelChannelsFirst(kernel, depthwise));
  const [height, width] = [weight.shape[2] as number, weight.shape[3] as number];
  const around = zeroPaddingOf(x);
  const source = around?.source ?? x;
  const inner = padding === 'VALID' ? [0, 0, 0, 0] : samePads(x, [height, width], strides);
  const pads = inner.map((width, i) => width + (around?.pads[i] ?? 0));
  return conv(source, weight, bias && constant(bias), {
    strides,
    pads,
    group: depthwise ? (weight.shape[0] as number) : 1,
  });
}

/** TensorFlow's SAME padding, `[top, left, bottom, right]`: an odd remainder goes to the end. */
function samePads(x: Value, kernel: readonly number[], strides: readonly number[]): number[] {
  const totals = [0, 1].map((axis) => {
    const size = x.shape[axis + 2];
    if (typeof size !== 'number')
      throw new FormatError(`convolve: needs a static picture size, got ${formatShape(x.shape)}`);
    const stride = strides[axis]!;
    return Math.max(0, (Math.ceil(size / stride) - 1) * stride + kernel[axis]! - size);
  });
  return [...totals.map((total) => Math.floor(total / 2)), ...totals.map((total) => Math.ceil(total / 2))];
}

/** `[K, K, I, O]` to `[O, I, K, K]`, and `[K, K, C, 1]` to `[C, 1, K, K]`. */
function kernelChannelsFirst(kernel: Tensor, depthwise: boolean): Tensor<'float32'> {
  const [height, width, inputs, outputs] = kernel.shape as readonly [number, number, number, number];
  if (kernel.shape.length !== 4 || kernel.dtype !== 'float32' || (depthwise && outputs !== 1)) {
    throw new FormatError(`convolve: cannot take a kernel of ${kernel.dtype}${formatShape(kernel.shape)}`);
  }
  const from = kernel.data as Float32Array;
  const to = new Float32Array(from.length);
  const area = height * width;
  const plane = inputs * outputs;
  for (let place = 0; place < area; place++) {
    for (let i = 0; i < inputs; i++) {
      for (let o = 0; o < outputs; o++) {
        const row = depthwise ? i : o * inputs + i;
        to[row * area + place] = from[place * plane + i * outputs + o]!;
      }
    }
  }
  return new Tensor('float32', depthwise ? [inputs, 1, height, width] : [outputs, inputs, height, width], to);
}

/** x `[N, C, H, W]` with zeros around it: `[top, bottom]` and `[left, right]`. */
export function padPlane(x: Value, rows: readonly number[], columns: readonly number[]): Value {
  return pad(x, [0, 0, rows[0]!, columns[0]!], [0, 0, rows[1]!, columns[1]!]);
}

function zeroPaddingOf(x: Value): { source: Value; pads: readonly number[] } | undefined {
  if (x.origin.kind !== 'node' || x.origin.node.op.opType !== 'Pad') return undefined;
  const [source, widths, filling] = x.origin.node.inputs;
  const around = constantIntsOf(widths);
  if (source?.rank !== 4 || around === undefined || constantOf(filling)?.data[0] !== 0) return undefined;
  const [n0, c0, top, left, n1, c1, bottom, right] = around as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return n0 + c0 + n1 + c1 === 0 ? { source, pads: [top, left, bottom, right] } : undefined;
}

/** x `[N, C, H, W]` times `scale[c]` plus `offset[c]`. Where x is a convolution, its weights take the scale and its bias the offset. */
export function scaleChannels(x: Value, scale: Float32Array, offset: Float32Array): Value {
  const folded = foldIntoConvolution(x, scale, offset);
  if (folded !== undefined) return folded;
  const channels = (data: Float32Array) => constant(new Tensor('float32', [1, data.length, 1, 1], data));
  return add(mul(x, channels(scale)), channels(offset));
}

function foldIntoConvolution(x: Value, scale: Float32Array, offset: Float32Array): Value | undefined {
  if (x.origin.kind !== 'node' || x.origin.node.op.opType !== 'Conv') return undefined;
  const { inputs, attributes } = x.origin.node;
  const [source, weight, bias] = [inputs[0]!, constantOf(inputs[1]), constantOf(inputs[2])];
  if (weight?.shape[0] !== scale.length || (inputs[2] !== undefined && bias === undefined)) return undefined;
  const perOutput = weight.data.length / scale.length;
  const scaled = Float32Array.from(weight.data as Float32Array, (w, i) => w * scale[Math.floor(i / perOutput)]!);
  const shifted = offset.map((value, o) => value + Number(bias?.data[o] ?? 0) * scale[o]!);
  return conv(
    source,
    constant(new Tensor('float32', weight.shape, scaled)),
    constant(new Tensor('float32', [shifted.length], shifted)),
    {
      strides: intsOf(attributes, 'strides', [1, 1]),
      pads: intsOf(attributes, 'pads', [0, 0, 0, 0]),
      group: intOf(attributes, 'group', 1),
    },
  );
}
