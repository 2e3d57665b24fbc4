/** @file Why lists, branches and loops have no gradient of their own: replaying a graph writes out those that are known. */
import type { controlFlowOps, sequenceOps } from '../../graph/index.ts';
import type { NotDifferentiable } from '../rule.ts';

const list: NotDifferentiable = {
  notDifferentiable: 'the elements of the list are not known; replay folds lists away whose elements are',
};
const absent: NotDifferentiable = {
  notDifferentiable: 'whether the value is there is not known; replay folds it away where it is',
};
const loop: NotDifferentiable = {
  notDifferentiable:
    'its steps are not known one by one; unrollLoops, or replay with { unroll }, writes out a loop of known length',
};

/** The ops on lists and optional values. */
export const sequenceRules: { readonly [Op in keyof typeof sequenceOps]: NotDifferentiable } = {
  SequenceConstruct: list,
  SequenceEmpty: list,
  SequenceInsert: list,
  SequenceErase: list,
  SequenceAt: list,
  SequenceLength: { notDifferentiable: 'the length of a list does not change with its elements' },
  SplitToSequence: list,
  ConcatFromSequence: list,
  Optional: absent,
  OptionalGetElement: absent,
  OptionalHasElement: absent,
};

/** The ops whose attributes are graphs. */
export const controlFlowRules: { readonly [Op in keyof typeof controlFlowOps]: NotDifferentiable } = {
  If: {
    notDifferentiable: 'its condition is known only when it runs; replay takes the branch of a condition that is known',
  },
  Loop: loop,
  Scan: loop,
  SequenceMap: loop,
};
