/** @file Older forms of ops in newer words: one table, from an op and the operator set of a file to what is said today. */
import type { Value } from '../../graph/index.ts';
import { broadcastUpgrades } from './broadcast.ts';
import { inputUpgrades } from './inputs.ts';
import { meaningUpgrades } from './meaning.ts';
import { recurrentUpgrades } from './recurrent.ts';
import { retiredUpgrades } from './retired.ts';
import { type Application, type Apply, type UpgradeStep, withAttributes } from './upgrade.ts';

const upgrades: Readonly<Record<string, readonly UpgradeStep[]>> = {
  ...inputUpgrades,
  ...broadcastUpgrades,
  ...meaningUpgrades,
  ...recurrentUpgrades,
  ...retiredUpgrades,
};

/** The application in the newest form of its op, or its outputs where it takes several ops to say it. */
export function upgraded(application: Application, apply: Apply): Application | readonly Value[] {
  const { opType, domain, version } = application;
  if (domain !== '') return application;
  let current: Application | readonly Value[] =
    version < 6 ? withAttributes(application, ['consumed_inputs']) : application;
  for (const { before, upgrade } of Object.hasOwn(upgrades, opType) ? upgrades[opType]! : []) {
    if (version < before && 'opType' in current) current = upgrade(current, apply);
  }
  return current;
}

export type { Application, Apply } from './upgrade.ts';
