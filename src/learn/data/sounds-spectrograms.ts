/**
 * @file Log-mel spectrograms of many clips, made once and kept on disk as float16 in shards named by a hash of all that they depend on, as
 * `features.ts` keeps features. T: frames of a clip; M: mel bands.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { FormatError, float16Bits, float16Value, type OnProgress, Tensor } from '../../engine/core/index.ts';
import { readSafetensors, writeSafetensors } from '../../engine/formats/index.ts';
import { logMel } from '../../media/index.ts';

/** M */
export const numMelBands = 64;

/** Spectrograms of a list of clips, each of its own length. */
export interface Spectrograms {
  readonly length: number;
  /** T of a clip. */
  numFrames(clip: number): number;
  /** Writes frames `start` to `end` of a clip into `to` from `at` on, M numbers a frame. */
  copy(clip: number, start: number, end: number, to: Float32Array, at: number): void;
}

/** What `cachedSpectrograms` needs. */
export interface SpectrogramOptions<Item> {
  readonly items: readonly Item[];
  /** A text that tells an item apart from all that sound otherwise. */
  readonly keyOf: (item: Item) => string;
  /** The samples of an item, mono at 16 kHz. */
  readonly samplesOf: (item: Item) => Promise<Float32Array>;
  /** The folder of the shards. */
  readonly directory: string;
  /** Longer clips are cut to it, in seconds; 15 if absent. */
  readonly maxSeconds?: number;
  /** Clips in a shard; 256 if absent. */
  readonly shardSize?: number;
  readonly unit: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Clips that are made at the same time: programs that speak run beside us. */
const numAtOnce = 2;

/** The spectrograms of all items, from the cache where it has them. A stopped run has lost at most one shard. */
export async function cachedSpectrograms<Item>(options: SpectrogramOptions<Item>): Promise<Spectrograms> {
  const { items, shardSize = 256, directory, onProgress, signal, unit } = options;
  await mkdir(directory, { recursive: true });
  const shards: Shard[] = [];
  for (let start = 0; start < items.length; start += shardSize) {
    signal?.throwIfAborted();
    shards.push(await shardOf(items.slice(start, start + shardSize), options));
    const done = Math.min(items.length, start + shardSize);
    onProgress?.({ stage: `spectrograms of ${unit}`, done, total: items.length, unit });
  }
  return joined(shards, items.length, shardSize);
}

/** Float16 bits of several clips, one after another, and the frame at which each begins. */
interface Shard {
  readonly bits: Uint16Array;
  readonly starts: Int32Array;
}

/** Spectrograms `[T, M]` as they are, kept in memory. */
export function spectrogramsOf(mels: readonly Tensor<'float32'>[]): Spectrograms {
  return joined([packed(mels)], mels.length, Math.max(1, mels.length));
}

function packed(mels: readonly Tensor<'float32'>[]): Shard {
  const starts = new Int32Array(mels.length + 1);
  mels.forEach((mel, i) => {
    starts[i + 1] = starts[i]! + mel.shape[0]!;
  });
  const bits = new Uint16Array(starts[mels.length]! * numMelBands);
  mels.forEach((mel, i) => {
    bits.set(Uint16Array.from(mel.data, float16Bits), starts[i]! * numMelBands);
  });
  return { bits, starts };
}

async function shardOf<Item>(items: readonly Item[], options: SpectrogramOptions<Item>): Promise<Shard> {
  const { keyOf, directory, samplesOf, maxSeconds = 15, signal } = options;
  const key = JSON.stringify(['log-mel 64 of 16 kHz', maxSeconds, items.map(keyOf)]);
  const path = join(directory, `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.safetensors`);
  const known = await readShard(path, items.length);
  if (known !== undefined) return known;
  const mels: Tensor<'float32'>[] = [];
  for (let start = 0; start < items.length; start += numAtOnce) {
    signal?.throwIfAborted();
    const samples = await Promise.all(items.slice(start, start + numAtOnce).map(samplesOf));
    mels.push(...samples.map((one) => logMel(one.subarray(0, maxSeconds * 16_000))));
  }
  const shard = packed(mels);
  const tensors = new Map<string, Tensor>([
    ['logMel', new Tensor('float16', [shard.bits.length / numMelBands, numMelBands], shard.bits)],
    ['starts', new Tensor('int32', [shard.starts.length], shard.starts)],
  ]);
  await writeFileAtomic(path, Buffer.from(writeSafetensors(tensors)));
  return shard;
}

async function readShard(path: string, numItems: number): Promise<Shard | undefined> {
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes === undefined) return undefined;
  try {
    const { tensors } = readSafetensors(bytes);
    const [mel, starts] = [tensors.get('logMel'), tensors.get('starts')];
    const fits = mel?.dtype === 'float16' && starts?.dtype === 'int32' && starts.shape[0] === numItems + 1;
    return fits ? { bits: mel.data as Uint16Array, starts: starts.data as Int32Array } : undefined;
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

/** float16 is read a million times a second in training; a table of all 65,536 values is the quickest way. */
let values: Float32Array | undefined;

function joined(shards: readonly Shard[], length: number, shardSize: number): Spectrograms {
  values ??= Float32Array.from({ length: 65_536 }, (_, bits) => float16Value(bits));
  const table = values;
  const place = (clip: number) => {
    if (!(clip >= 0 && clip < length))
      throw new RangeError(`spectrograms: there are ${length} clips, asked for ${clip}`);
    return { shard: shards[Math.floor(clip / shardSize)]!, row: clip % shardSize };
  };
  const numFrames = (clip: number) => {
    const { shard, row } = place(clip);
    return shard.starts[row + 1]! - shard.starts[row]!;
  };
  return {
    length,
    numFrames,
    copy(clip, start, end, to, at) {
      if (!(start >= 0 && start <= end && end <= numFrames(clip))) {
        throw new RangeError(`spectrograms: clip ${clip} has ${numFrames(clip)} frames, asked for ${start} to ${end}`);
      }
      const { shard, row } = place(clip);
      const from = (shard.starts[row]! + start) * numMelBands;
      const count = (end - start) * numMelBands;
      for (let i = 0; i < count; i++) to[at + i] = table[shard.bits[from + i]!]!;
    },
  };
}
