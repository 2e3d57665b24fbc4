/** @file Upgrades of recurrent ops: forgotten attributes, and the layout with the batch first, which ONNX Runtime does not run. */
import type { Value } from '../../graph/index.ts';
import { type Apply, dropAttributes, isSet, type Upgrade, type UpgradeStep, withAttributes } from './upgrade.ts';

/** x with its axes in another order, if it is there. */
function exchanged(x: Value | undefined, perm: readonly number[], apply: Apply): Value | undefined {
  return x && apply('Transpose', [x], { perm: { kind: 'ints', value: perm } })[0];
}

/** `[B, T, I]` in and `[B, T, D, H]` out become `[T, B, I]` and `[T, D, B, H]`; states `[B, D, H]` become `[D, B, H]`. */
const timeFirst: Upgrade = (application, apply) => {
  if (!isSet(application, 'layout')) return application;
  const { opType, inputs } = application;
  const { attributes } = withAttributes(application, ['layout']);
  // The sequence, and the initial states; what is between them are weights and lengths, what is behind them peepholes.
  const withBatch = [0, 5, 6];
  const operands = inputs.map((input, i) => (withBatch.includes(i) ? exchanged(input, [1, 0, 2], apply) : input));
  const [all, ...states] = apply(opType, operands, attributes);
  return [exchanged(all, [2, 0, 1, 3], apply)!, ...states.map((state) => exchanged(state, [1, 0, 2], apply)!)];
};

const steps: readonly UpgradeStep[] = [
  { before: 7, upgrade: dropAttributes('output_sequence') },
  { before: Number.POSITIVE_INFINITY, upgrade: timeFirst },
];

/** Ops by name, each with its upgrades from old to new. */
export const recurrentUpgrades: Readonly<Record<string, readonly UpgradeStep[]>> = {
  GRU: steps,
  LSTM: steps,
  RNN: steps,
};
