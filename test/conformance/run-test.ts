/**
 * @file One test, twice: the model as it is, and the model after import and export. ONNX Runtime runs both, and what comes out is
 * held to the outputs that ship with the test.
 */
import ort from 'onnxruntime-node';
import { type AnyTensor, dtypes, formatShape } from '../../src/engine/core/index.ts';
import { exportOnnx, importOnnx } from '../../src/engine/onnx/index.ts';
import { readModel } from '../../src/engine/onnx/messages.ts';
import { FieldReader } from '../../src/engine/onnx/wire.ts';
import { mismatch } from './compare.ts';
import { type DataSet, dataSets, modelBytes, type Test } from './suite.ts';

/**
 * How a test ended, and why where it did not simply pass. `beyond`: ONNX Runtime does not pass the model as it is, and does after
 * import and export, which say old operator sets in new words. `unsupported`: it passes neither.
 */
export interface Outcome {
  readonly verdict: 'passed' | 'beyond' | 'unsupported' | 'failed';
  readonly reason?: string;
}

/** Runs a test. @param onOriginal told what became of the model as it is, before the rest is tried. */
export async function runTest(test: Test, onOriginal: (outcome: Outcome) => void): Promise<Outcome> {
  const bytes = modelBytes(test);
  if (bytes === undefined) return { verdict: 'unsupported', reason: 'the package ships no model file for it' };
  const unfit = unfitReason(bytes);
  if (unfit !== undefined) return { verdict: 'unsupported', reason: unfit };
  const sets = dataSets(test);
  const original = await failureOf(() => check(bytes, sets));
  onOriginal(original === undefined ? { verdict: 'passed' } : { verdict: 'unsupported', reason: original });
  const roundTrip = await failureOf(() => check(exportOnnx(importOnnx(bytes).toGraph()), sets));
  if (original === undefined) {
    return roundTrip === undefined ? { verdict: 'passed' } : { verdict: 'failed', reason: roundTrip };
  }
  return { verdict: roundTrip === undefined ? 'beyond' : 'unsupported', reason: original };
}

/** Why the work failed; undefined if it did not. */
async function failureOf(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return firstLine(error);
  }
}

const firstLine = (error: unknown): string => String(error).split('\n')[0]!.slice(0, 300);

/** Why nothing can be compared: the outputs are random, or ONNX Runtime's binding for Node cannot pass the inputs or outputs. */
function unfitReason(bytes: Uint8Array): string | undefined {
  let graph: ReturnType<typeof readModel>['graph'];
  try {
    graph = readModel(new FieldReader(bytes, ''), undefined).graph;
  } catch {
    return undefined;
  }
  const random = graph.nodes.find(({ opType }) => /^(Bernoulli|Multinomial|Random.*)$/.test(opType));
  if (random !== undefined) return `${random.opType} draws other numbers than those that ship with the test`;
  for (const { name, type } of [...graph.inputs, ...graph.outputs]) {
    if (type?.containers !== undefined)
      return `"${name}" is ${type.containers.join(' of ')}, which the binding for Node cannot pass`;
    if (type?.dtype === 'bfloat16') return `"${name}" is bfloat16, which the binding for Node cannot pass`;
  }
  return undefined;
}

/** @throws Error if the model does not load, does not run, or gives something else. */
async function check(model: Uint8Array, sets: readonly DataSet[]): Promise<void> {
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 4, intraOpNumThreads: 1 });
  try {
    for (const set of sets) {
      const feeds = Object.fromEntries(
        session.inputNames.slice(0, set.inputs.length).map((name, i) => [name, toOrt(set.inputs[i]!)]),
      );
      const results = await session.run(feeds, { logSeverityLevel: 4 });
      set.outputs.forEach((expected, i) => {
        const name = session.outputNames[i]!;
        const wrong = mismatch(fromOrt(results[name]!), expected);
        if (wrong !== undefined) throw new Error(`output "${name}" ${wrong}`);
      });
    }
  } finally {
    await session.release();
  }
}

function toOrt(tensor: AnyTensor): ort.Tensor {
  const Constructor = ort.Tensor as unknown as new (type: string, data: unknown, dims: readonly number[]) => ort.Tensor;
  return new Constructor(tensor.dtype, tensor.data, tensor.shape);
}

function fromOrt(value: ort.Tensor): AnyTensor {
  const dtype = value.type as AnyTensor['dtype'];
  if (!(dtype in dtypes)) throw new Error(`the output is ${value.type}${formatShape(value.dims)}`);
  return { dtype, shape: value.dims, data: value.data as AnyTensor['data'] };
}
