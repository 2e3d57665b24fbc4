/** @file Upgrades of ops from before operator set 7, when broadcasting had to be asked for, and B lay along A from an axis on. */
import { isRanked, normalizeAxis, UnsupportedOpError } from '../../core/index.ts';
import { constantInts, intOf, type Value } from '../../graph/index.ts';
import {
  type Apply,
  dropAttributes,
  isSet,
  type Upgrade,
  type UpgradeStep,
  withAttributes,
  withInput,
} from './upgrade.ts';

/** Adds `count` axes of size 1 behind those of `value`. */
function withTrailingAxes(value: Value, count: number, apply: Apply): Value {
  if (count <= 0) return value;
  const axes = Array.from({ length: count }, (_, i) => value.rank + i);
  return apply('Unsqueeze', [value, constantInts(axes)])[0]!;
}

const alongAxis: Upgrade = (application, apply) => {
  const plain = withAttributes(application, ['broadcast', 'axis']);
  const [a, b] = application.inputs;
  if (!isSet(application, 'broadcast') || application.attributes.axis === undefined || !a || !b) return plain;
  if (!isRanked(a.shape) || !isRanked(b.shape)) {
    throw new UnsupportedOpError(`${application.opType}: broadcasting along an axis needs operands of known rank`);
  }
  const axis = normalizeAxis(intOf(application.attributes, 'axis', 0), a.rank, application.opType);
  return withInput(plain, 1, withTrailingAxes(b, a.rank - axis - b.rank, apply));
};

/** The slopes of PRelu were one, or one a channel. */
const slopes: Upgrade = (application, apply) => {
  const [x, slope] = application.inputs;
  if (!x || !slope || slope.rank !== 1 || slope.shape[0] === 1 || !isRanked(x.shape)) return application;
  return withInput(application, 1, withTrailingAxes(slope, x.rank - 2, apply));
};

const step = (upgrade: Upgrade): readonly UpgradeStep[] => [{ before: 7, upgrade }];

/** Ops by name, each with its upgrades from old to new. */
export const broadcastUpgrades: Readonly<Record<string, readonly UpgradeStep[]>> = {
  Add: step(alongAxis),
  Sub: step(alongAxis),
  Mul: step(alongAxis),
  Div: step(alongAxis),
  Pow: step(alongAxis),
  And: step(alongAxis),
  Or: step(alongAxis),
  Xor: step(alongAxis),
  Equal: step(alongAxis),
  Greater: step(alongAxis),
  Less: step(alongAxis),
  PRelu: step(slopes),
  Gemm: step(dropAttributes('broadcast')),
};
