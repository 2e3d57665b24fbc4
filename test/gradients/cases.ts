/** @file Every gradient case by the op that it checks. */
import type { OpType } from '../../src/engine/graph/index.ts';
import { type GradientCase, PreparedCase } from './checker.ts';
import { elementwiseCases } from './elementwise-cases.ts';
import { convolutionCasesByOp, linearCases, normalizationCases } from './product-cases.ts';
import { gatherCases, layoutCases, reduceCases } from './structure-cases.ts';

/** The cases by op type; ops without a gradient have none. */
export const casesByOp: { readonly [Op in OpType]?: readonly GradientCase[] } = {
  ...elementwiseCases,
  ...layoutCases,
  ...reduceCases,
  ...linearCases,
  ...gatherCases,
  ...normalizationCases,
  ...convolutionCasesByOp,
};

/** The cases with their operands drawn. */
export const preparedByOp: ReadonlyMap<OpType, readonly { name: string; prepared: PreparedCase }[]> = new Map(
  (Object.entries(casesByOp) as [OpType, readonly GradientCase[]][]).map(([opType, cases]) => [
    opType,
    cases.map((one) => ({ name: one.name, prepared: new PreparedCase(one) })),
  ]),
);
