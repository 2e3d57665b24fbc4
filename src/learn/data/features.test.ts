import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Progress, Tensor } from '../../engine/core/index.ts';
import { writeSafetensors } from '../../engine/formats/index.ts';
import { cachedFeatures, type FeatureOptions } from './features.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sensorium-features-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** The items that were encoded; an item's features are itself and its square. */
class Encoder {
  readonly calls: number[][] = [];
  failAt?: number;

  encode = async (items: readonly number[]): Promise<Tensor<'float32'>> => {
    if (this.failAt !== undefined && items.includes(this.failAt)) throw new Error(`cannot encode ${this.failAt}`);
    this.calls.push([...items]);
    return table(items);
  };
}

function table(items: readonly number[]): Tensor<'float32'> {
  const rows = items.flatMap((item) => [item, item * item]);
  return new Tensor('float32', [items.length, 2], Float32Array.from(rows));
}

const items = Array.from({ length: 10 }, (_, i) => i + 1);

function features(encoder: Encoder, changes: Partial<FeatureOptions<number>> = {}) {
  const { encode } = encoder;
  return cachedFeatures<number>({
    items,
    keyOf: String,
    encoderId: 'squares-1',
    encode,
    directory,
    shardSize: 4,
    batchSize: 3,
    unit: 'numbers',
    ...changes,
  });
}

const shards = () => readdir(directory).then((names) => names.sort());

describe('cachedFeatures', () => {
  it('encodes every item once, in order, a shard at a time and a batch at a time', async () => {
    const encoder = new Encoder();
    const progress: Progress[] = [];
    expect(await features(encoder, { onProgress: (one) => progress.push(one) })).toEqual(table(items));
    expect(encoder.calls).toEqual([[1, 2, 3], [4], [5, 6, 7], [8], [9, 10]]);
    expect(await shards()).toHaveLength(3);
    expect(progress.map(({ done }) => done)).toEqual([3, 4, 7, 8, 10]);
    expect(progress.every(({ total, unit }) => total === 10 && unit === 'numbers')).toBe(true);
  });

  it('does not encode again what it has', async () => {
    await features(new Encoder());
    const again = new Encoder();
    expect(await features(again)).toEqual(table(items));
    expect(again.calls).toEqual([]);
    expect(await shards()).toHaveLength(3);
  });

  it('goes on after a failure from the last whole shard', async () => {
    const failing = new Encoder();
    failing.failAt = 8;
    await expect(features(failing)).rejects.toThrow('cannot encode 8');
    expect(await shards()).toHaveLength(1);
    const resumed = new Encoder();
    expect(await features(resumed)).toEqual(table(items));
    expect(resumed.calls.flat()).toEqual([5, 6, 7, 8, 9, 10]);
  });

  it('stops when it is told to, and keeps whole shards', async () => {
    const controller = new AbortController();
    const stopped = features(new Encoder(), {
      signal: controller.signal,
      onProgress: ({ done }) => {
        if (done === 7) controller.abort(new Error('stopped'));
      },
    });
    await expect(stopped).rejects.toThrow('stopped');
    expect(await shards()).toHaveLength(1);
  });

  it('makes a damaged shard anew: cut off, garbage, of another length, of another type, without features', async () => {
    await features(new Encoder());
    const names = await shards();
    const encode = async () => {
      const encoder = new Encoder();
      expect(await features(encoder)).toEqual(table(items));
      return encoder.calls.flat();
    };
    const contents = await Promise.all(names.map((name) => readFile(join(directory, name))));
    const first = contents.map((bytes) => bytes.readFloatLE(shardStart(bytes)));
    const path = join(directory, names[first.indexOf(5)]!);
    const whole = await readFile(path);
    const damaged: Record<string, Uint8Array> = {
      'cut off': whole.subarray(0, whole.length - 5),
      garbage: Buffer.from('no shard'),
      empty: Buffer.alloc(0),
      'another length': writeSafetensors(new Map([['features', table([1, 2])]])),
      'another type': writeSafetensors(new Map([['features', new Tensor('float64', [4, 2], new Float64Array(8))]])),
      'another rank': writeSafetensors(new Map([['features', new Tensor('float32', [4], new Float32Array(4))]])),
      'without features': writeSafetensors(new Map([['other', table([5, 6, 7, 8])]])),
    };
    for (const [name, bytes] of Object.entries(damaged)) {
      await writeFile(path, bytes);
      expect(await encode(), name).toEqual([5, 6, 7, 8]);
      expect(await readFile(path), name).toEqual(whole);
    }
  });

  it('keeps the features of another encoder, and of other items, in other shards', async () => {
    await features(new Encoder());
    const other = new Encoder();
    await features(other, { encoderId: 'squares-2' });
    expect(other.calls.flat()).toEqual(items);
    expect(await shards()).toHaveLength(6);
    const changed = new Encoder();
    await features(changed, { items: [...items.slice(0, 9), 11] });
    expect(changed.calls.flat()).toEqual([9, 11]);
    expect(await shards()).toHaveLength(7);
  });

  it('refuses to give features of nothing', async () => {
    await expect(features(new Encoder(), { items: [] })).rejects.toThrow(RangeError);
  });
});

/** Where the data of a safetensors file begin. */
function shardStart(bytes: Buffer): number {
  return 8 + Number(bytes.readBigUInt64LE(0));
}
