/**
 * @file What runs kernels over state in WebAssembly memory. Like the host of sessions it is sent to worker threads as text:
 * `kernelHost` uses nothing from outside itself but types.
 */

/** Where a kernel finds a vector or a number: in the state, among the session's outputs, or among what the session is fed. */
export interface KernelSource {
  readonly kind: 'state' | 'output' | 'feed';
  readonly name: string;
}

/** One run of a kernel, which updates vectors of the state where they lie. */
export interface KernelCall {
  /** Which of the WebAssembly modules that came with it. */
  readonly program: number;
  readonly numElements: number;
  readonly vectors: readonly KernelSource[];
  readonly scalars: readonly KernelSource[];
  /** The state that is written. */
  readonly writes: readonly string[];
}

/** Memory for the state that kernels update, and what it holds. */
export interface KernelRoom {
  readonly memory: WebAssembly.Memory;
  /** The state, by name. */
  readonly views: ReadonlyMap<string, Float32Array>;
  /** Where pieces of vectors from outside are put, one after the other. */
  readonly pieces: readonly Float32Array[];
}

/** Kernels that are ready to run. */
export interface LoadedKernels {
  readonly programs: readonly ((...parameters: number[]) => void)[];
  readonly calls: readonly KernelCall[];
  /** The session's outputs that only kernels use. */
  readonly taken: ReadonlySet<string>;
  readonly writesOnlyScratch: boolean;
}

/** What runs kernels. */
export interface KernelHost {
  /** Zeroed room for float32 tensors. */
  room(tensors: readonly { readonly name: string; readonly shape: readonly number[] }[]): KernelRoom;
  /** Makes kernels from WebAssembly modules that import `env.memory` and export `run`. */
  load(
    room: KernelRoom,
    modules: readonly Uint8Array<ArrayBuffer>[],
    calls: readonly KernelCall[],
    scratch: readonly string[],
  ): LoadedKernels;
  /** Runs every call, then frees the memory of the outputs that only kernels use. */
  run(kernels: LoadedKernels, room: KernelRoom, arrayOf: (source: KernelSource) => Float32Array): void;
}

/** Runs kernels in this thread. */
export function kernelHost(): KernelHost {
  /** How many elements of a vector from outside lie in WebAssembly memory at a time, and of how many vectors. */
  const [pieceLength, numPieces] = [16384, 8];
  /** What is sent into this channel, whose other end is closed, has its memory freed at once instead of at the next collection. */
  let discarded: MessagePort | undefined;

  function discard(arrays: readonly Float32Array[]): void {
    if (discarded === undefined) {
      const { port1, port2 } = new MessageChannel();
      port2.close();
      discarded = port1;
    }
    const buffers = new Set(arrays.map(({ buffer }) => buffer as ArrayBuffer));
    discarded.postMessage(
      null,
      [...buffers].filter(({ byteLength }) => byteLength > 4096),
    );
  }

  return {
    room(tensors) {
      const aligned = (numElements: number) => Math.ceil(numElements / 16) * 64;
      const sizes = tensors.map(({ shape }) => shape.reduce((a, b) => a * b, 1));
      const numBytes = sizes.reduce((sum, size) => sum + aligned(size), 4 * pieceLength * numPieces);
      const memory = new WebAssembly.Memory({ initial: Math.ceil(numBytes / 65536) });
      const pieces = Array.from(
        { length: numPieces },
        (_, i) => new Float32Array(memory.buffer, 4 * pieceLength * i, pieceLength),
      );
      let offset = 4 * pieceLength * numPieces;
      const views = new Map<string, Float32Array>();
      tensors.forEach(({ name }, i) => {
        views.set(name, new Float32Array(memory.buffer, offset, sizes[i]!));
        offset += aligned(sizes[i]!);
      });
      return { memory, views, pieces };
    },
    load({ memory }, modules, calls, scratchNames) {
      const programs = modules.map((bytes) => {
        const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
        return instance.exports.run as (...parameters: number[]) => void;
      });
      const sources = calls.flatMap(({ vectors, scalars }) => [...vectors, ...scalars]);
      const taken = new Set(sources.filter(({ kind }) => kind === 'output').map(({ name }) => name));
      const scratch = new Set(scratchNames);
      const writesOnlyScratch = calls.every(({ writes }) => writes.every((name) => scratch.has(name)));
      return { programs, calls, taken, writesOnlyScratch };
    },
    run({ programs, calls, taken }, { views, pieces }, arrayOf) {
      for (const { program, numElements, vectors, scalars, writes } of calls) {
        const numbers = scalars.map((source) => Number(arrayOf(source)[0]));
        const read = vectors.map(arrayOf);
        const written = writes.map((name) => views.get(name)!.byteOffset);
        for (let from = 0; from < numElements; from += pieceLength) {
          const length = Math.min(pieceLength, numElements - from);
          let piece = 0;
          const addresses = read.map((array, i) => {
            if (views.has(vectors[i]!.name)) return array.byteOffset + 4 * from;
            const into = pieces[piece++]!;
            into.set(array.subarray(from, from + length));
            return into.byteOffset;
          });
          programs[program]!(
            Math.ceil(length / 4) * 4,
            ...addresses,
            ...written.map((address) => address + 4 * from),
            ...numbers,
          );
        }
      }
      discard([...taken].map((name) => arrayOf({ kind: 'output', name })));
    },
  };
}
