/**
 * @file One test, twice: the model as it is, and the model after import and export. ONNX Runtime runs both, and what comes out is
 * held to the outputs that ship with the test.
 */
import ort from 'onnxruntime-node';
import { type AnyTensor, dtypes, formatShape, Tensor } from '../../src/engine/core/index.ts';
import type { ValueType } from '../../src/engine/graph/index.ts';
import { exportOnnx, importOnnx } from '../../src/engine/onnx/index.ts';
import { readModel, type ValueMessage } from '../../src/engine/onnx/messages.ts';
import { FieldReader } from '../../src/engine/onnx/wire.ts';
import { mismatch } from './compare.ts';
import { type Item, isPassed, type PassedModel, type Port, passed, readItem } from './pass.ts';
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
  const given = caseOf(bytes, dataSets(test));
  if ('reason' in given) return { verdict: 'unsupported', reason: given.reason };
  const original = await failureOf(() => check(given, (model) => model));
  onOriginal(original === undefined ? { verdict: 'passed' } : { verdict: 'unsupported', reason: original });
  const roundTrip = await failureOf(() => check(given, (model) => exportOnnx(importOnnx(model).toGraph())));
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

/** What a test runs on each of its data sets; or why nothing can be compared. */
function caseOf(bytes: Uint8Array, sets: readonly DataSet[]): readonly PassedModel[] | { readonly reason: string } {
  const { graph } = readModel(new FieldReader(bytes, ''), undefined);
  const random = graph.nodes.find(({ opType }) => /^(Bernoulli|Multinomial|Random.*)$/.test(opType));
  if (random !== undefined)
    return { reason: `${random.opType} draws other numbers than those that ship with the test` };
  const cases: PassedModel[] = [];
  const inputs = graph.inputs.filter(({ name }) => !graph.initializers.has(name));
  for (const set of sets) {
    const ports = [portsOf(inputs, set.inputs), portsOf(graph.outputs, set.outputs)] as const;
    const isPlain = ports.flat().every(({ type }) => isPassed(type));
    cases.push(isPlain ? plainCase(bytes, ...ports) : passed(bytes, ...ports));
  }
  return cases;
}

function portsOf(values: readonly ValueMessage[], files: readonly Uint8Array[]): Port[] {
  return files.map((file, i) => {
    const { name, type } = values[i]!;
    if (type === undefined) throw new Error(`the type of "${name}" is not stated`);
    return { name, type, item: typed(readItem(file, type.containers), type) };
  });
}

/** The files hold bfloat16 as the whole numbers of its bits. */
function typed(item: Item, { dtype }: ValueType): Item {
  if (dtype !== 'bfloat16' || item === undefined || !('dtype' in item) || item.dtype !== 'uint16') return item;
  return new Tensor('bfloat16', item.shape, item.data as Uint16Array);
}

function plainCase(bytes: Uint8Array, inputs: readonly Port[], outputs: readonly Port[]): PassedModel {
  const tensors = (ports: readonly Port[]) =>
    ports.map(({ name, item }): [string, AnyTensor] => [name, item as AnyTensor]);
  return { bytes, feeds: Object.fromEntries(tensors(inputs)), expected: new Map(tensors(outputs)) };
}

/** @throws Error if a model does not load, does not run, or gives something else. */
async function check(cases: readonly PassedModel[], prepare: (model: Uint8Array) => Uint8Array): Promise<void> {
  for (const { bytes, feeds, expected } of cases) {
    const session = await ort.InferenceSession.create(prepare(bytes), { logSeverityLevel: 4, intraOpNumThreads: 1 });
    try {
      const given = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toOrt(tensor)]));
      const results = await session.run(given, { logSeverityLevel: 4 });
      for (const [name, tensor] of expected) {
        const wrong = mismatch(fromOrt(results[name]!), tensor);
        if (wrong !== undefined) throw new Error(`output "${name}" ${wrong}`);
      }
    } finally {
      await session.release();
    }
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
