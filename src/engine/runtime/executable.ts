/**
 * @file Executables: ONNX models loaded into ONNX Runtime, fed with host tensors. By default a run takes the calling thread until it
 * ends; with `worker: true` it runs in a thread of its own.
 */
import type ort from 'onnxruntime-node';
import {
  type AnyTensor,
  type Dtype,
  DtypeError,
  FormatError,
  formatShape,
  isDtype,
  type Shape,
  ShapeError,
  type Tensor,
  unknownDim,
} from '../core/index.ts';
import type { Graph } from '../graph/index.ts';
import { exportOnnx } from '../onnx/index.ts';
import { forProcessor } from './block-size.ts';
import { type Device, deviceErrorOf, requireDevice } from './device.ts';
import { cacheKey, dropEntry, keepEntry, partialPath, readEntry } from './session-cache.ts';
import type { WireTensor } from './session-host.ts';
import { callingThread, fromWire, type SessionThread, toWire, WorkerError, WorkerThread } from './session-thread.ts';
import { defaultNumThreads } from './threads.ts';

/** Where and how a model runs. */
export interface RuntimeOptions {
  /** The hardware; 'cpu' if absent. Never another one than that: where it is missing, loading fails with a DeviceError. */
  readonly device?: Device;
  /** Refuse a model that needs an op which the device lacks; if absent or false, ONNX Runtime computes such an op on the CPU. */
  readonly deviceOnly?: boolean;
  /** Threads inside one operation; `defaultNumThreads()` if absent. */
  readonly numThreads?: number;
  /** How far ONNX Runtime rewrites the graph; 'all' if absent. */
  readonly optimization?: 'disabled' | 'basic' | 'extended' | 'all';
  /** Write ONNX Runtime's own profile to files that begin with this path. */
  readonly profilePrefix?: string;
  /**
   * Run in a thread of its own, so that the event loop stays free. Costs about 0.1 ms a run, and a copy of what is fed. If absent:
   * true for training steps, false for others.
   */
  readonly worker?: boolean;
  /**
   * A folder in which models are kept as ONNX Runtime has optimized them, for a quicker start next time; it is made if it is not
   * there, and bounded. None if absent or false.
   */
  readonly cache?: string | false;
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

/** A session in a thread, with what it takes and gives. */
export interface Session {
  readonly thread: SessionThread;
  readonly id: number;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/** A model that is ready to run. */
export class Executable {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly #session: Session;

  /** Use `compile` or `loadExecutable`. */
  constructor(session: Session) {
    this.#session = session;
    this.inputs = session.inputs;
    this.outputs = session.outputs;
  }

  /**
   * Runs the model on named inputs and returns its outputs.
   * @param into tensors that receive the outputs in place; where given, nothing is allocated for them.
   * @throws ShapeError or DtypeError if an input is missing or not what the model takes, or if a tensor of `into` is not what
   * the model gives.
   * @throws WorkerError if the model runs in a worker thread and that has ended.
   */
  async run(feeds: Feeds, into?: NamedTensors): Promise<Record<string, Tensor>> {
    const { thread, id: session } = this.#session;
    const moved = thread.isWorker ? [] : undefined;
    const sizes = new Map<string, number>();
    const given = checkedFeeds(this.inputs, feeds, sizes, moved);
    if (into === undefined) return results(await thread.call('run', { session, feeds: given }, moved));
    const fetches: Record<string, WireTensor | null> = {};
    for (const port of this.outputs) {
      const target = into[port.name];
      if (target) checkFit('output', port, target, sizes);
      fetches[port.name] = target && !thread.isWorker ? toWire(target) : null;
    }
    const unknown = Object.keys(into).find((name) => !(name in fetches));
    if (unknown !== undefined) throw new TypeError(`Executable: the model has no output "${unknown}" to write into`);
    const made = results(await thread.call('run', { session, feeds: given, into: fetches }, moved));
    if (thread.isWorker) {
      for (const [name, target] of Object.entries(into))
        (target.data as Uint8Array).set(made[name]!.data as Uint8Array);
    }
    return { ...made, ...into };
  }

  /** Frees the session. */
  async close(): Promise<void> {
    await this.#session.thread.close();
  }

  /** Ends ONNX Runtime's profile, if one was asked for. */
  async endProfiling(): Promise<void> {
    await this.#session.thread.call('endProfiling', this.#session.id);
  }
}

/** What the inputs are given, as it goes to the session's thread. @throws ShapeError or DtypeError if it does not fit. */
export function checkedFeeds(
  inputs: readonly Port[],
  feeds: Feeds,
  sizes: Map<string, number>,
  moved: ArrayBuffer[] | undefined,
): Record<string, WireTensor> {
  const checked = inputs.map((port) => [port.name, checkFit('input', port, feeds[port.name], sizes)] as const);
  return Object.fromEntries(checked.map(([name, tensor]) => [name, toWire(tensor, moved)]));
}

function results(outputs: Readonly<Record<string, WireTensor>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, fromWire(tensor)]));
}

/** The session that the cache holds under this key; undefined if there is no cache or it holds none that loads. */
export async function loadCachedSession(
  thread: SessionThread,
  options: RuntimeOptions,
  { key, settings = {} }: LoadOptions & { readonly key: string },
): Promise<Session | undefined> {
  if (!options.cache) return undefined;
  return loadKeptSession(thread, cacheKey(key, madeFor(options)), options, settings);
}

/** The graph as an ONNX model in the form that suits where it will run; for this machine alone. */
export async function modelFor(graph: Graph, { device = 'cpu' }: RuntimeOptions): Promise<Uint8Array> {
  return exportOnnx(device === 'cpu' ? await forProcessor(graph) : graph);
}

/** Loads a graph into ONNX Runtime. */
export async function compile(graph: Graph, options: RuntimeOptions = {}): Promise<Executable> {
  return loadExecutable(await modelFor(graph, options), options);
}

/**
 * Loads an ONNX model, given as its bytes or the path of its file.
 * @throws FormatError if ONNX Runtime cannot read it.
 */
export async function loadExecutable(model: Uint8Array | string, options: RuntimeOptions = {}): Promise<Executable> {
  const thread = options.worker ? new WorkerThread() : callingThread();
  try {
    return new Executable(await loadSession(thread, model, options));
  } catch (error) {
    await thread.close();
    throw error;
  }
}

/** How a model is loaded, beyond what a caller chooses. */
export interface LoadOptions {
  /** What names the model in the cache; its bytes if absent. */
  readonly key?: string;
  /** Settings of ONNX Runtime's session. */
  readonly settings?: ort.InferenceSession.SessionOptions;
}

/** Loads a model in a thread. @throws FormatError if ONNX Runtime cannot read it. */
export async function loadSession(
  thread: SessionThread,
  model: Uint8Array | string,
  options: RuntimeOptions,
  { key, settings = {} }: LoadOptions = {},
): Promise<Session> {
  const { cache: folder } = options;
  if (!folder || typeof model === 'string') return createSession(thread, model, options, settings);
  const name = cacheKey(key ?? model, madeFor(options));
  const kept = await loadKeptSession(thread, name, options, settings);
  if (kept !== undefined) return kept;
  const partial = await partialPath(folder, name);
  if (partial === undefined) return createSession(thread, model, options, settings);
  const session = await createSession(thread, model, options, {
    ...settings,
    optimizedModelFilePath: partial,
    extra: { session: { save_model_format: 'ORT' } },
  });
  await keepEntry(folder, name, partial);
  return session;
}

/** What an optimized model is made for, besides the machine. */
function madeFor({ device = 'cpu', optimization = 'all' }: RuntimeOptions): string {
  return `${device} ${optimization}`;
}

/** The session of the cache's entry under `name`, or undefined if there is none that loads. */
async function loadKeptSession(
  thread: SessionThread,
  name: string,
  options: RuntimeOptions,
  settings: ort.InferenceSession.SessionOptions,
): Promise<Session | undefined> {
  const folder = options.cache as string;
  const bytes = await readEntry(folder, name);
  if (bytes === undefined) return undefined;
  try {
    return await createSession(thread, bytes, { ...options, optimization: 'disabled' }, settings);
  } catch (error) {
    if (error instanceof WorkerError) throw error;
    await dropEntry(folder, name);
    return undefined;
  }
}

async function createSession(
  thread: SessionThread,
  model: Uint8Array | string,
  options: RuntimeOptions,
  more: ort.InferenceSession.SessionOptions = {},
): Promise<Session> {
  const { device = 'cpu' } = options;
  requireDevice(device);
  const id = thread.newId();
  const sessionOptions: ort.InferenceSession.SessionOptions = {
    executionProviders: [device],
    intraOpNumThreads: options.numThreads ?? defaultNumThreads(),
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: options.optimization ?? 'all',
    logSeverityLevel: 3,
    ...(options.profilePrefix === undefined ? {} : { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
    ...more,
    extra: {
      session: {
        ...(more.extra?.session as object | undefined),
        ...(options.deviceOnly && device !== 'cpu' ? { disable_cpu_ep_fallback: '1' } : {}),
      },
    },
  };
  try {
    const { inputs, outputs } = await thread.call('load', { session: id, model, options: sessionOptions });
    return { thread, id, inputs: inputs.map(portOf), outputs: outputs.map(portOf) };
  } catch (error) {
    if (error instanceof WorkerError || error instanceof FormatError) throw error;
    const missing = deviceErrorOf(device, error as Error);
    if (missing !== undefined) throw missing;
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
