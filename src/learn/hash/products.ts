/** @file Products of large matrices on ONNX Runtime, for what is too slow in plain loops. Q, N: rows; D: columns. */
import { Tensor } from '../../engine/core/index.ts';
import { fusedMatMul, spec, trace } from '../../engine/graph/index.ts';
import { compile, type Executable, type RuntimeOptions } from '../../engine/runtime/index.ts';

/** Two kinds of products, ready to run. */
export class Products {
  readonly #across: Executable;
  readonly #within: Executable;

  private constructor(across: Executable, within: Executable) {
    this.#across = across;
    this.#within = within;
  }

  static async open(runtime: RuntimeOptions = {}): Promise<Products> {
    const across = trace(({ a, b }) => fusedMatMul(a, b, { transB: true }), {
      a: spec(['Q', 'D']),
      b: spec(['N', 'D']),
    });
    const within = trace(({ a, b }) => fusedMatMul(a, b, { transA: true }), {
      a: spec(['N', 'D']),
      b: spec(['N', 'E']),
    });
    const [first, second] = await Promise.all([compile(across, runtime), compile(within, runtime)]);
    return new Products(first, second);
  }

  /** a bᵀ: the dot product of every row of `a` `[Q, D]` with every row of `b` `[N, D]`, `[Q, N]`. */
  async dots(a: Tensor<'float32'>, b: Tensor<'float32'>): Promise<Float32Array> {
    const { output } = await this.#across.run({ a, b });
    return output!.data as Float32Array;
  }

  /** aᵀ b: `[N, D]` and `[N, E]` to `[D, E]`. */
  async moments(a: Tensor<'float32'>, b: Tensor<'float32'>): Promise<Float32Array> {
    const { output } = await this.#within.run({ a, b });
    return output!.data as Float32Array;
  }

  async close(): Promise<void> {
    await Promise.all([this.#across.close(), this.#within.close()]);
  }
}

/** The rows of a matrix from `start` to `end`, without a copy. */
export function rowsBetween({ shape, data }: Tensor<'float32'>, start: number, end: number): Tensor<'float32'> {
  const dim = shape[1]!;
  return new Tensor('float32', [end - start, dim], data.subarray(start * dim, end * dim));
}
