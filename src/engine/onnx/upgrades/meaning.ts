/** @file Upgrades of ops whose older forms meant something else: softmax over flattened axes, normalizations, enlargement, Scan over batches. */
import { isRanked, normalizeAxis, UnsupportedOpError } from '../../core/index.ts';
import {
  type Attributes,
  constantInts,
  constantOf,
  constantScalar,
  floatOf,
  floatsOf,
  intOf,
  stringOf,
  type Value,
} from '../../graph/index.ts';
import {
  type Application,
  type Apply,
  defaultAttribute,
  floatsConstant,
  setAttribute,
  type Upgrade,
  type UpgradeStep,
  withAttributes,
} from './upgrade.ts';

const int = (value: number) => ({ kind: 'int', value }) as const;
const string = (value: string) => ({ kind: 'string', value }) as const;

/** Before 13, softmax ran over all axes from `axis` on, taken as one. */
const overTail: Upgrade = (application, apply) => {
  const x = application.inputs[0];
  const axis = intOf(application.attributes, 'axis', 1);
  if (x !== undefined && isRanked(x.shape)) {
    const from = normalizeAxis(axis, Math.max(x.rank, 1), application.opType);
    const tail = x.shape.slice(from + 1);
    if (tail.every((dim) => dim === 1)) return withAttributes(application, ['axis'], { axis: int(from) });
  }
  const matrix = apply('Flatten', [x], { axis: int(axis) });
  const result = apply(application.opType, matrix, { axis: int(1) });
  const isStatic = x?.shape.every((dim) => typeof dim === 'number');
  const shape = isStatic ? constantInts(x?.shape as number[]) : apply('Shape', [x])[0]!;
  return apply('Reshape', [result[0], shape]);
};

/** Before 14, one output said inference; before 9 the statistics could be of every place instead of every channel. */
const batchNormalization: Upgrade = (application, apply) => {
  const { inputs, attributes, numOutputs } = application;
  if (numOutputs > 1) {
    throw new UnsupportedOpError(
      'BatchNormalization: the training form of before operator set 14 is not read; export the model for inference',
    );
  }
  const plain = withAttributes(application, ['spatial', 'is_test', 'consumed_inputs']);
  if (intOf(attributes, 'spatial', 1) === 1) return plain;
  const [x, scale, bias, mean, variance] = inputs;
  const epsilon = constantScalar(floatOf(attributes, 'epsilon', 1e-5), x?.dtype ?? 'float32');
  const deviation = apply('Sqrt', apply('Add', [variance, epsilon]));
  const normalized = apply('Div', [apply('Sub', [x, mean])[0], deviation[0]]);
  return apply('Add', [apply('Mul', [normalized[0], scale])[0], bias]);
};

/** Before 21 scale and bias were of groups; now they are of channels. */
const groupNormalization: Upgrade = (application, apply) => {
  const [x, ...parameters] = application.inputs;
  const numGroups = intOf(application.attributes, 'num_groups', 1);
  const channels = x?.shape[1];
  if (typeof channels !== 'number' || channels % numGroups !== 0) {
    throw new UnsupportedOpError(
      'GroupNormalization: the form of before operator set 21 is read only where the channels are known',
    );
  }
  const ofChannels = parameters.map((parameter) => {
    const column = apply('Unsqueeze', [parameter, constantInts([1])]);
    const spread = apply('Expand', [column[0], constantInts([numGroups, channels / numGroups])]);
    return apply('Reshape', [spread[0], constantInts([channels])])[0];
  });
  return { ...application, inputs: [x, ...ofChannels] };
};

/** Rounding before operator set 11: down where an axis grows, up where it shrinks (ONNX Runtime's reading, which files rely on). */
function resizeByScales(x: Value | undefined, scales: Value | undefined, mode: string, apply: Apply): readonly Value[] {
  const attributes = (nearest: string): Attributes => ({
    mode: string(mode),
    coordinate_transformation_mode: string('asymmetric'),
    nearest_mode: string(nearest),
  });
  const known = scales && constantOf(scales);
  const factors = known ? Array.from(known.data as Float32Array) : undefined;
  if (mode !== 'nearest' || factors === undefined || factors.every((factor) => factor >= 1)) {
    return apply('Resize', [x, undefined, scales], attributes('floor'));
  }
  if (factors.every((factor) => factor <= 1)) return apply('Resize', [x, undefined, scales], attributes('ceil'));
  const shrunk = apply(
    'Resize',
    [x, undefined, floatsConstant(factors.map((factor) => Math.min(factor, 1)))],
    attributes('ceil'),
  );
  return apply(
    'Resize',
    [shrunk[0], undefined, floatsConstant(factors.map((factor) => Math.max(factor, 1)))],
    attributes('floor'),
  );
}

const modeOf = (application: Application): string => {
  const mode = stringOf(application.attributes, 'mode', 'nearest');
  return mode === 'bilinear' || mode === 'trilinear' ? 'linear' : mode;
};

const resize10: Upgrade = (application, apply) =>
  resizeByScales(application.inputs[0], application.inputs[1], modeOf(application), apply);

const upsample: Upgrade = (application, apply) => {
  const { inputs, attributes } = application;
  const [height, width] = ['height_scale', 'width_scale'].map((name) => floatOf(attributes, name, 1));
  const scales = inputs[1] ?? floatsConstant(floatsOf(attributes, 'scales', [1, 1, height!, width!]));
  return resizeByScales(inputs[0], scales, modeOf(application), apply);
};

/** Scales, sizes and regions that are empty stand for absent ones. */
const resizeAbsent: Upgrade = (application) => ({
  ...application,
  inputs: application.inputs.map((input, i) => (i > 0 && input?.shape[0] === 0 ? undefined : input)),
});

/** A Scan is written out for each sample of a batch of at most this many. */
const largestBatch = 1024;

/** Before 9 a Scan ran over each sample of a batch, whose axis came first. */
const scanOverBatch: Upgrade = (application, apply) => {
  const { inputs, attributes } = application;
  const [lengths, ...values] = inputs;
  const numScanned = intOf(attributes, 'num_scan_inputs', 1);
  const batch = values[0]?.shape[0];
  if (lengths !== undefined || typeof batch !== 'number' || batch < 1 || batch > largestBatch) {
    throw new UnsupportedOpError(
      'Scan: the form of before operator set 9 is read only without sequence lengths and for a known batch',
    );
  }
  const { directions, ...rest } = attributes;
  const scanned = {
    ...rest,
    num_scan_inputs: int(numScanned),
    ...(directions ? { scan_input_directions: directions } : {}),
  };
  const samples = Array.from({ length: batch }, (_, b) => {
    const sample = values.map((value) => apply('Gather', [value, constantScalar(b, 'int64')], { axis: int(0) })[0]);
    return apply('Scan', sample, scanned).map((value) => apply('Unsqueeze', [value, constantInts([0])])[0]!);
  });
  return samples[0]!.map((value, i) =>
    batch === 1
      ? value
      : apply(
          'Concat',
          samples.map((sample) => sample[i]),
          { axis: int(0) },
        )[0]!,
  );
};

/** The first form summed up over all axes but the channels'. */
const meanVariance: Upgrade = (application) => {
  const { attributes } = application;
  if (intOf(attributes, 'across_channels', 0) !== 0 || intOf(attributes, 'normalize_variance', 1) !== 1) {
    throw new UnsupportedOpError('MeanVarianceNormalization: its first form is read only by channel and with variance');
  }
  const axes = { kind: 'ints', value: [0, 2, 3] } as const;
  return withAttributes(application, ['across_channels', 'normalize_variance'], { axes });
};

const samplingModes: Readonly<Record<string, string>> = { bilinear: 'linear', bicubic: 'cubic' };
const gridSample: Upgrade = (application) => {
  const mode = stringOf(application.attributes, 'mode', 'bilinear');
  return withAttributes(application, ['mode'], { mode: string(samplingModes[mode] ?? mode) });
};

const selu: Upgrade = (application) =>
  withAttributes(application, ['consumed_inputs'], {
    alpha: { kind: 'float', value: floatOf(application.attributes, 'alpha', 1.6732) },
    gamma: { kind: 'float', value: floatOf(application.attributes, 'gamma', 1.0507) },
  });

/** The power of the norm was a float. */
const wholePower: Upgrade = (application) =>
  withAttributes(application, ['p'], { p: int(Math.round(floatOf(application.attributes, 'p', 2))) });

const scatter: Upgrade = (application) => ({ ...application, opType: 'ScatterElements' });

/** Ops by name, each with its upgrades from old to new. */
export const meaningUpgrades: Readonly<Record<string, readonly UpgradeStep[]>> = {
  Softmax: [{ before: 13, upgrade: overTail }],
  LogSoftmax: [{ before: 13, upgrade: overTail }],
  Hardmax: [{ before: 13, upgrade: overTail }],
  BatchNormalization: [{ before: 14, upgrade: batchNormalization }],
  GroupNormalization: [{ before: 21, upgrade: groupNormalization }],
  Upsample: [{ before: 10, upgrade: upsample }],
  Resize: [
    { before: 11, upgrade: resize10 },
    { before: Number.POSITIVE_INFINITY, upgrade: resizeAbsent },
  ],
  Scan: [{ before: 9, upgrade: scanOverBatch }],
  Scatter: [{ before: Number.POSITIVE_INFINITY, upgrade: scatter }],
  MeanVarianceNormalization: [{ before: 9, upgrade: meanVariance }],
  GridSample: [{ before: 20, upgrade: gridSample }],
  RoiAlign: [{ before: 16, upgrade: setAttribute('coordinate_transformation_mode', string('output_half_pixel')) }],
  Selu: [{ before: 6, upgrade: selu }],
  LpPool: [{ before: 2, upgrade: wholePower }],
  GlobalLpPool: [{ before: 2, upgrade: wholePower }],
  Concat: [{ before: 4, upgrade: defaultAttribute('axis', int(1)) }],
};
