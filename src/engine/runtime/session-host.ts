/**
 * @file What holds ONNX Runtime sessions and the state that they advance. The same code serves in the calling thread and in a
 * worker thread, to which it is sent as text (worker files have no path that is right in sources, in `dist/` and in bundles alike):
 * `sessionHost` and `serveRequests` use nothing from outside themselves but types.
 */
import type ort from 'onnxruntime-node';
import type { KernelCall, KernelHost, KernelRoom, KernelSource, LoadedKernels } from './kernel-host.ts';

/** A tensor as it goes between threads. */
export interface WireTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: ArrayBufferView | readonly string[];
}

/** Tensors by name. */
export type WireTensors = Readonly<Record<string, WireTensor>>;

/** One session run inside an `advance`: the feeds that are not state. */
export interface Phase {
  readonly session: number;
  readonly feeds: WireTensors;
  /** Kernels that go on from what the session gives. */
  readonly kernels?: number;
}

/**
 * Takes part in ending an `advance`: whoever first replaces `running` decides. One word in memory that both threads see.
 * The second word counts the advances that ended well.
 */
export const advanceStates = { running: 0, committed: 1, aborted: 2 } as const;

/** What a host does. */
export interface SessionHost {
  /** Makes a session from the bytes of a model or the path of its file. */
  load(request: {
    readonly session: number;
    readonly model: Uint8Array | string;
    readonly options: ort.InferenceSession.SessionOptions;
  }): Promise<{
    readonly inputs: readonly ort.InferenceSession.ValueMetadata[];
    readonly outputs: readonly ort.InferenceSession.ValueMetadata[];
  }>;
  /** Runs a session; outputs named in `into` are written there. */
  run(request: {
    readonly session: number;
    readonly feeds: WireTensors;
    readonly into?: Readonly<Record<string, WireTensor | null>>;
  }): Promise<Record<string, WireTensor>>;
  /**
   * Makes zeroed state, in two sets; what kernels update lies in one, in WebAssembly memory. `scratch` names what is zero again
   * at the start of every advance.
   */
  createState(request: {
    readonly state: number;
    readonly tensors: readonly { readonly name: string; readonly dtype: string; readonly shape: readonly number[] }[];
    readonly scratch: readonly string[];
    readonly inPlace: readonly string[];
  }): void;
  /** Makes kernels over a state from WebAssembly modules that import its memory and export `run`. */
  loadKernels(request: {
    readonly kernels: number;
    readonly state: number;
    readonly modules: readonly Uint8Array<ArrayBuffer>[];
    readonly calls: readonly KernelCall[];
  }): void;
  /** Writes into the state as it is now. */
  writeState(request: { readonly state: number; readonly tensors: WireTensors }): void;
  /** The array that holds a tensor of the state now. It is written by the advance after the next one. */
  peek(state: number, name: string): ArrayBufferView;
  /** How many times a state was advanced. */
  version(state: number): number;
  /**
   * Runs phases over a state: a session's input `x` reads the state's `x`, its output `next.x` becomes the state's `x`. The other
   * outputs are returned, for each phase, but for those that its kernels take. All of it takes effect at the end, kernels too, or
   * nothing if it fails or `control` says `aborted`; only kernels that write nothing but scratch run at once.
   */
  advance(request: {
    readonly state: number;
    readonly phases: readonly Phase[];
    readonly control?: Int32Array;
  }): Promise<readonly Record<string, WireTensor>[] | 'aborted'>;
  /** Ends the profile of a session. */
  endProfiling(session: number): void;
  /** Frees a session. */
  release(session: number): Promise<void>;
}

/** A host of sessions in this thread. @param runtime the module onnxruntime-node. */
export function sessionHost(runtime: typeof ort, kernelHost: KernelHost): SessionHost {
  interface State {
    /** Both sets by name, and which of them counts. */
    readonly sets: Map<string, readonly [ort.Tensor, ort.Tensor]>;
    readonly scratch: readonly string[];
    /** What kernels update. */
    readonly room?: KernelRoom;
    current: Map<string, number>;
    version: number;
  }
  const sessions = new Map<number, ort.InferenceSession>();
  const states = new Map<number, State>();
  const kernelSets = new Map<number, LoadedKernels>();
  const arrays: Record<string, new (length: number) => ArrayBufferView> = {
    float32: Float32Array,
    float64: Float64Array,
    float16: Uint16Array,
    int64: BigInt64Array,
    int32: Int32Array,
    int16: Int16Array,
    int8: Int8Array,
    uint64: BigUint64Array,
    uint32: Uint32Array,
    uint16: Uint16Array,
    uint8: Uint8Array,
    bool: Uint8Array,
  };
  const Constructor = runtime.Tensor as unknown as new (type: string, data: unknown, dims: unknown) => ort.Tensor;
  /** ONNX Runtime does not take shared memory. */
  const own = (data: WireTensor['data']) =>
    ArrayBuffer.isView(data) && data.buffer instanceof SharedArrayBuffer
      ? (data as unknown as Uint8Array).slice()
      : data;
  const toOrt = ({ dtype, shape, data }: WireTensor) => new Constructor(dtype, own(data), shape);
  const fromOrt = (tensor: ort.Tensor): WireTensor => ({
    dtype: tensor.type,
    shape: tensor.dims,
    data: tensor.data as unknown as ArrayBufferView,
  });
  const sessionOf = (id: number) => {
    const session = sessions.get(id);
    if (session === undefined) throw new TypeError('Executable: it is closed');
    return session;
  };
  const stateOf = (id: number) => states.get(id)!;
  const bytes = (view: ArrayBufferView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const stateName = (output: string) => (output.startsWith('next.') ? output.slice('next.'.length) : undefined);

  async function runPhase(
    state: State,
    current: Map<string, number>,
    { session: id, feeds, kernels: kernelsId }: Phase,
  ) {
    const session = sessionOf(id);
    const kernels = kernelsId === undefined ? undefined : kernelSets.get(kernelsId)!;
    const runKernels = (outputs: Readonly<Record<string, ort.Tensor>>) => {
      const arrayOf = ({ kind, name }: KernelSource) =>
        (kind === 'state' ? state.sets.get(name)![0] : kind === 'feed' ? feeds[name]! : outputs[name]!)
          .data as Float32Array;
      kernelHost.run(kernels!, state.room!, arrayOf);
    };
    const given: Record<string, ort.Tensor> = {};
    for (const name of session.inputNames) {
      const sets = state.sets.get(name);
      given[name] = sets ? sets[current.get(name)! as 0 | 1] : toOrt(feeds[name]!);
    }
    const fetches: Record<string, ort.Tensor | null> = {};
    for (const output of session.outputNames) {
      const name = stateName(output);
      const sets = name === undefined ? undefined : state.sets.get(name);
      const isInPlace = sets?.[0] === sets?.[1];
      fetches[output] = sets && !isInPlace ? sets[(1 - current.get(name!)!) as 0 | 1] : null;
    }
    const results = await session.run(given, fetches);
    const others: Record<string, WireTensor> = {};
    const late: (() => void)[] = [];
    for (const output of session.outputNames) {
      const name = stateName(output);
      const sets = name === undefined ? undefined : state.sets.get(name);
      if (sets === undefined) {
        if (!kernels?.taken.has(output)) others[output] = fromOrt(results[output]!);
      } else if (sets[0] === sets[1]) {
        const [into, made] = [sets[0].data as Float32Array, results[output]!.data as Float32Array];
        late.push(() => into.set(made));
      } else current.set(name!, 1 - current.get(name!)!);
    }
    if (kernels?.writesOnlyScratch) runKernels(results);
    else if (kernels) late.push(() => runKernels(results));
    return { others, late };
  }

  return {
    async load({ session: id, model, options }) {
      const session = await runtime.InferenceSession.create(model as string, options);
      sessions.set(id, session);
      return { inputs: session.inputMetadata, outputs: session.outputMetadata };
    },
    async run({ session: id, feeds, into }) {
      const session = sessionOf(id);
      const given = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toOrt(tensor)]));
      const fetches =
        into && Object.fromEntries(Object.entries(into).map(([name, tensor]) => [name, tensor && toOrt(tensor)]));
      const results = fetches ? await session.run(given, fetches) : await session.run(given);
      return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor)]));
    },
    createState({ state: id, tensors, scratch, inPlace }) {
      const make = (dtype: string, shape: readonly number[]) =>
        new Constructor(dtype, new arrays[dtype]!(shape.reduce((a, b) => a * b, 1)), shape);
      const room =
        inPlace.length === 0 ? undefined : kernelHost.room(tensors.filter(({ name }) => inPlace.includes(name)));
      const sets = new Map(
        tensors.map(({ name, dtype, shape }) => {
          const view = room?.views.get(name);
          const only = view && new Constructor(dtype, view, shape);
          return [name, only ? ([only, only] as const) : ([make(dtype, shape), make(dtype, shape)] as const)];
        }),
      );
      states.set(id, {
        sets,
        scratch,
        ...(room === undefined ? {} : { room }),
        current: new Map(tensors.map(({ name }) => [name, 0])),
        version: 0,
      });
    },
    loadKernels({ kernels: id, state: stateId, modules, calls }) {
      const state = stateOf(stateId);
      kernelSets.set(id, kernelHost.load(state.room!, modules, calls, state.scratch));
    },
    writeState({ state: id, tensors }) {
      for (const [name, { data }] of Object.entries(tensors)) {
        bytes(this.peek(id, name)).set(bytes(data as ArrayBufferView));
      }
    },
    peek(id, name) {
      const state = stateOf(id);
      return state.sets.get(name)![state.current.get(name)! as 0 | 1].data as unknown as ArrayBufferView;
    },
    version(id) {
      return stateOf(id).version;
    },
    async advance({ state: id, phases, control }) {
      const state = stateOf(id);
      const current = new Map(state.current);
      for (const name of state.scratch) bytes(this.peek(id, name)).fill(0);
      const outputs: Record<string, WireTensor>[] = [];
      const late: (() => void)[] = [];
      for (const phase of phases) {
        if (control !== undefined && Atomics.load(control, 0) === 2) return 'aborted';
        const done = await runPhase(state, current, phase);
        outputs.push(done.others);
        late.push(...done.late);
      }
      // 0, 1 and 2 are `advanceStates`: text that is sent to a thread has no imports.
      if (control !== undefined && Atomics.compareExchange(control, 0, 0, 1) !== 0) return 'aborted';
      for (const finish of late) finish();
      state.current = current;
      state.version++;
      return outputs;
    },
    endProfiling(id) {
      sessionOf(id).endProfiling();
    },
    async release(id) {
      const session = sessions.get(id);
      sessions.delete(id);
      await session?.release();
    },
  };
}

/** Serves a host to the thread at the other end of `port`. */
export function serveRequests(
  host: SessionHost,
  port: {
    on(event: 'message', listener: (request: HostRequest | StateReading) => void): void;
    postMessage(message: HostReply, transfer: ArrayBuffer[]): void;
  },
): void {
  let last: Promise<unknown> = Promise.resolve();
  /** The memory of large arrays moves to the other thread; small ones are cheaper to copy. */
  const memoryOf = (result: unknown): ArrayBuffer[] => {
    const found = new Set<ArrayBuffer>();
    const visit = (value: unknown, depth: number): void => {
      if (ArrayBuffer.isView(value)) {
        if (value.byteLength === value.buffer.byteLength && value.byteLength > 4096)
          found.add(value.buffer as ArrayBuffer);
      } else if (typeof value === 'object' && value !== null && depth < 4) {
        for (const item of Object.values(value)) visit(item, depth + 1);
      }
    };
    visit(result, 0);
    return [...found];
  };
  const answer = async ({ id, method, argument }: HostRequest) => {
    try {
      const result = await (host[method] as (argument: unknown) => unknown)(argument);
      port.postMessage({ id, result }, memoryOf(result));
    } catch (error) {
      port.postMessage({ id, error: error as Error }, []);
    }
  };
  port.on('message', (request) => {
    if ('into' in request) {
      // A thread waits for this one, without listening: nothing may come between.
      let offset = 0;
      for (const name of request.names) {
        const view = host.peek(request.state, name);
        request.into.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength), offset);
        offset += view.byteLength;
      }
      Atomics.store(request.done, 1, host.version(request.state));
      Atomics.store(request.done, 0, 1);
      Atomics.notify(request.done, 0);
      return;
    }
    // Sessions run one after the other; state is written between runs at once, since runs read and write other arrays.
    if (request.method === 'createState' || request.method === 'writeState') void answer(request);
    else last = last.then(() => answer(request));
  });
}

/** The methods of a host that another thread can call. */
export type HostMethod = Exclude<keyof SessionHost, 'peek' | 'version'>;

/** A call of a method of a host. */
export interface HostRequest {
  readonly id: number;
  readonly method: HostMethod;
  readonly argument: unknown;
}

/** A wish to have tensors of a state copied, one after the other, into shared memory. */
export interface StateReading {
  readonly state: number;
  readonly names: readonly string[];
  readonly into: Uint8Array;
  /** Becomes 1 when done, with the state's version behind it. */
  readonly done: Int32Array;
}

/** What came of a call. */
export type HostReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: Error };
