/** @file A trained head at work: features in, unit vectors `[N, D]` of the shared space out. */
import { FormatError, Tensor } from '../engine/core/index.ts';
import { type Executable, loadExecutable, type NamedTensors, type RuntimeOptions } from '../engine/runtime/index.ts';
import { type Bundle, fileOf } from './bundle-folder.ts';

/** A head that is ready to run. */
export class BundleHead {
  /** Names of the features that it takes. */
  readonly inputs: readonly string[];
  readonly #executable: Executable;
  readonly #dim: number;
  readonly #name: string;

  private constructor(executable: Executable, dim: number, name: string) {
    this.inputs = executable.inputs.map((port) => port.name);
    this.#executable = executable;
    this.#dim = dim;
    this.#name = name;
  }

  /**
   * Opens a head of the bundle.
   * @param given names of the features that there are.
   * @throws FormatError if it is no model, or takes anything else.
   */
  static async open(
    bundle: Bundle,
    file: string,
    given: readonly string[],
    runtime: RuntimeOptions,
  ): Promise<BundleHead> {
    // Heads are small: what a second thread gains, waking it costs.
    const executable = await loadExecutable(fileOf(bundle, file), { ...runtime, numThreads: 1 });
    const unknown = executable.inputs.find((port) => !given.includes(port.name));
    if (unknown !== undefined) {
      await executable.close();
      throw new FormatError(`${file}: the head takes "${unknown.name}", but there is only ${given.join(', ')}`);
    }
    return new BundleHead(executable, bundle.manifest.space.dim, file);
  }

  /** Unit vectors `[N, D]` of features, each `[N, ...]`, by name. @throws FormatError if the head gives anything else. */
  async run(features: NamedTensors): Promise<Tensor<'float32'>> {
    const feeds = Object.fromEntries(this.inputs.map((name) => [name, features[name]!]));
    const embedding = (await this.#executable.run(feeds)).embedding;
    if (embedding?.dtype !== 'float32' || embedding.shape.length !== 2 || embedding.shape[1] !== this.#dim) {
      throw new FormatError(`${this.#name}: the bundle’s head must give "embedding" float32[N, ${this.#dim}]`);
    }
    return embedding as Tensor<'float32'>;
  }

  close(): Promise<void> {
    return this.#executable.close();
  }
}

/** Rows `[n, D]`, computed for a few inputs at a time, as one `[N, D]`. */
export async function inBatches<Item>(
  items: readonly Item[],
  batchSize: number,
  encode: (batch: readonly Item[]) => Promise<Tensor<'float32'>>,
): Promise<Tensor<'float32'>> {
  const parts: Tensor<'float32'>[] = [];
  for (let start = 0; start < items.length; start += batchSize) {
    parts.push(await encode(items.slice(start, start + batchSize)));
  }
  const dim = parts[0]?.shape[1] ?? 0;
  const data = new Float32Array(items.length * dim);
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return new Tensor('float32', [items.length, dim], data);
}
