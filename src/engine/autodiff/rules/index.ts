/** @file The gradient rule of every op, in one typed table: an op without an entry does not compile. */
import type { OpType } from '../../graph/index.ts';
import type { GradientRule, NotDifferentiable } from '../rule.ts';
import { activationRules } from './activation.ts';
import { alongAxisRules } from './along-axis.ts';
import { assortedContribRules } from './assorted-contrib.ts';
import { attentionRules } from './attention.ts';
import { attentionContribRules } from './attention-contrib.ts';
import { bitwiseRules } from './bitwise.ts';
import { classicalRules } from './classical.ts';
import { convolutionRules } from './convolution.ts';
import { einsumRules } from './einsum.ts';
import { elementwiseRules } from './elementwise.ts';
import { gatherRules } from './gather.ts';
import { layoutRules } from './layout.ts';
import { linearRules } from './linear.ts';
import { lossRules } from './loss.ts';
import { matrixRules } from './matrix.ts';
import { normalizationRules } from './normalization.ts';
import { normalizationContribRules } from './normalization-contrib.ts';
import { poolRules } from './pool.ts';
import { quantizeRules } from './quantize.ts';
import { randomRules } from './random.ts';
import { layoutContribRules, rearrangeRules, shapeRules } from './rearrange.ts';
import { recurrentRules } from './recurrent.ts';
import { reduceRules } from './reduce.ts';
import { resizeRules } from './resize.ts';
import { scatterRules } from './scatter.ts';
import { selectionRules } from './selection.ts';
import { controlFlowRules, sequenceRules } from './sequence.ts';
import { signalRules } from './signal.ts';
import { textRules } from './text.ts';
import { trigonometricRules } from './trigonometric.ts';
import { visionRules } from './vision.ts';

/** A rule, or the reason for having none, for every op. */
export type GradientRules = { readonly [Op in OpType]: GradientRule | NotDifferentiable };

/** The gradient rules. */
export const gradientRules: GradientRules = {
  ...classicalRules,
  ...attentionContribRules,
  ...assortedContribRules,
  ...attentionRules,
  ...recurrentRules,
  ...quantizeRules,
  ...signalRules,
  ...textRules,
  ...elementwiseRules,
  ...trigonometricRules,
  ...selectionRules,
  ...randomRules,
  ...matrixRules,
  ...lossRules,
  ...einsumRules,
  ...bitwiseRules,
  ...alongAxisRules,
  ...activationRules,
  ...layoutRules,
  ...reduceRules,
  ...linearRules,
  ...gatherRules,
  ...scatterRules,
  ...shapeRules,
  ...rearrangeRules,
  ...layoutContribRules,
  ...sequenceRules,
  ...controlFlowRules,
  ...normalizationRules,
  ...normalizationContribRules,
  ...convolutionRules,
  ...poolRules,
  ...resizeRules,
  ...visionRules,
};
