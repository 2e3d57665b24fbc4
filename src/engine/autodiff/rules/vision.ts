/** @file Gradient rules of the ops that read pictures at given places, or why they have none. */
import type { visionOps } from '../../graph/index.ts';
import type { GradientRule, NotDifferentiable } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof visionOps]: GradientRule | NotDifferentiable };

/** The rules of the ops that read pictures at given places. */
export const visionRules: Rules = {
  GridSample: { notDifferentiable: 'a picture read between places has no rule' },
  AffineGrid: { notDifferentiable: 'a picture read between places has no rule' },
  RoiAlign: { notDifferentiable: 'how many samples a region gets depends on its size' },
  MaxRoiPool: { notDifferentiable: 'it does not tell which elements it chose' },
  NonMaxSuppression: { notDifferentiable: 'its results are indices' },
};
