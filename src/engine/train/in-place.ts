/**
 * @file The optimizer's update as in-place kernels: where a new parameter and its state are element-wise in the old ones, the gradient
 * and some numbers, they leave the session's graph. The session gives gradients, and WebAssembly updates the state where it lies:
 * it is held once, and never copied.
 */
import { numElements, staticShape } from '../core/index.ts';
import { dependenciesOf, type Graph, graphOf, type NamedValue, type Value } from '../graph/index.ts';
import { extractProgram, type Program } from '../kernels/index.ts';
import type { KernelCall, KernelSource } from '../runtime/index.ts';

/** A step's graph without what kernels do, and the kernels. */
export interface InPlaceUpdate {
  readonly graph: Graph;
  readonly programs: readonly Program[];
  readonly calls: readonly KernelCall[];
}

/** How many vectors from outside a kernel may read: there is room for so many pieces. */
const mostVectorsFromOutside = 8;

/**
 * Splits a step's graph, whose outputs `next.x` replace the state `x`.
 * @param groups the names of the state that is updated together: a parameter and what is kept beside it.
 * @param gradients where the walk from the new state ends, besides the state itself: what the session gives.
 */
export function splitUpdate(
  graph: Graph,
  groups: readonly (readonly string[])[],
  gradients: ReadonlySet<Value>,
): InPlaceUpdate {
  const inputs = new Map(graph.inputs.map(({ name, value }) => [value, name]));
  const outputs = new Map(graph.outputs.map(({ name, value }) => [name, value]));
  const stateNames = new Set(groups.flat());
  const programs = new Map<string, { index: number; program: Program }>();
  const extra = new Map<Value, string>();
  const replaced = new Set<string>();
  const calls: KernelCall[] = [];
  const sourceOf = (value: Value): KernelSource => {
    const input = inputs.get(value);
    if (input !== undefined) return { kind: stateNames.has(input) ? 'state' : 'feed', name: input };
    const known = extra.get(value) ?? `kernel.${extra.size}`;
    extra.set(value, known);
    return { kind: 'output', name: known };
  };
  for (const all of groups) {
    const group = all.filter((name) => outputs.has(`next.${name}`));
    if (group.length === 0) continue;
    const targets = group.map((name) => outputs.get(`next.${name}`)!);
    const own = new Set(all);
    const isGiven = (value: Value) => gradients.has(value) || own.has(inputs.get(value) ?? '');
    const extracted = extractProgram(targets, isGiven);
    if (extracted === undefined || countGiven(extracted.vectors, gradients) > mostVectorsFromOutside) continue;
    const key = JSON.stringify(extracted.program);
    const known = programs.get(key) ?? { index: programs.size, program: extracted.program };
    programs.set(key, known);
    for (const name of group) replaced.add(`next.${name}`);
    calls.push({
      program: known.index,
      numElements: numElements(staticShape(targets[0]!.shape, 'splitUpdate')),
      vectors: extracted.vectors.map(sourceOf),
      scalars: extracted.scalars.map(sourceOf),
      writes: group,
    });
  }
  const kept = graph.outputs.filter(({ name }) => !replaced.has(name));
  const given: NamedValue[] = [...extra].map(([value, name]) => ({ name, value }));
  return {
    graph: pruned(graph.inputs, [...kept, ...given]),
    programs: [...programs.values()].map(({ program }) => program),
    calls,
  };
}

function countGiven(vectors: readonly Value[], gradients: ReadonlySet<Value>): number {
  return vectors.filter((value) => gradients.has(value)).length;
}

/** The graph between these, without the inputs that nothing needs. */
function pruned(inputs: readonly NamedValue[], outputs: readonly NamedValue[]): Graph {
  const whole = graphOf(inputs, outputs);
  const needed = new Set<Value | undefined>([
    ...whole.nodes.flatMap(dependenciesOf),
    ...outputs.map(({ value }) => value),
  ]);
  return { ...whole, inputs: inputs.filter(({ value }) => needed.has(value)) };
}
