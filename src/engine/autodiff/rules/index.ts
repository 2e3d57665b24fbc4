/** @file The gradient rule of every op, in one typed table: an op without an entry does not compile. */
import type { OpType } from '../../graph/index.ts';
import type { GradientRule, NotDifferentiable } from '../rule.ts';
import { convolutionRules } from './convolution.ts';
import { elementwiseRules } from './elementwise.ts';
import { gatherRules } from './gather.ts';
import { layoutRules } from './layout.ts';
import { linearRules } from './linear.ts';
import { normalizationRules } from './normalization.ts';
import { reduceRules } from './reduce.ts';

/** A rule, or the reason for having none, for every op. */
export type GradientRules = { readonly [Op in OpType]: GradientRule | NotDifferentiable };

/** The gradient rules. */
export const gradientRules: GradientRules = {
  ...elementwiseRules,
  ...layoutRules,
  ...reduceRules,
  ...linearRules,
  ...gatherRules,
  ...normalizationRules,
  ...convolutionRules,
};
