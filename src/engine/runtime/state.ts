/**
 * @file State that models advance, kept where they run in two sets of tensors: a run reads one and writes the other, then they
 * swap. An input `x` that has the name of a tensor of the state is fed from it, and an output `next.x` becomes it.
 */
import type { Tensor } from '../core/index.ts';
import { checkedFeeds, type Feeds, type Port, type Session } from './executable.ts';
import type { KernelCall } from './kernel-host.ts';
import { advanceStates, type WireTensors } from './session-host.ts';
import { fromWire, type SessionThread, type StatePort, toWire } from './session-thread.ts';

/** What a state is made of. */
export interface StateOptions {
  readonly ports: readonly StatePort[];
  /** What tensors start from, by name; they are copied. The others start from zero. */
  readonly start: Readonly<Record<string, Tensor>>;
  /** Further tensors, that are zero at the start of every advance and are not read from outside. */
  readonly scratch?: readonly StatePort[];
  /** The names of what kernels update where it lies: held once instead of twice. float32 only. */
  readonly inPlace?: readonly string[];
}

/** One session run in an advance. */
export interface AdvancePhase {
  readonly session: Session;
  /** What the session takes besides the state. */
  readonly feeds: Feeds;
  /** Kernels of the state that go on from what the session gives. */
  readonly kernels?: KernelsId;
}

/** Kernels that were loaded beside a state. */
export type KernelsId = number & { readonly of?: 'kernels' };

/** State in the thread of the sessions that advance it. */
export class HeldState {
  readonly ports: readonly StatePort[];
  readonly #thread: SessionThread;
  readonly #id: number;
  readonly #names: ReadonlySet<string>;

  private constructor(thread: SessionThread, ports: readonly StatePort[], scratch: readonly StatePort[]) {
    this.#thread = thread;
    this.#id = thread.newId();
    this.ports = ports;
    this.#names = new Set([...ports, ...scratch].map(({ name }) => name));
  }

  /** Makes the state in a thread. */
  static async create(thread: SessionThread, options: StateOptions): Promise<HeldState> {
    const { ports, start, scratch = [], inPlace = [] } = options;
    const state = new HeldState(thread, ports, scratch);
    const tensors = [...ports, ...scratch];
    await thread.call('createState', { state: state.#id, tensors, scratch: scratch.map(({ name }) => name), inPlace });
    await state.write(start);
    return state;
  }

  /** Loads kernels that update vectors of this state: WebAssembly modules, and the runs that use them. */
  async loadKernels(modules: readonly Uint8Array<ArrayBuffer>[], calls: readonly KernelCall[]): Promise<KernelsId> {
    const kernels = this.#thread.newId();
    await this.#thread.call('loadKernels', { kernels, state: this.#id, modules, calls });
    return kernels;
  }

  /** Replaces tensors of the state by copies of these. It takes effect before any later call. */
  write(tensors: Readonly<Record<string, Tensor>>): Promise<void> {
    const moved: ArrayBuffer[] | undefined = this.#thread.isWorker ? [] : undefined;
    const sent = Object.entries(tensors).map(([name, tensor]) => [name, toWire(tensor, moved)] as const);
    return this.#thread.call('writeState', { state: this.#id, tensors: Object.fromEntries(sent) }, moved);
  }

  /** Copies of the tensors as they are, and how often the state has been advanced. */
  read(ports: readonly StatePort[] = this.ports): { version: number; tensors: Map<string, Tensor> } {
    return this.#thread.readState(this.#id, ports);
  }

  /**
   * Runs sessions one after the other over the state and gives each one's outputs that are not state. It takes effect as a whole, or
   * not at all if it fails. When the signal aborts first, the promise rejects at once with its reason and the state stays as it was;
   * the thread is free again when the operation under way has ended.
   * @throws ShapeError or DtypeError if the feeds do not fit.
   */
  async advance(phases: readonly AdvancePhase[], signal?: AbortSignal): Promise<Record<string, Tensor>[]> {
    signal?.throwIfAborted();
    const moved: ArrayBuffer[] | undefined = this.#thread.isWorker ? [] : undefined;
    const sent = phases.map(({ session, feeds, kernels }) => ({
      session: session.id,
      ...(kernels === undefined ? {} : { kernels }),
      feeds: {
        // Kernels read numbers that the session does without.
        ...(kernels === undefined ? {} : wired(feeds)),
        ...checkedFeeds(this.#fed(session.inputs), feeds, new Map(), moved),
      },
    }));
    const control = new Int32Array(new SharedArrayBuffer(4));
    const running = this.#thread.call('advance', { state: this.#id, phases: sent, control }, moved);
    const outputs = await (signal === undefined ? running : abortable(running, control, signal));
    if (outputs === 'aborted') throw signal?.reason;
    return outputs.map((one) =>
      Object.fromEntries(Object.entries(one).map(([name, tensor]) => [name, fromWire(tensor)])),
    );
  }

  #fed(inputs: readonly Port[]): readonly Port[] {
    return inputs.filter(({ name }) => !this.#names.has(name));
  }
}

/** The scalars among what is fed. */
function wired(feeds: Feeds): WireTensors {
  const scalars = Object.entries(feeds).filter(([, { shape }]) => shape.length === 0);
  return Object.fromEntries(scalars.map(([name, tensor]) => [name, toWire(tensor, [])]));
}

/** `running`, or a rejection with the signal's reason if the signal aborts before the advance is committed. */
function abortable<T>(running: Promise<T>, control: Int32Array, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = () => {
      const { running, aborted } = advanceStates;
      if (Atomics.compareExchange(control, 0, running, aborted) === running) reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    running.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
