/**
 * @file The codes of a bundle: a projection learned with the space whose signs keep neighbourhoods, as its own safetensors file. D: dimension of the space; K: bits.
 */
import { createHash } from 'node:crypto';
import { FormatError, Tensor } from '../engine/core/index.ts';
import { readSafetensors, writeSafetensors } from '../engine/formats/index.ts';

/** What codes are made of: rows of a library by what they are, and what asks. */
export const codeSides = ['image', 'audio', 'video', 'text', 'text-query'] as const;

/** A kind of rows, or texts that ask; other queries are centred as rows of their kind. */
export type CodeSide = (typeof codeSides)[number];

/**
 * How vectors become codes: bit k of a vector v of a side is whether row k of `projection` times (v - `offsets[side]`) is above zero. Codes of one kind of rows
 * compare with the code of a query; those of two kinds of rows do not (the modality gap, arXiv:2203.02053).
 */
export interface Codes {
  /** Names the projection: codes of another do not compare, while vectors do. */
  readonly id: string;
  /** K */
  readonly numBits: 256;
  /** `[K, D]`, row-major. */
  readonly projection: Float32Array;
  /** What is subtracted of vectors, `[D]` by side: the means of training. */
  readonly offsets: Readonly<Record<CodeSide, Float32Array>>;
}

const numBits = 256;

/** The bytes of a file of codes. */
export function writeCodes(codes: Omit<Codes, 'id' | 'numBits'>, dim: number): Uint8Array {
  const tensors = new Map([['projection', new Tensor('float32', [numBits, dim], codes.projection)]]);
  for (const side of codeSides) tensors.set(`offset.${side}`, new Tensor('float32', [dim], codes.offsets[side]));
  return writeSafetensors(tensors);
}

/**
 * Reads a file of codes.
 * @param dim D of the space that they belong to.
 * @throws FormatError naming `path` and what is wrong in it.
 */
export function parseCodes(bytes: Uint8Array, dim: number, path: string): Codes {
  let tensors: ReadonlyMap<string, Tensor>;
  try {
    ({ tensors } = readSafetensors(bytes));
  } catch (cause) {
    throw new FormatError(`${path}: the codes cannot be read: ${(cause as Error).message}`, { cause });
  }
  const read = (name: string, shape: readonly number[]): Float32Array => {
    const tensor = tensors.get(name);
    if (tensor?.dtype !== 'float32' || tensor.shape.join() !== shape.join()) {
      const came = tensor === undefined ? 'nothing' : `${tensor.dtype}[${tensor.shape.join(', ')}]`;
      throw new FormatError(`${path}: codes of this space need ${name} float32[${shape.join(', ')}], got ${came}`);
    }
    const data = tensor.data as Float32Array;
    if (!data.every(Number.isFinite)) throw new FormatError(`${path}: ${name} holds what is no finite number`);
    return data;
  };
  const projection = read('projection', [numBits, dim]);
  const offsets = Object.fromEntries(codeSides.map((side) => [side, read(`offset.${side}`, [dim])]));
  return {
    id: `codes-${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}`,
    numBits,
    projection,
    offsets: offsets as Codes['offsets'],
  };
}
