/**
 * @file Branches and loops written as functions of values, as JAX has them (`cond`, `scan`). What a body needs from outside and
 * does not change from step to step is computed once, before the loop.
 */
import { sameShape } from '../../core/index.ts';
import { constantScalar } from '../constants.ts';
import { type NamedValue, nodesInOrder, type Subgraph, subgraphOf } from '../graph.ts';
import { type Attributes, applyOp, dependenciesOf, int, Value, type ValueType } from '../value.ts';
import { bodyInputTypes, controlFlowOps } from './control-flow.ts';
import { commonShape, withShape } from './types.ts';

const named = (values: readonly Value[], prefix: string): NamedValue[] =>
  values.map((value, i) => ({ name: `${prefix}${i}`, value }));

/** The values among those that `outputs` need which depend on `inputs`, themselves included. */
function dependentOn(inputs: readonly Value[], outputs: readonly Value[]): ReadonlySet<Value> {
  const dependent = new Set(inputs);
  for (const node of nodesInOrder(outputs)) {
    if (dependenciesOf(node).some((need) => need && dependent.has(need))) {
      for (const output of node.outputs) dependent.add(output);
    }
  }
  return dependent;
}

function bodyOf(types: readonly ValueType[], apply: (inputs: readonly Value[]) => readonly Value[]): Subgraph {
  const inputs = types.map((type, i) => new Value(type, { kind: 'input', name: `in${i}` }));
  const outputs = apply(inputs);
  const inside = dependentOn(inputs, outputs);
  return subgraphOf(named(inputs, 'in'), named(outputs, 'out'), (value) => !inside.has(value));
}

/**
 * The body whose inputs from `first` on are what the outputs from `firstOutput` on give the next step: dimensions that change from
 * step to step are unknown in it.
 */
function steadyBody(
  types: readonly ValueType[],
  states: { readonly first: number; readonly firstOutput: number; readonly count: number },
  apply: (inputs: readonly Value[]) => readonly Value[],
): Subgraph {
  const body = bodyOf(types, apply);
  const widened = types.map((type, i) => {
    const k = i - states.first;
    if (k < 0 || k >= states.count) return type;
    return withShape(type, commonShape(type.shape, body.outputs[k + states.firstOutput]!.value.shape));
  });
  const isSteady = widened.every((type, i) => sameShape(type.shape, types[i]!.shape));
  return isSteady ? body : steadyBody(widened, states, apply);
}

const graphAttribute = (value: Subgraph) => ({ kind: 'graph', value }) as const;

/** The results of one function or the other, by a condition `bool[]`; only the one that is chosen runs. */
export function ifElse(
  condition: Value,
  then: () => readonly Value[],
  otherwise: () => readonly Value[],
): readonly Value[] {
  const branch = (results: readonly Value[]) => graphAttribute(subgraphOf([], named(results, 'out'), () => false));
  const attributes: Attributes = { then_branch: branch(then()), else_branch: branch(otherwise()) };
  return applyOp(controlFlowOps.If, [condition], attributes);
}

/** What a step of `loop` gives: the states of the next one, what is kept of this one, and whether another may follow. */
export interface LoopStep {
  readonly states: readonly Value[];
  /** Stacked over the steps along a new first axis. */
  readonly outputs?: readonly Value[];
  /** `bool[]`; yes if absent. */
  readonly goesOn?: Value;
}

/**
 * States carried through steps, at most `steps` of them (`int64[]`, or a number): the last states, then the outputs of all steps.
 * The body is given the number of the step (`int64[]`) and the states.
 */
export function loop(
  steps: Value | number,
  states: readonly Value[],
  body: (step: Value, states: readonly Value[]) => LoopStep,
): readonly Value[] {
  const count = typeof steps === 'number' ? constantScalar(steps, 'int64') : steps;
  const yes = constantScalar(1, 'bool');
  const types: ValueType[] = [{ dtype: 'int64', shape: [] }, { dtype: 'bool', shape: [] }, ...states];
  const graph = steadyBody(types, { first: 2, firstOutput: 1, count: states.length }, ([step, goesOn, ...own]) => {
    const result = body(step!, own);
    return [result.goesOn ?? goesOn!, ...result.states, ...(result.outputs ?? [])];
  });
  return applyOp(controlFlowOps.Loop, [count, yes, ...states], { body: graphAttribute(graph) });
}

/**
 * States carried along the first axis of `inputs`, which are all of one length: the last states, then the outputs of all steps
 * along a first axis. The body is given the states and the slices of its step.
 */
export function scan(
  states: readonly Value[],
  inputs: readonly Value[],
  body: (states: readonly Value[], slices: readonly Value[]) => Omit<LoopStep, 'goesOn'>,
): readonly Value[] {
  const all = [...states, ...inputs];
  const shapes: Attributes = { num_scan_inputs: int(inputs.length) };
  const whole = subgraphOf(named(all, 'in'), [], () => true);
  const types = bodyInputTypes(controlFlowOps.Scan, all, shapes, whole);
  const graph = steadyBody(types, { first: 0, firstOutput: 0, count: states.length }, (given) => {
    const result = body(given.slice(0, states.length), given.slice(states.length));
    return [...result.states, ...(result.outputs ?? [])];
  });
  return applyOp(controlFlowOps.Scan, all, { ...shapes, body: graphAttribute(graph) });
}
