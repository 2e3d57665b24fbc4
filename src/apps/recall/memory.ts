/**
 * @file What an encoder remembers: pictures, sounds and moving pictures as vectors, asked for by modality, since cosines of different modalities do not
 * compare. Vectors are kept on disk if a folder is given, so that a second start does not encode again. D: dimension of the space.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import type { Encoder, Modality } from '../../bundle/index.ts';
import { type OnProgress, Tensor } from '../../engine/core/index.ts';
import { readSafetensors, writeSafetensors } from '../../engine/formats/index.ts';
import { encodeInput, type RecallInput } from './encode-input.ts';

/** What can be remembered beside texts. */
export type MediaModality = Exclude<Modality, 'text'>;

/** A file to remember. */
export interface MemoryItem {
  readonly modality: MediaModality;
  /** The path of the file. */
  readonly path: string;
  /** What it is called in English, if that is known: links it to its facts. */
  readonly name?: string;
}

/** A remembered file, and how near it is. */
export interface Recalled extends MemoryItem {
  /** Cosine with what was asked. */
  readonly score: number;
}

/** Something that can be asked for what is near to a vector. */
export interface Memory {
  /** The encoder that its vectors come from. */
  readonly encoderId: string;
  /** The `top` files of a modality nearest to a unit vector `[D]`, best first. */
  nearest(modality: MediaModality, vector: Float32Array, top: number): Promise<readonly Recalled[]>;
}

/** Options of `remember`. */
export interface RememberOptions {
  /** A folder in which vectors are kept; none if absent. */
  readonly cacheDirectory?: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Files that are kept together on disk: what a stopped run loses at most. */
const shardSize = 64;

/**
 * Encodes files and remembers them. Items of modalities that the encoder does not take are left out.
 * @throws MediaError naming the file that cannot be read.
 */
export async function remember(
  encoder: Encoder,
  items: readonly MemoryItem[],
  options: RememberOptions = {},
): Promise<Memory> {
  const known = items.filter(({ modality }) => encoder.modalities.includes(modality));
  const vectors = await keptVectors(
    encoder,
    known.map(({ modality, path }) => `${modality} ${path}`),
    options,
    (i) => encodeInput(encoder, inputOf(known[i]!), options.signal),
  );
  return {
    encoderId: encoder.id,
    async nearest(modality, vector, top) {
      const rows = known.flatMap((item, row) => (item.modality === modality ? [row] : []));
      return nearestRows(vectors, rows, vector, top).map(({ row, score }) => ({ ...known[row]!, score }));
    },
  };
}

function inputOf({ modality, path }: MemoryItem): RecallInput {
  if (modality === 'image') return { picture: path };
  return modality === 'audio' ? { audio: path } : { video: path };
}

/** Rows of `vectors` `[N, D]` with the greatest dot products, best first. */
export function nearestRows(
  { shape, data }: Tensor<'float32'>,
  rows: readonly number[],
  vector: Float32Array,
  top: number,
): { readonly row: number; readonly score: number }[] {
  const dim = shape[1]!;
  const scored = rows.map((row) => {
    let score = 0;
    for (let d = 0; d < dim; d++) score += data[row * dim + d]! * vector[d]!;
    return { row, score };
  });
  return scored.sort((a, b) => b.score - a.score || a.row - b.row).slice(0, top);
}

/**
 * Vectors `[N, D]` of things with names, out of the folder where it has them.
 * @param encode gives the vector of one thing, or of `shardSize` from it on, one after another.
 */
export async function keptVectors(
  { id, dim }: Encoder,
  names: readonly string[],
  { cacheDirectory, onProgress, signal }: RememberOptions,
  encode: (index: number) => Promise<Float32Array>,
): Promise<Tensor<'float32'>> {
  const data = new Float32Array(names.length * dim);
  for (let start = 0; start < names.length; start += shardSize) {
    const part = names.slice(start, start + shardSize);
    const key = createHash('sha256')
      .update(JSON.stringify([id, part]))
      .digest('hex')
      .slice(0, 32);
    const path = cacheDirectory === undefined ? undefined : join(cacheDirectory, `${key}.safetensors`);
    const kept = path === undefined ? undefined : await readShard(path, part.length, dim);
    if (kept !== undefined) {
      data.set(kept, start * dim);
      continue;
    }
    for (let i = 0; i < part.length; i++) {
      signal?.throwIfAborted();
      data.set(await encode(start + i), (start + i) * dim);
      onProgress?.({ stage: 'remembering', done: start + i + 1, total: names.length, unit: 'items' });
    }
    if (path !== undefined) {
      await mkdir(cacheDirectory!, { recursive: true });
      const shard = new Tensor('float32', [part.length, dim], data.slice(start * dim, (start + part.length) * dim));
      await writeFileAtomic(path, Buffer.from(writeSafetensors(new Map([['vectors', shard]]))));
    }
  }
  return new Tensor('float32', [names.length, dim], data);
}

/** A shard that is there and whole; a damaged one counts as none. */
async function readShard(path: string, numRows: number, dim: number): Promise<Float32Array | undefined> {
  try {
    const vectors = readSafetensors(await readFile(path)).tensors.get('vectors');
    return vectors?.dtype === 'float32' && vectors.shape.join() === `${numRows},${dim}`
      ? (vectors.data as Float32Array)
      : undefined;
  } catch {
    return undefined;
  }
}
