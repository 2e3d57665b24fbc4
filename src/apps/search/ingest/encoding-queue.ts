/**
 * @file Inputs on their way through the encoder: those of a kind are encoded together, as many as wait when it is free; whoever brings more than fits waits.
 *
 * D: dimension of the vectors.
 */
import { ShapeError } from '../../../engine/core/index.ts';
import { type EncoderInput, encodeInputs } from '../encode-inputs.ts';
import type { LibraryEncoder } from '../library-encoder.ts';

/** Inputs that may wait; a clip takes 0.6 MB. */
const maxWaiting = 96;

/** Inputs of a kind that are encoded at once. */
const batchOf: Readonly<Record<EncoderInput['kind'], number>> = { image: 32, audio: 8, video: 8, text: 32 };

interface Waiting {
  readonly input: EncoderInput;
  readonly resolve: (vector: Float32Array) => void;
  readonly reject: (error: unknown) => void;
}

/** A queue before an encoder. */
export class EncodingQueue {
  readonly #encoder: LibraryEncoder;
  readonly #waiting: Waiting[] = [];
  readonly #wantRoom: (() => void)[] = [];
  #isRunning = false;

  constructor(encoder: LibraryEncoder) {
    this.#encoder = encoder;
  }

  /** Resolves when there is room for one more. */
  async room(): Promise<void> {
    while (this.#waiting.length >= maxWaiting) await new Promise<void>((resolve) => this.#wantRoom.push(resolve));
  }

  /** The unit vector `[D]` of an input; values that are not finite are the encoder's. @throws what the encoder throws. */
  encode(input: EncoderInput): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ input, resolve, reject });
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // What is brought in the same turn is encoded together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      try {
        const { data, shape } = await encodeInputs(
          this.#encoder,
          batch.map(({ input }) => input),
        );
        const { id, dim } = this.#encoder;
        if (shape[0] !== batch.length || shape[1] !== dim) {
          throw new ShapeError(`encoder ${id}: must give [${batch.length},${dim}], got [${shape}]`);
        }
        batch.forEach(({ resolve }, i) => {
          resolve(data.slice(i * dim, (i + 1) * dim));
        });
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
      for (const resolve of this.#wantRoom.splice(0)) resolve();
    }
    this.#isRunning = false;
  }

  /** The next inputs to be encoded: those of the same kind as the one that waits longest. */
  #take(): Waiting[] {
    const { kind } = this.#waiting[0]!.input;
    const batch: Waiting[] = [];
    for (let i = 0; i < this.#waiting.length && batch.length < batchOf[kind]; ) {
      if (this.#waiting[i]!.input.kind === kind) batch.push(...this.#waiting.splice(i, 1));
      else i++;
    }
    return batch;
  }
}
