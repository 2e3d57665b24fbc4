/** @file Upgrades of ops whose attributes became inputs: axes, bounds, widths, sizes. */
import { UnsupportedOpError } from '../../core/index.ts';
import { constantInts, constantIntsOf, constantScalar, floatOf, intOf, stringOf } from '../../graph/index.ts';
import { intsToInput, type Upgrade, type UpgradeStep, withAttributes, withInput } from './upgrade.ts';

const clip: Upgrade = (application) => {
  const dtype = application.inputs[0]?.dtype ?? 'float32';
  const moved = withAttributes(application, ['min', 'max']);
  return ['min', 'max'].reduce((result, name, i) => {
    const bound = application.attributes[name];
    return bound?.kind === 'float' ? withInput(result, i + 1, constantScalar(bound.value, dtype)) : result;
  }, moved);
};

const pad: Upgrade = (application) => {
  const { attributes, inputs } = application;
  const widths = attributes.pads ?? attributes.paddings;
  const value = floatOf(attributes, 'value', 0);
  const moved = withAttributes(application, ['pads', 'paddings', 'value']);
  if (widths?.kind !== 'ints') throw new UnsupportedOpError('Pad: says no widths');
  return withInput(
    withInput(moved, 1, constantInts(widths.value)),
    2,
    value === 0 ? undefined : constantScalar(value, inputs[0]?.dtype ?? 'float32'),
  );
};

const slice: Upgrade = (application, apply) => {
  const starts = intsToInput('starts', 1)(application, apply);
  return ['ends', 'axes'].reduce((result, name, i) => {
    return 'opType' in result ? intsToInput(name, i + 2)(result, apply) : result;
  }, starts);
};

const topK: Upgrade = (application) =>
  withInput(withAttributes(application, ['k']), 1, constantInts([intOf(application.attributes, 'k', 1)]));

/** Before 12 dropout did nothing, its mask said false of everything (in ONNX Runtime), and before 10 in the type of x. */
const dropout: Upgrade = (application, apply) => {
  const { inputs, attributes, numOutputs, version } = application;
  const ratio = constantScalar(floatOf(attributes, 'ratio', 0.5), 'float32');
  const [y, kept] = apply('Dropout', [inputs[0], ratio]);
  if (numOutputs < 2) return [y!];
  const mask = apply('Not', [kept])[0]!;
  return [y!, version >= 10 ? mask : apply('CastLike', [mask, inputs[0]])[0]!];
};

const splitSizes: Upgrade = (application, apply) => {
  const moved = intsToInput('split', 1)(application, apply);
  return 'opType' in moved
    ? withAttributes(moved, [], moved.attributes.axis ? {} : { axis: { kind: 'int', value: 0 } })
    : moved;
};

/** A split without sizes is into as many equal parts as there are outputs. */
const splitEvenly: Upgrade = (application) =>
  application.inputs[1] === undefined
    ? withAttributes(application, [], { num_outputs: { kind: 'int', value: application.numOutputs } })
    : application;

const dft: Upgrade = (application) =>
  withInput(
    withAttributes(application, ['axis']),
    2,
    constantScalar(intOf(application.attributes, 'axis', 1), 'int64'),
  );

/** The first form of Tile repeats along one axis only. */
const tile: Upgrade = (application) => {
  const [x, tiles, axis] = application.inputs;
  const [count, at] = [constantIntsOf(tiles)?.[0], constantIntsOf(axis)?.[0]];
  if (x === undefined || count === undefined || at === undefined) {
    throw new UnsupportedOpError('Tile: its first form is read only where tiles and axis are constants');
  }
  const repeats = x.shape.map((_, i) => (i === at ? count : 1));
  return { ...application, inputs: [x, constantInts(repeats)] };
};

const castNames: Readonly<Record<string, number>> = {
  FLOAT: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  STRING: 8,
  BOOL: 9,
  FLOAT16: 10,
  DOUBLE: 11,
  UINT32: 12,
  UINT64: 13,
};

/** The first form of Cast named its type by a word. */
const cast: Upgrade = (application) => {
  const name = stringOf(application.attributes, 'to', '');
  const to = Object.hasOwn(castNames, name) ? castNames[name] : undefined;
  return to === undefined ? application : withAttributes(application, ['to'], { to: { kind: 'int', value: to } });
};

const reductions = [
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceProd',
  'ReduceSumSquare',
];

/** Ops by name, each with its upgrades from old to new. */
export const inputUpgrades: Readonly<Record<string, readonly UpgradeStep[]>> = {
  ...Object.fromEntries(reductions.map((opType) => [opType, [{ before: 18, upgrade: intsToInput('axes', 1) }]])),
  ReduceSum: [{ before: 13, upgrade: intsToInput('axes', 1) }],
  Squeeze: [{ before: 13, upgrade: intsToInput('axes', 1) }],
  Unsqueeze: [{ before: 13, upgrade: intsToInput('axes', 1) }],
  Clip: [{ before: 11, upgrade: clip }],
  Pad: [{ before: 11, upgrade: pad }],
  Slice: [{ before: 10, upgrade: slice }],
  TopK: [{ before: 10, upgrade: topK }],
  Dropout: [{ before: 12, upgrade: dropout }],
  Split: [
    { before: 13, upgrade: splitSizes },
    { before: Number.POSITIVE_INFINITY, upgrade: splitEvenlyUnlessSaid },
  ],
  Reshape: [{ before: 5, upgrade: intsToInput('shape', 1) }],
  DFT: [{ before: 20, upgrade: dft }],
  Tile: [{ before: 6, upgrade: tile }],
  Cast: [{ before: 6, upgrade: cast }],
};

function splitEvenlyUnlessSaid(...[application, apply]: Parameters<Upgrade>): ReturnType<Upgrade> {
  return application.attributes.num_outputs === undefined ? splitEvenly(application, apply) : application;
}
