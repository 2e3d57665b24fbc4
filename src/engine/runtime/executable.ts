/**
 * @file Executables: ONNX models loaded into ONNX Runtime, fed with host tensors. A run takes the calling thread until it ends
 * (onnxruntime-node 1.30 returns a promise but computes before it), so a server runs long work in a process of its own.
 */
import { availableParallelism } from 'node:os';
import ort from 'onnxruntime-node';
import {
  type AnyTensor,
  type Dtype,
  DtypeError,
  FormatError,
  formatShape,
  isDtype,
  type NumericDtype,
  type Shape,
  ShapeError,
  Tensor,
  unknownDim,
} from '../core/index.ts';
import type { Graph } from '../graph/index.ts';
import { exportOnnx } from '../onnx/index.ts';

/** Where and how a model runs. */
export interface RuntimeOptions {
  /** Threads inside one operation; all cores if absent. */
  readonly numThreads?: number;
  /** How far ONNX Runtime rewrites the graph; 'all' if absent. */
  readonly optimization?: 'disabled' | 'basic' | 'extended' | 'all';
  /** Write ONNX Runtime's own profile to files that begin with this path. */
  readonly profilePrefix?: string;
}

/** The name, element type and shape of an input or output. */
export interface Port {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: Shape;
}

/** Tensors by the name of the input or output. */
export type NamedTensors = Readonly<Record<string, Tensor>>;

/** What a run is given, by the name of the input; text as well, where the model takes text. */
export type Feeds = Readonly<Record<string, AnyTensor>>;

/** A model that is ready to run. */
export class Executable {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly #session: ort.InferenceSession;

  /** Use `compile` or `loadExecutable`. */
  constructor(session: ort.InferenceSession) {
    this.#session = session;
    this.inputs = session.inputMetadata.map(portOf);
    this.outputs = session.outputMetadata.map(portOf);
  }

  /**
   * Runs the model on named inputs and returns its outputs.
   * @param into tensors that receive the outputs in place; where given, nothing is allocated for them.
   * @throws ShapeError or DtypeError if an input is missing or not what the model takes, or if a tensor of `into` is not what
   * the model gives.
   */
  async run(feeds: Feeds, into?: NamedTensors): Promise<Record<string, Tensor>> {
    const given: Record<string, ort.Tensor> = {};
    const sizes = new Map<string, number>();
    for (const port of this.inputs) given[port.name] = toOrt(checkFit('input', port, feeds[port.name], sizes));
    if (into === undefined) return fromOrt(await this.#session.run(given));
    const fetches: Record<string, ort.Tensor | null> = {};
    for (const port of this.outputs) {
      const target = into[port.name];
      fetches[port.name] = target ? toOrt(checkFit('output', port, target, sizes)) : null;
    }
    const unknown = Object.keys(into).find((name) => !(name in fetches));
    if (unknown !== undefined) throw new TypeError(`Executable: the model has no output "${unknown}" to write into`);
    const results = fromOrt(await this.#session.run(given, fetches));
    return { ...results, ...into };
  }

  /** Frees the session. */
  async close(): Promise<void> {
    await this.#session.release();
  }

  /** Ends ONNX Runtime's profile, if one was asked for. */
  endProfiling(): void {
    this.#session.endProfiling();
  }
}

/** Loads a graph into ONNX Runtime. */
export async function compile(graph: Graph, options: RuntimeOptions = {}): Promise<Executable> {
  return loadExecutable(exportOnnx(graph), options);
}

/**
 * Loads an ONNX model, given as its bytes or the path of its file.
 * @throws FormatError if ONNX Runtime cannot read it.
 */
export async function loadExecutable(model: Uint8Array | string, options: RuntimeOptions = {}): Promise<Executable> {
  const sessionOptions: ort.InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    intraOpNumThreads: options.numThreads ?? availableParallelism(),
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: options.optimization ?? 'all',
    logSeverityLevel: 3,
    ...(options.profilePrefix === undefined ? {} : { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
  };
  try {
    const session =
      typeof model === 'string'
        ? await ort.InferenceSession.create(model, sessionOptions)
        : await ort.InferenceSession.create(model, sessionOptions);
    return new Executable(session);
  } catch (error) {
    const subject = typeof model === 'string' ? model : 'the model';
    throw new FormatError(`loadExecutable: ONNX Runtime cannot load ${subject}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function portOf(metadata: ort.InferenceSession.ValueMetadata): Port {
  if (!metadata.isTensor || !isDtype(metadata.type)) {
    throw new FormatError(`Executable: "${metadata.name}" is not a tensor of a type that Sensorium has`);
  }
  return { name: metadata.name, dtype: metadata.type, shape: metadata.shape };
}

/** Checks a tensor against the port it is for. `sizes` keeps what each symbolic dimension stands for in this run. */
function checkFit(
  kind: 'input' | 'output',
  port: Port,
  tensor: AnyTensor | undefined,
  sizes: Map<string, number>,
): AnyTensor {
  const needed = `Executable: ${kind} "${port.name}" needs ${port.dtype}${formatShape(port.shape)}`;
  if (tensor === undefined) throw new ShapeError(`${needed}, got nothing`);
  if (tensor.dtype !== port.dtype) throw new DtypeError(`${needed}, got ${tensor.dtype}${formatShape(tensor.shape)}`);
  const fits =
    tensor.shape.length === port.shape.length &&
    tensor.shape.every((dim, axis) => typeof port.shape[axis] === 'string' || port.shape[axis] === dim);
  if (!fits) throw new ShapeError(`${needed}, got ${formatShape(tensor.shape)}`);
  tensor.shape.forEach((dim, axis) => {
    const name = port.shape[axis];
    if (typeof name !== 'string' || name === '' || name === unknownDim) return;
    const known = sizes.get(name) ?? dim;
    if (known !== dim)
      throw new ShapeError(`${needed}, where ${name} is ${known} already, got ${formatShape(tensor.shape)}`);
    sizes.set(name, dim);
  });
  return tensor;
}

function toOrt(tensor: AnyTensor): ort.Tensor {
  const Constructor = ort.Tensor as unknown as new (type: string, data: unknown, dims: readonly number[]) => ort.Tensor;
  return new Constructor(tensor.dtype, tensor.data, tensor.shape);
}

function fromOrt(results: ort.InferenceSession.OnnxValueMapType): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(results).map(([name, value]) => [
      name,
      new Tensor(value.type as NumericDtype, value.dims as number[], hostData(value)),
    ]),
  );
}

/** The elements as we keep them: float16 as bits, also where the platform has a Float16Array. */
function hostData(value: ort.Tensor): Tensor['data'] {
  const data = value.data as Tensor['data'];
  return value.type === 'float16' && !(data instanceof Uint16Array)
    ? new Uint16Array((data as Uint8Array).buffer, (data as Uint8Array).byteOffset, (data as Uint8Array).length)
    : data;
}
