/**
 * @file Where sessions run: in the calling thread, or in a worker thread with the event loop left free (onnxruntime-node 1.30 returns
 * a promise but computes before it, on the thread that asked). ONNX Runtime takes no shared memory, so state stays with the
 * worker; what goes to a run is copied there, what comes from it moves here.
 */

import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import ort from 'onnxruntime-node';
import { type AnyTensor, dtypes, type NumericDtype, numElements, Tensor } from '../core/index.ts';
import { kernelHost } from './kernel-host.ts';
import {
  type HostMethod,
  type HostReply,
  type HostRequest,
  type SessionHost,
  type StateReading,
  serveRequests,
  sessionHost,
  type WireTensor,
} from './session-host.ts';

/** Thrown when the worker thread of a session ended while it was needed. */
export class WorkerError extends Error {
  override readonly name = 'WorkerError';
}

/** What a call of a host method comes to. */
type ResultOf<M extends HostMethod> = Awaited<ReturnType<SessionHost[M]>>;

/** A place where sessions run. */
export interface SessionThread {
  /** Whether calls leave the event loop free. */
  readonly isWorker: boolean;
  /** A number that no session or state of this thread has. */
  newId(): number;
  /**
   * Calls a method of the host. Calls take place in their order.
   * @param moved memory in the argument that may leave the calling thread.
   * @throws WorkerError if the thread has ended.
   */
  call<M extends HostMethod>(
    method: M,
    argument: Parameters<SessionHost[M]>[0],
    moved?: readonly ArrayBuffer[],
  ): Promise<ResultOf<M>>;
  /** Copies of tensors of a state, and its version; waits, with the event loop, while a run takes the thread. */
  readState(state: number, ports: readonly StatePort[]): { version: number; tensors: Map<string, Tensor> };
  /** Ends the thread, and with it its sessions. */
  close(): Promise<void>;
}

/** The name and type of a tensor of a state. */
export interface StatePort {
  readonly name: string;
  readonly dtype: NumericDtype;
  readonly shape: readonly number[];
}

/** The bytes that a reading of state copies at a time, unless one tensor has more. */
const readingBytes = 8 << 20;

/** The calling thread. */
export function callingThread(): SessionThread {
  const host = sessionHost(ort, kernelHost());
  const loaded = new Set<number>();
  let nextId = 0;
  return {
    isWorker: false,
    newId: () => nextId++,
    async call(method, argument) {
      if (method === 'load') loaded.add((argument as Parameters<SessionHost['load']>[0]).session);
      return (await (host[method] as (a: unknown) => unknown)(argument)) as never;
    },
    readState(state, ports) {
      const tensors = ports.map(({ name, dtype, shape }) => {
        const data = (host.peek(state, name) as Float32Array).slice();
        return [name, new Tensor(dtype, shape, data as Tensor['data'])] as const;
      });
      return { version: host.version(state), tensors: new Map(tensors) };
    },
    async close() {
      await Promise.all([...loaded].map((session) => host.release(session)));
    },
  };
}

/** The text that a worker thread runs. */
const workerText = `
const { parentPort, workerData } = require('node:worker_threads');
const host = (${sessionHost})(require(workerData.runtime), (${kernelHost})());
(${serveRequests})(host, parentPort);
process.on('exit', () => { Atomics.store(workerData.ended, 0, 1); });
`;

/** A worker thread of its own. It does not keep the process alive unless it has work. */
export class WorkerThread implements SessionThread {
  readonly isWorker = true;
  /** The thread; for tests that end it. */
  readonly worker: Worker;
  readonly #pending = new Map<number, { resolve(result: never): void; reject(error: Error): void }>();
  readonly #ended = new Int32Array(new SharedArrayBuffer(4));
  #nextId = 0;
  #nextCall = 0;
  #exit: WorkerError | undefined;

  constructor() {
    this.worker = new Worker(workerText, {
      eval: true,
      execArgv: [],
      name: 'sensorium session',
      workerData: { runtime: createRequire(import.meta.url).resolve('onnxruntime-node'), ended: this.#ended },
    });
    this.worker.unref();
    this.worker.on('message', (reply: HostReply) => this.#settle(reply));
    let cause: unknown;
    this.worker.on('error', (error) => {
      cause = error;
    });
    this.worker.on('exit', (code) => {
      const why = cause === undefined ? `with code ${code}` : `by an error: ${(cause as Error).message}`;
      this.#exit ??= new WorkerError(`Executable: its worker thread ended ${why}; compile again`, { cause });
      for (const { reject } of this.#pending.values()) reject(this.#exit);
      this.#pending.clear();
    });
  }

  newId(): number {
    return this.#nextId++;
  }

  call<M extends HostMethod>(
    method: M,
    argument: Parameters<SessionHost[M]>[0],
    moved: readonly ArrayBuffer[] = [],
  ): Promise<ResultOf<M>> {
    if (this.#exit !== undefined) return Promise.reject(this.#exit);
    return new Promise((resolve, reject) => {
      const request: HostRequest = { id: this.#nextCall++, method, argument };
      this.#pending.set(request.id, { resolve: resolve as (result: never) => void, reject });
      if (this.#pending.size === 1) this.worker.ref();
      this.worker.postMessage(request, moved);
    });
  }

  #settle(reply: HostReply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    // While it is closed, a late reply must not take away what keeps the process waiting for its end.
    if (this.#pending.size === 0 && this.#exit === undefined) this.worker.unref();
    if ('error' in reply) pending?.reject(reply.error);
    else pending?.resolve(reply.result as never);
  }

  readState(state: number, ports: readonly StatePort[]): { version: number; tensors: Map<string, Tensor> } {
    const sizeOf = ({ dtype, shape }: StatePort) => numElements(shape) * dtypes[dtype].bytes;
    for (;;) {
      const versions = new Set<number>();
      const tensors = new Map<string, Tensor>();
      for (let from = 0, to = 0; from < ports.length; from = to) {
        let numBytes = 0;
        do numBytes += sizeOf(ports[to++]!);
        while (to < ports.length && numBytes + sizeOf(ports[to]!) <= readingBytes);
        const into = new Uint8Array(new SharedArrayBuffer(numBytes));
        const some = ports.slice(from, to);
        versions.add(this.#read(state, some, into));
        let offset = 0;
        for (const port of some) {
          const bytes = new Uint8Array(into.subarray(offset, offset + sizeOf(port)));
          tensors.set(port.name, tensorOver(port, bytes.buffer));
          offset += sizeOf(port);
        }
      }
      // A run may have ended between two parts: then all of it is read anew.
      if (versions.size <= 1) return { version: [...versions][0] ?? 0, tensors };
    }
  }

  #read(state: number, ports: readonly StatePort[], into: Uint8Array): number {
    const done = new Int32Array(new SharedArrayBuffer(8));
    const reading: StateReading = { state, names: ports.map(({ name }) => name), into, done };
    if (this.#exit === undefined) this.worker.postMessage(reading);
    while (Atomics.load(done, 0) === 0) {
      if (this.#exit !== undefined || Atomics.load(this.#ended, 0) === 1) {
        throw this.#exit ?? new WorkerError('Executable: its worker thread has ended; compile again');
      }
      Atomics.wait(done, 0, 0, 100);
    }
    return done[1]!;
  }

  async close(): Promise<void> {
    this.#exit ??= new WorkerError('Executable: it is closed');
    for (const { reject } of this.#pending.values()) reject(this.#exit);
    this.#pending.clear();
    // Without this, a process with nothing else to do would end in the middle of the wait.
    this.worker.ref();
    await this.worker.terminate();
  }
}

function tensorOver({ dtype, shape }: StatePort, buffer: ArrayBuffer): Tensor {
  return new Tensor(dtype, shape, new dtypes[dtype].array(buffer, 0, numElements(shape)));
}

/** Arrays above this many bytes are copied once and moved; below it two copies cost less. */
const movedFrom = 64 << 10;

/**
 * A tensor as it goes to a host. Without `moved` it shares the tensor's memory; with it, for another thread, it is a copy, whose
 * memory is added to `moved`, or will be copied when it is sent.
 */
export function toWire(tensor: AnyTensor, moved?: ArrayBuffer[]): WireTensor {
  const { dtype, shape, data } = tensor;
  if (moved === undefined || !ArrayBuffer.isView(data)) return { dtype, shape, data };
  // Sending a view copies all of the memory behind it, and shared memory is not copied at all.
  const isWhole = data.byteLength === data.buffer.byteLength && data.buffer instanceof ArrayBuffer;
  if (isWhole && data.byteLength < movedFrom) return { dtype, shape, data };
  const copy = data.slice();
  moved.push(copy.buffer as ArrayBuffer);
  return { dtype, shape, data: copy };
}

/** The tensor that came from a host; float16 as bits, also where the platform has a Float16Array. */
export function fromWire({ dtype, shape, data }: WireTensor): Tensor {
  const bits =
    dtype === 'float16' && !(data instanceof Uint16Array)
      ? new Uint16Array((data as Uint8Array).buffer, (data as Uint8Array).byteOffset, (data as Uint8Array).length)
      : data;
  return new Tensor(dtype as NumericDtype, shape, bits as Tensor['data']);
}
