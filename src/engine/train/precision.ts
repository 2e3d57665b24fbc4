/**
 * @file Mixed precision by named subtree of the parameters (arXiv:1710.03740): parameters of a float16 subtree are cast where they are
 * used, and what is computed with them, and from that, is computed on float16 numbers until parameters of float32 come in. Sums
 * and exponentials are taken in float32. The optimizer sees float32 parameters and gradients throughout.
 */

import { keepRecomputed } from '../autodiff/index.ts';
import { DtypeError, float16Bits, type Tensor, Tensor as TensorOf } from '../core/index.ts';
import { applyOp, cast, constant, constantOf, type Node, nodesInOrder, opKey, type Value } from '../graph/index.ts';

/** The element types that a policy can choose. */
export type Precision = 'float16' | 'float32';

/** What each subtree is computed in, by the beginning of its path (`towers.video`); `default` for the rest, float32 if absent. */
export type PrecisionPolicy = Readonly<Record<string, Precision>>;

/** What a policy says of the parameter at `path`: the longest name that is the path or a beginning of it decides. */
export function precisionOf(policy: PrecisionPolicy, path: string): Precision {
  const fitting = Object.keys(policy).filter((name) => path === name || path.startsWith(`${name}.`));
  const longest = fitting.sort((a, b) => b.length - a.length)[0];
  return policy[longest ?? 'default'] ?? 'float32';
}

/**
 * Ops that compute in float32 and go on in the type of what they took: their sums and exponentials leave float16's range, or their
 * gradients are sums over places, which ONNX Runtime's CPU kernels do not take in float16.
 */
const computedInFloat32 = new Set([
  'ReduceSum',
  'ReduceMean',
  'ReduceSumSquare',
  'ReduceL1',
  'ReduceL2',
  'ReduceProd',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'CumSum',
  'Gather',
  'GatherElements',
  'GatherND',
  'ScatterElements',
  'ScatterND',
  'TopK',
  'MaxPool',
  'AveragePool',
  'Resize',
  'Softmax',
  'LayerNormalization',
  'RMSNormalization',
  'InstanceNormalization',
  'GroupNormalization',
  'BatchNormalization',
  'Pow',
  'Reciprocal',
]);

/** Ops at whose output float16 ends: what follows is a loss. */
const endsFloat16 = new Set([
  'LogSoftmax',
  'Log',
  'Exp',
  'Softplus',
  'SoftmaxCrossEntropyLoss',
  'NegativeLogLikelihoodLoss',
]);

/**
 * The values again, computed as the policy says; each has the element type it had.
 * @param parameters what the policy says of each parameter.
 */
export function withPrecision(values: readonly Value[], parameters: ReadonlyMap<Value, Precision>): Value[] {
  const pass = new PrecisionPass(parameters);
  const nodes = nodesInOrder(values);
  for (const node of nodes) pass.rewrite(node);
  keepRecomputed(nodes, (value) => pass.now(value));
  return values.map((value) => pass.as(value, value.dtype));
}

class PrecisionPass {
  readonly #now = new Map<Value, Value>();
  readonly #casts = new Map<Value, Value>();
  /** The precision that a value carries on; none where only inputs and constants went into it. */
  readonly #carried = new Map<Value, Precision>();
  /** Values made of parameters and constants alone. */
  readonly #fromParameters = new Set<Value>();

  constructor(parameters: ReadonlyMap<Value, Precision>) {
    for (const [value, precision] of parameters) {
      this.#carried.set(value, precision);
      this.#fromParameters.add(value);
    }
  }

  /** What stands for a value. */
  now(value: Value): Value {
    return this.#now.get(value) ?? value;
  }

  /** What stands for a value, in an element type. */
  as(value: Value, dtype: Value['dtype']): Value {
    const now = this.now(value);
    if (now.dtype === dtype) return now;
    const known = this.#casts.get(now);
    if (known !== undefined) return known;
    const tensor = constantOf(now);
    const made = tensor !== undefined && dtype === 'float16' ? constant(halfOf(tensor)) : cast(now, dtype);
    this.#casts.set(now, made);
    return made;
  }

  rewrite(node: Node): void {
    const precision = this.#precisionOf(node);
    const hasSubgraph = Object.values(node.attributes).some(({ kind }) => kind === 'graph');
    const key = opKey(node.op);
    if (precision === 'float16' && !hasSubgraph && key !== 'Cast' && !endsFloat16.has(key)) {
      const isWide = computedInFloat32.has(key);
      const outputs = this.#applied(node, isWide ? 'float32' : 'float16');
      if (outputs !== undefined) {
        // A scalar is a loss or a metric: it stays as it was computed.
        const isNarrowed = (output: Value) => !isWide || output.rank > 0;
        node.outputs.forEach((output, i) => {
          if (output.dtype !== 'float32') this.#set(output, outputs[i]!, undefined);
          else if (isNarrowed(output)) this.#set(output, narrowed(outputs[i]!), 'float16');
          else this.#set(output, outputs[i]!, 'float32');
        });
        return;
      }
    }
    const outputs = this.#applied(node, 'float32')!;
    const carried = precision === 'float16' ? 'float32' : precision;
    node.outputs.forEach((output, i) => {
      this.#set(output, outputs[i]!, output.dtype === 'float32' ? carried : undefined);
    });
  }

  #set(value: Value, now: Value, carried: Precision | undefined): void {
    this.#now.set(value, now);
    if (carried !== undefined) this.#carried.set(value, carried);
  }

  /** What parameters among the inputs say; without any, what the inputs carry on. */
  #precisionOf(node: Node): Precision | undefined {
    const inputs = node.inputs.filter((input) => input !== undefined && input.origin.kind !== 'constant') as Value[];
    const ofParameters = inputs.filter((input) => this.#fromParameters.has(input));
    if (ofParameters.length > 0 && ofParameters.length === inputs.length) {
      for (const output of node.outputs) this.#fromParameters.add(output);
    }
    const deciding = ofParameters.length > 0 ? ofParameters : inputs;
    const said = deciding.flatMap((input) => this.#carried.get(input) ?? []);
    return said.includes('float32') ? 'float32' : said[0];
  }

  /** The outputs with every float input in one type; undefined if the op does not take float16. */
  #applied(node: Node, dtype: Precision): readonly Value[] | undefined {
    const inputs = node.inputs.map(
      (input) => input && (input.dtype === 'float32' ? this.as(input, dtype) : this.as(input, input.dtype)),
    );
    if (dtype === 'float32' && inputs.every((input, i) => input === node.inputs[i])) return node.outputs;
    try {
      return applyOp(node.op, inputs, node.attributes);
    } catch (error) {
      if (dtype === 'float16' && error instanceof DtypeError) return undefined;
      throw error;
    }
  }
}

function narrowed(value: Value): Value {
  return value.dtype === 'float32' ? cast(value, 'float16') : value;
}

function halfOf(tensor: Tensor): Tensor {
  return new TensorOf('float16', tensor.shape, Uint16Array.from(tensor.data as Float32Array, float16Bits));
}
