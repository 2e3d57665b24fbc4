/**
 * @file A convolutional tower made trainable: its kernels and biases become parameters, everything else of its graph stays. Batch
 * normalizations lie inside the kernels already, so they are trained with them and hold no statistics.
 *
 * A parameter is the change of a kernel in units of what the kernel was: kernel = start + scale · change, where scale is the root mean
 * square of the start over each output channel (over all of a bias). So one learning rate suits every layer, however its normalization
 * scaled it; weight decay pulls towards the pretrained weights, not towards zero (L2-SP, arXiv:1802.01483); and `share` of the change
 * lies on the line from the pretrained to the trained tower (WiSE-FT, arXiv:2109.01903).
 */
import { Tensor } from '../../engine/core/index.ts';
import { add, applyOp, constant, type Graph, mul, spec, trace, type Value } from '../../engine/graph/index.ts';

/** A tower whose convolutions can be trained. */
export interface TrainableTower {
  /** The changes to start from, all zero, by the name of the kernel (`conv07.weight`) or bias (`conv07.bias`), in the order of the graph. */
  readonly changes: Readonly<Record<string, Tensor<'float32'>>>;
  /** The tower's outputs by name. Kernels without a change stay constants, so what lies before the first change costs no gradients. */
  apply(changes: Readonly<Record<string, Value>>, input: Value): Record<string, Value>;
  /** The tower with `share` (1 if absent) of the trained changes in its kernels, which `store` may keep in another way. */
  changed(
    changes: Readonly<Record<string, Tensor>>,
    options?: { readonly share?: number; readonly store?: (kernel: Tensor<'float32'>) => Value },
  ): Graph;
}

interface Kernel {
  readonly name: string;
  readonly start: Tensor<'float32'>;
  readonly scale: Tensor<'float32'>;
}

/**
 * Makes the convolutions of a graph of one input trainable.
 * @param pace multiplies the unit of the changes, and so the tower's learning rate beside that of other parameters.
 * @throws TypeError if it has several inputs or no convolution.
 */
export function trainableTower(graph: Graph, pace = 1): TrainableTower {
  const [input] = graph.inputs;
  if (input === undefined || graph.inputs.length > 1) {
    throw new TypeError(`trainableTower: the tower must have one input, got ${graph.inputs.length}`);
  }
  const kernels = kernelsOf(graph, pace);
  if (kernels.size === 0) throw new TypeError('trainableTower: the tower has no convolution with constant weights');
  return {
    changes: Object.fromEntries(
      [...kernels.values()].map(({ name, start }) => [
        name,
        new Tensor('float32', start.shape, new Float32Array(start.data.length)),
      ]),
    ),
    apply: (changes, given) =>
      rebuild(graph, given, (value) => {
        const kernel = kernels.get(value);
        const change = kernel && changes[kernel.name];
        return change ? add(constant(kernel.start), mul(constant(kernel.scale), change)) : value;
      }),
    changed: (changes, { share = 1, store = (kernel: Tensor<'float32'>) => constant(kernel) } = {}) =>
      trace(
        (inputs) =>
          rebuild(graph, inputs[input.name]!, (value) => {
            const kernel = kernels.get(value);
            return kernel ? store(changedKernel(kernel, changes[kernel.name], share)) : value;
          }),
        { [input.name]: spec(input.value.shape, input.value.dtype) },
      ),
  };
}

/** What convolutions take as kernel or bias, named by the place of the convolution in the graph. */
function kernelsOf(graph: Graph, pace: number): Map<Value, Kernel> {
  const kernels = new Map<Value, Kernel>();
  const convolutions = graph.nodes.filter((node) => node.op.opType === 'Conv');
  convolutions.forEach(({ inputs: [, weight, bias] }, i) => {
    const name = `conv${String(i).padStart(2, '0')}`;
    if (weight?.origin.kind === 'constant') kernels.set(weight, kernelOf(weight, `${name}.weight`, pace));
    if (bias?.origin.kind === 'constant') kernels.set(bias, kernelOf(bias, `${name}.bias`, pace));
  });
  return kernels;
}

function kernelOf(value: Value, name: string, pace: number): Kernel {
  if (value.origin.kind !== 'constant' || value.origin.tensor.dtype !== 'float32') {
    throw new TypeError(`trainableTower: kernels must be float32 constants, got ${value} for ${name}`);
  }
  const start = value.origin.tensor as Tensor<'float32'>;
  const isBias = start.shape.length === 1;
  const numGroups = isBias ? 1 : start.shape[0]!;
  const groupSize = start.data.length / numGroups;
  const scale = Float32Array.from({ length: numGroups }, (_, group) => {
    const part = start.data.subarray(group * groupSize, (group + 1) * groupSize);
    return pace * Math.sqrt(part.reduce((sum, weight) => sum + weight * weight, 0) / groupSize);
  });
  const shape = isBias ? [1] : [numGroups, ...start.shape.slice(1).map(() => 1)];
  return { name, start, scale: new Tensor('float32', shape, scale) };
}

function changedKernel({ start, scale }: Kernel, change: Tensor | undefined, share: number): Tensor<'float32'> {
  if (change === undefined) return start;
  const groupSize = start.data.length / scale.data.length;
  const data = start.data.map(
    (weight, i) => weight + share * scale.data[Math.floor(i / groupSize)]! * Number(change.data[i]),
  );
  return new Tensor('float32', start.shape, data);
}

/** The outputs of a graph with another input, and with `replace` in place of its constants. */
function rebuild(graph: Graph, input: Value, replace: (constant: Value) => Value): Record<string, Value> {
  const made = new Map<Value, Value>(graph.inputs.map(({ value }) => [value, input]));
  const current = (value: Value): Value => {
    if (!made.has(value)) made.set(value, replace(value));
    return made.get(value)!;
  };
  for (const { op, inputs, attributes, outputs } of graph.nodes) {
    const values = applyOp(
      op,
      inputs.map((value) => value && current(value)),
      attributes,
    );
    outputs.forEach((output, i) => {
      made.set(output, values[i]!);
    });
  }
  return Object.fromEntries(graph.outputs.map(({ name, value }) => [name, current(value)]));
}
