/** @file The bitwise ops have no gradients: they are of whole numbers. */
import type { bitwiseOps } from '../../graph/index.ts';
import type { NotDifferentiable } from '../rule.ts';
import { wholeNumbers } from './pointwise.ts';

type Rules = { readonly [Op in keyof typeof bitwiseOps]: NotDifferentiable };

/** The reasons of the bitwise ops. */
export const bitwiseRules: Rules = {
  BitShift: wholeNumbers,
  BitwiseAnd: wholeNumbers,
  BitwiseOr: wholeNumbers,
  BitwiseXor: wholeNumbers,
  BitwiseNot: wholeNumbers,
};
