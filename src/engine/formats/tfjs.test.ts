import { describe, expect, it } from 'vitest';
import { FormatError } from '../core/index.ts';
import { readTfjsModel, tfjsShardPaths } from './tfjs.ts';

const topology = { node: [] };

function modelOf(weights: unknown[], paths = ['shard1']): unknown {
  return { modelTopology: topology, weightsManifest: [{ paths, weights }] };
}

describe('readTfjsModel', () => {
  it('takes weights across shard boundaries, in order', () => {
    const whole = new Uint8Array(Float32Array.of(1.5, -2, 3).buffer);
    const json = modelOf(
      [
        { name: 'a', shape: [2], dtype: 'float32' },
        { name: 'b', shape: [], dtype: 'float32' },
      ],
      ['one', 'two'],
    );
    expect(tfjsShardPaths(json)).toEqual(['one', 'two']);
    const { weights, format } = readTfjsModel(json, [whole.subarray(0, 5), whole.subarray(5)]);
    expect(format).toBe('graph-model');
    expect(Array.from(weights.get('a')!.data as Float32Array)).toEqual([1.5, -2]);
    expect(weights.get('b')!.shape).toEqual([]);
  });

  it('takes weights from a Node Buffer inside a larger one', () => {
    const pool = Buffer.from([9, 9, 9, 0, 0, 0x80, 0x3f]);
    const { weights } = readTfjsModel(modelOf([{ name: 'a', shape: [1], dtype: 'float32' }]), [pool.subarray(3)]);
    expect(Array.from(weights.get('a')!.data as Float32Array)).toEqual([1]);
  });

  it('decodes every quantization', () => {
    const specs = [
      { name: 'u8', shape: [2], dtype: 'float32', quantization: { dtype: 'uint8', scale: 0.5, min: -1 } },
      { name: 'u16', shape: [1], dtype: 'float32', quantization: { dtype: 'uint16', scale: 2, min: 10 } },
      { name: 'ints', shape: [2], dtype: 'int32', quantization: { dtype: 'uint8', scale: 0.4, min: 0 } },
      { name: 'f16', shape: [6], dtype: 'float32', quantization: { dtype: 'float16' } },
    ];
    // 1, -2, 2^-24, the largest (65504), infinity, zero.
    const halves = [0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x0000];
    const bytes = Uint8Array.of(0, 4, 0x00, 0x01, 1, 4, ...halves.flatMap((bits) => [bits & 255, bits >> 8]));
    const { weights } = readTfjsModel(modelOf(specs), [bytes]);
    const values = (name: string) => Array.from(weights.get(name)!.data as Float32Array);
    expect(values('u8')).toEqual([-1, 1]);
    expect(values('u16')).toEqual([522]);
    expect(values('ints')).toEqual([0, 2]);
    expect(values('f16')).toEqual([1, -2, 2 ** -24, 65504, Number.POSITIVE_INFINITY, 0]);
    expect([weights.get('ints')!.dtype, weights.get('f16')!.dtype]).toEqual(['int32', 'float32']);
  });

  const one = { name: 'a', shape: [1], dtype: 'float32' };
  it.each([
    ['text for a model', 'x', 'model.json must be an object'],
    ['no topology', { weightsManifest: [] }, 'modelTopology'],
    ['an empty topology', { modelTopology: {}, weightsManifest: [] }, 'neither'],
    ['no manifest', { modelTopology: topology }, 'weightsManifest must be a list'],
    ['too few shards', modelOf([one], ['x', 'y']), 'names 2 shards, got 1'],
    ['a weight beyond the shards', modelOf([{ ...one, shape: [2] }]), '"a" needs bytes 0 to 8'],
    ['an absurd weight', modelOf([{ ...one, shape: [2 ** 50, 2 ** 50] }]), '"a" needs bytes'],
    ['bytes left over', modelOf([]), 'use 0 of 4 bytes'],
    ['a weight of text', modelOf([{ ...one, dtype: 'string' }]), '"a": dtype'],
    ['a fractional shape', modelOf([{ ...one, shape: [0.5] }]), '"a": shape'],
    [
      'an unknown quantization',
      modelOf([{ ...one, quantization: { dtype: 'int4', scale: 1, min: 0 } }]),
      '"a": quantization',
    ],
    [
      'a scale that is no number',
      modelOf([{ ...one, quantization: { dtype: 'uint8', scale: '1', min: 0 } }]),
      '"a": quantization',
    ],
    ['a name twice', modelOf([{ ...one, shape: [0] }, one, one]), 'two weights are named "a"'],
  ])('refuses %s, naming the place', (_, json, message) => {
    const read = () => readTfjsModel(json, [new Uint8Array(4)]);
    expect(read).toThrow(FormatError);
    expect(read).toThrow(message);
  });
});
