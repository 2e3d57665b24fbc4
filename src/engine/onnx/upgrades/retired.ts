/** @file Ops that ONNX tried and took out again before operator set 10, said in those that stayed: ONNX Runtime runs them only in old files. */
import { FormatError, float32 } from '../../core/index.ts';
import { type Attributes, constant, constantInts, floatOf, floatsOf, intsOf, type Value } from '../../graph/index.ts';
import type { Application, Apply, Upgrade, UpgradeStep } from './upgrade.ts';

function operand({ opType, inputs }: Application): Value {
  const [x] = inputs;
  if (x === undefined) throw new FormatError(`${opType}: input 0 is missing`);
  return x;
}

const number = (attributes: Attributes, name: string, fallback: number): Value =>
  constant(float32([floatOf(attributes, name, fallback)], []));

const first = (values: readonly Value[]): Value => values[0]!;

/** alpha · f(beta · x) */
const scaled =
  (opType: string): Upgrade =>
  (application, apply) => {
    const { attributes } = application;
    const inside = first(apply('Mul', [operand(application), number(attributes, 'beta', 1)]));
    return apply('Mul', [first(apply(opType, [inside])), number(attributes, 'alpha', 1)]);
  };

/** alpha · x + beta */
const affine: Upgrade = (application, apply) => {
  const { attributes } = application;
  const product = first(apply('Mul', [operand(application), number(attributes, 'alpha', 1)]));
  return apply('Add', [product, number(attributes, 'beta', 0)]);
};

const scale: Upgrade = (application, apply) =>
  apply('Mul', [operand(application), number(application.attributes, 'scale', 1)]);

/** scale · x + bias, a bias for each channel. */
const imageScaler: Upgrade = (application, apply) => {
  const { attributes } = application;
  const bias = floatsOf(attributes, 'bias', []);
  const product = first(apply('Mul', [operand(application), number(attributes, 'scale', 1)]));
  return apply('Add', [product, constant(float32(bias, [bias.length, 1, 1]))]);
};

/** Cuts `border` (left, top, right, bottom) off pictures, or takes `scale` (height, width) from the upper left border on. */
const crop: Upgrade = (application, apply: Apply) => {
  const [left, top, right, bottom] = intsOf(application.attributes, 'border', []);
  if (left === undefined || top === undefined || right === undefined || bottom === undefined) {
    throw new FormatError('Crop: border must be left, top, right and bottom');
  }
  const [height, width] = intsOf(application.attributes, 'scale', []);
  const toEnd = (border: number) => (border === 0 ? Number.MAX_SAFE_INTEGER : -border);
  const ends =
    height === undefined || width === undefined ? [toEnd(bottom), toEnd(right)] : [top + height, left + width];
  return apply('Slice', [operand(application), constantInts([top, left]), constantInts(ends), constantInts([2, 3])]);
};

const step = (upgrade: Upgrade): readonly UpgradeStep[] => [{ before: 10, upgrade }];

/** Ops by name, each with what is said instead. */
export const retiredUpgrades: Readonly<Record<string, readonly UpgradeStep[]>> = {
  Affine: step(affine),
  Crop: step(crop),
  ImageScaler: step(imageScaler),
  ParametricSoftplus: step(scaled('Softplus')),
  Scale: step(scale),
  ScaledTanh: step(scaled('Tanh')),
};
