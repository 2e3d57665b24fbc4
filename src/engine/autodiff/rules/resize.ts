/** @file Gradient rule of Resize. */
import type { resizeOps } from '../../graph/index.ts';
import type { GradientRule, NotDifferentiable } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof resizeOps]: GradientRule | NotDifferentiable };

/** The rule of Resize. */
export const resizeRules: Rules = {
  Resize: { notDifferentiable: 'a picture read between places has no rule' },
};
