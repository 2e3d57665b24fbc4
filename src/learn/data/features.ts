/**
 * @file The feature cache: what frozen towers say of every training picture and text, computed once and kept on disk in shards. A shard
 * is named by a hash of all that it depends on, so a cache can be stopped, resumed, shared between runs, and never be stale.
 *
 * N: inputs; F: features.
 */
import { createHash } from 'node:crypto';
import { access, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { FormatError, type OnProgress, Tensor } from '../../engine/core/index.ts';
import { readSafetensors, writeSafetensors } from '../../engine/formats/index.ts';

/** What `cachedFeatures` needs. */
export interface FeatureOptions<Item> {
  readonly items: readonly Item[];
  /** A text that tells an item apart from all that would give other features. */
  readonly keyOf: (item: Item) => string;
  /** Names the encoder and all that it does before encoding; part of every shard's name. */
  readonly encoderId: string;
  /** Features `[n, F]` of a few items. */
  readonly encode: (items: readonly Item[]) => Promise<Tensor<'float32'>>;
  /** The folder of the shards. */
  readonly directory: string;
  /** Items in a shard; 1,024 if absent. */
  readonly shardSize?: number;
  /** Items in one call of `encode`; 64 if absent. */
  readonly batchSize?: number;
  /** What the progress counts: "pictures". */
  readonly unit: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** The features `[N, F]` of all items, from the cache where it has them. A stopped run has lost at most one shard. */
export async function cachedFeatures<Item>(options: FeatureOptions<Item>): Promise<Tensor<'float32'>> {
  const { items, shardSize = 1024, directory, onProgress, signal } = options;
  if (items.length === 0) throw new RangeError('cachedFeatures: there are no items');
  await mkdir(directory, { recursive: true });
  let result: Float32Array | undefined;
  let dim = 0;
  for (let start = 0; start < items.length; start += shardSize) {
    signal?.throwIfAborted();
    const part = items.slice(start, start + shardSize);
    const shard = await shardFeatures(part, options, (done) =>
      onProgress?.({
        stage: `features of ${options.unit}`,
        done: start + done,
        total: items.length,
        unit: options.unit,
      }),
    );
    dim = shard.shape[1]!;
    result ??= new Float32Array(items.length * dim);
    result.set(shard.data, start * dim);
  }
  return new Tensor('float32', [items.length, dim], result!);
}

async function shardFeatures<Item>(
  items: readonly Item[],
  options: FeatureOptions<Item>,
  onDone: (done: number) => void,
): Promise<Tensor<'float32'>> {
  const { keyOf, encoderId, encode, directory, batchSize = 64, signal } = options;
  const hash = createHash('sha256')
    .update(JSON.stringify([encoderId, items.map(keyOf)]))
    .digest('hex');
  const path = join(directory, `${hash.slice(0, 32)}.safetensors`);
  const known = await readShard(path, items.length);
  if (known) {
    onDone(items.length);
    return known;
  }
  const parts: Tensor<'float32'>[] = [];
  for (let start = 0; start < items.length; start += batchSize) {
    signal?.throwIfAborted();
    parts.push(await encode(items.slice(start, start + batchSize)));
    onDone(Math.min(items.length, start + batchSize));
  }
  const features = stackRows(parts);
  await writeFileAtomic(path, Buffer.from(writeSafetensors(new Map([['features', features]]))));
  return features;
}

async function readShard(path: string, numItems: number): Promise<Tensor<'float32'> | undefined> {
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (!exists) return undefined;
  try {
    const features = readSafetensors(await readFile(path)).tensors.get('features');
    const fits = features?.dtype === 'float32' && features.shape.length === 2 && features.shape[0] === numItems;
    return fits ? (features as Tensor<'float32'>) : undefined;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

/** Matrices `[n, F]` stacked to one `[N, F]`. */
export function stackRows(parts: readonly Tensor<'float32'>[]): Tensor<'float32'> {
  const dim = parts[0]?.shape[1] ?? 0;
  const rows = parts.reduce((sum, part) => sum + part.shape[0]!, 0);
  const data = new Float32Array(rows * dim);
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return new Tensor('float32', [rows, dim], data);
}
