/** @file Every gradient case by the op that it checks. */
import type { OpType } from '../../src/engine/graph/index.ts';
import { activationCases } from './activation-cases.ts';
import { attentionCases } from './attention-cases.ts';
import { type GradientCase, PreparedCase } from './checker.ts';
import { convolutionCasesByOp } from './convolution-cases.ts';
import { einsumCases } from './einsum-cases.ts';
import { elementwiseCases } from './elementwise-cases.ts';
import { linearCases } from './linear-cases.ts';
import { lossCases } from './loss-cases.ts';
import { matrixCases } from './matrix-cases.ts';
import { normalizationCases, normalizationContribCases } from './normalization-cases.ts';
import { poolCases } from './pool-cases.ts';
import { assortedCases, classicalCases, quantizeCases, signalCases } from './quantize-cases.ts';
import { randomCases } from './random-cases.ts';
import { layoutContribCases, rearrangeCases, shapeCases } from './rearrange-cases.ts';
import { recurrentCases } from './recurrent-cases.ts';
import { alongAxisCases, reduceCases, selectionCases } from './reduce-cases.ts';
import { resizeCases } from './resize-cases.ts';
import { gatherCases, layoutCases, scatterCases } from './structure-cases.ts';
import { trigonometricCases } from './trigonometric-cases.ts';
import { visionCases } from './vision-cases.ts';

/** The cases by op type; ops without a gradient have none. */
export const casesByOp: { readonly [Op in OpType]?: readonly GradientCase[] } = {
  ...attentionCases,
  ...assortedCases,
  ...classicalCases,
  ...quantizeCases,
  ...recurrentCases,
  ...signalCases,
  ...elementwiseCases,
  ...trigonometricCases,
  ...activationCases,
  ...randomCases,
  ...alongAxisCases,
  ...selectionCases,
  ...matrixCases,
  ...einsumCases,
  ...lossCases,
  ...layoutCases,
  ...reduceCases,
  ...linearCases,
  ...gatherCases,
  ...scatterCases,
  ...rearrangeCases,
  ...shapeCases,
  ...layoutContribCases,
  ...normalizationCases,
  ...normalizationContribCases,
  ...convolutionCasesByOp,
  ...poolCases,
  ...resizeCases,
  ...visionCases,
};

/** The cases with their operands drawn. */
export const preparedByOp: ReadonlyMap<OpType, readonly { name: string; prepared: PreparedCase }[]> = new Map(
  (Object.entries(casesByOp) as [OpType, readonly GradientCase[]][]).map(([opType, cases]) => [
    opType,
    cases.map((one) => ({ name: one.name, prepared: new PreparedCase(one) })),
  ]),
);
