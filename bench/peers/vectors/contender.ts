/** @file What every contender of the bench `search-index` does, and how packages that only this bench needs are found. */
import { createRequire } from 'node:module';

/** Unit vectors with a class each. */
export interface Rows {
  /** `[N, dim]`. */
  readonly vectors: Float32Array;
  readonly dim: number;
  /** `[N]`, in [0, 50): a filter asks for one of them. */
  readonly classes: Uint8Array;
}

/** An index of vectors that can be asked. */
export interface OpenIndex {
  /**
   * The numbers of the `top` nearest rows by cosine, best first.
   * @param effort how hard it searches; one of the contender's `efforts`.
   * @param ofClass only rows of this class.
   */
  search(query: Float32Array, top: number, effort: number, ofClass?: number): Promise<number[]>;
  close(): Promise<void>;
}

/** One way to index vectors. */
export interface Contender {
  /** From the quickest to the most exact search; 0 where it needs no telling. */
  readonly efforts: readonly number[];
  readonly canFilter: boolean;
  /** Indexes rows and keeps them under `directory`, until they can be asked. */
  build(rows: Rows, directory: string): Promise<void>;
  /** Opens what was built, in a process that did not build it. */
  open(directory: string, dim: number): Promise<OpenIndex>;
}

/**
 * A package from this folder's own `node_modules` (`npm ci --prefix bench/peers/vectors`): some of them compile or fetch on installation, which
 * the repository's own installation must not depend on.
 */
export function peerPackage<T>(name: string): T {
  return createRequire(import.meta.url)(name) as T;
}
