/**
 * @file Reverse-mode differentiation as a graph rewrite: the derivative of a graph is more graph, built from the rules in `rules/`,
 * and runs, prints and differentiates like any other.
 */
import {
  dtypes,
  formatShape,
  leaves,
  mapTree,
  ShapeError,
  staticShape,
  type Tree,
  UnsupportedOpError,
} from '../core/index.ts';
import {
  add,
  constantScalar,
  dependenciesOf,
  expand,
  type Node,
  nodesInOrder,
  opKey,
  stopGradientOp,
  type Value,
} from '../graph/index.ts';
import { Recomputation } from './recompute.ts';
import type { GradientRule, NotDifferentiable } from './rule.ts';
import { type GradientRules, gradientRules } from './rules/index.ts';

/**
 * The derivatives of a scalar `loss` with respect to `wrt`: one Value of the same shape for each, zeros where the loss does not
 * depend on it.
 * @throws ShapeError if the loss is not a scalar.
 * @throws UnsupportedOpError if the path from a `wrt` to the loss crosses an op without a gradient.
 */
export function gradients(loss: Value, wrt: readonly Value[], rules: GradientRules = gradientRules): Value[] {
  if (loss.rank !== 0 || !dtypes[loss.dtype].isFloat) {
    throw new ShapeError(`gradients: the loss must be a float scalar, got ${loss}; reduce it to one number`);
  }
  const nodes = nodesInOrder([loss]);
  const onPath = valuesOnPath(nodes, wrt);
  const cotangents = new Map<Value, Value>([[loss, constantScalar(1, loss.dtype)]]);
  const recomputation = new Recomputation();
  for (const node of nodes.reverse()) {
    const arrived = node.outputs.map((output) => cotangents.get(output));
    if (!node.outputs.some((output, i) => onPath.has(output) && arrived[i])) continue;
    const known = recomputation.nodeFor(node, arrived.find((cotangent) => cotangent !== undefined)!);
    const results = ruleOf(
      node,
      rules,
    )({
      node: known,
      inputs: known.inputs,
      outputs: known.outputs,
      cotangents: arrived,
      cotangent: arrived[0] ?? zeros(node.outputs[0]!),
      needs: (index) => onPath.has(node.inputs[index]!),
    });
    accumulate(node, results, onPath, cotangents);
  }
  return wrt.map((value) => cotangents.get(value) ?? zeros(value));
}

function zeros(value: Value): Value {
  return expand(constantScalar(0, value.dtype), staticShape(value.shape, 'gradients'));
}

/** The values that depend on a `wrt` other than through `stopGradient`, themselves included: only through these do derivatives flow. */
function valuesOnPath(nodes: readonly Node[], wrt: readonly Value[]): Set<Value> {
  const onPath = new Set(wrt);
  for (const node of nodes) {
    if (node.op === stopGradientOp || !dependenciesOf(node).some((input) => input && onPath.has(input))) continue;
    for (const output of node.outputs) if (carriesDerivative(node, output, onPath)) onPath.add(output);
  }
  return onPath;
}

/**
 * Whether derivatives flow through an output: a float does, and so do whole numbers that stand for real ones, from the op that
 * quantized them on through those that move them about.
 */
function carriesDerivative(node: Node, output: Value, onPath: ReadonlySet<Value>): boolean {
  if (dtypes[output.dtype].isFloat || node.op.quantizes) return true;
  return node.inputs.some((input) => input && input.dtype === output.dtype && onPath.has(input));
}

function ruleOf(node: Node, rules: GradientRules): GradientRule {
  const rule = (rules as Readonly<Record<string, GradientRule | NotDifferentiable>>)[opKey(node.op)];
  if (typeof rule === 'function') return rule;
  const reason = rule?.notDifferentiable ?? 'no rule is known';
  throw new UnsupportedOpError(
    `gradients: ${node.op.opType} has no gradient: ${reason}; wrap its input in stopGradient if none is wanted`,
  );
}

function accumulate(
  node: Node,
  results: readonly (Value | undefined)[],
  onPath: ReadonlySet<Value>,
  cotangents: Map<Value, Value>,
): void {
  results.forEach((cotangent, i) => {
    const input = node.inputs[i];
    if (cotangent === undefined || input === undefined || !onPath.has(input)) return;
    const isReal = cotangent.dtype === input.dtype || (!dtypes[input.dtype].isFloat && dtypes[cotangent.dtype].isFloat);
    if (cotangent.shape.join() !== input.shape.join() || !isReal) {
      throw new ShapeError(
        `gradients: the rule of ${node.op.opType} gave ${cotangent} for input ${i}, which is ${input.dtype}${formatShape(input.shape)}`,
      );
    }
    const known = cotangents.get(input);
    cotangents.set(input, known === undefined ? cotangent : add(known, cotangent));
  });
}

/** The function that returns the value of `loss` and its derivatives with respect to every leaf of its first argument. */
export function valueAndGrad<P extends Tree<Value>, A extends readonly unknown[]>(
  loss: (params: P, ...rest: A) => Value,
): (params: P, ...rest: A) => { value: Value; grads: P } {
  return (params, ...rest) => {
    const value = loss(params, ...rest);
    const named = leaves<Value>(params);
    const results = gradients(
      value,
      named.map(([, leaf]) => leaf),
    );
    const byPath = new Map(named.map(([path], i) => [path, results[i]!]));
    const replaceLeaves = mapTree as (tree: P, replace: (leaf: Value, path: string) => Value) => unknown;
    return { value, grads: replaceLeaves(params, (_, path) => byPath.get(path)!) as P };
  };
}

/** The function that returns the derivatives of `loss` with respect to every leaf of its first argument. */
export function grad<P extends Tree<Value>, A extends readonly unknown[]>(
  loss: (params: P, ...rest: A) => Value,
): (params: P, ...rest: A) => P {
  return (params, ...rest) => valueAndGrad(loss)(params, ...rest).grads;
}
