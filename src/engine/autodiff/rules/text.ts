/** @file Why the ops on text have no gradient. */
import type { textOps } from '../../graph/index.ts';
import type { NotDifferentiable } from '../rule.ts';

type Rules = { readonly [Op in keyof typeof textOps]: NotDifferentiable };

const text: NotDifferentiable = { notDifferentiable: 'its operand is text' };

/** The reasons of the text ops. */
export const textRules: Rules = {
  StringNormalizer: text,
  StringConcat: text,
  StringSplit: text,
  RegexFullMatch: text,
  TfIdfVectorizer: { notDifferentiable: 'it counts tokens, which are text or whole numbers' },
};
