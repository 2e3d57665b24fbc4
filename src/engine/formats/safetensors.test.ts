import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dtypes, FormatError, float32, type NumericDtype, numElements, Tensor } from '../core/index.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';

const anyTensor = fc
  .record({
    dtype: fc.constantFrom(...(Object.keys(dtypes).filter((dtype) => dtype !== 'string') as NumericDtype[])),
    shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
    seed: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  })
  .map(({ dtype, shape, seed }) => {
    const length = numElements(shape);
    const bytes = Uint8Array.from({ length: length * dtypes[dtype].bytes }, (_, i) =>
      dtype === 'bool' ? seed[i % 8]! & 1 : (seed[i % 8]! * (i + 1)) & 0xff,
    );
    return new Tensor<NumericDtype>(dtype, shape, new dtypes[dtype].array(bytes.buffer, 0, length));
  });

/** A file with the given header text and data. */
function fileOf(header: string, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

const entry = (dtype: string, shape: number[], offsets: number[]) => ({ dtype, shape, data_offsets: offsets });

function bitsOf(tensor: Tensor): number[] {
  return Array.from(new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength));
}

describe('safetensors', () => {
  it('reads back what it wrote: names, types, shapes, bits and metadata', () => {
    const anyName = fc
      .oneof(fc.string(), fc.constantFrom('__proto__', '0', 'a.b', '"'))
      .filter((n) => n !== '__metadata__');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(anyName, anyTensor), { maxLength: 6 }),
        fc.dictionary(fc.string({ minLength: 1, unit: 'grapheme-ascii' }), fc.string()),
        (entries, metadata) => {
          const tensors = new Map(entries);
          const read = readSafetensors(writeSafetensors(tensors, metadata));
          expect(new Set(read.tensors.keys())).toEqual(new Set(tensors.keys()));
          expect({ ...read.metadata }).toEqual({ ...metadata });
          for (const [name, tensor] of tensors) {
            const back = read.tensors.get(name)!;
            expect([back.dtype, back.shape]).toEqual([tensor.dtype, tensor.shape]);
            expect(bitsOf(back)).toEqual(bitsOf(tensor));
          }
        },
      ),
    );
  });

  it('lays the bytes out as the format says', () => {
    const bytes = writeSafetensors(new Map([['w', float32([1])]]));
    expect(bytes[0]! % 8).toBe(0);
    expect(Array.from(bytes.subarray(-4))).toEqual([0, 0, 0x80, 0x3f]);
    expect(JSON.parse(new TextDecoder().decode(bytes.subarray(8, -4)))).toEqual({ w: entry('F32', [1], [0, 4]) });
  });

  it('reads a Node Buffer that lies at an odd place in a larger one', () => {
    const file = writeSafetensors(new Map([['w', float32([1, 2, 3])]]));
    const pool = Buffer.alloc(file.length + 3);
    pool.set(file, 3);
    const { data } = readSafetensors(pool.subarray(3)).tensors.get('w')!;
    pool.fill(0);
    expect(Array.from(data as Float32Array)).toEqual([1, 2, 3]);
  });

  it('refuses every truncation of a file', () => {
    const file = writeSafetensors(new Map([['w', float32([1, 2, 3])]]), { note: 'x' });
    for (let length = 0; length < file.length; length++) {
      expect(() => readSafetensors(file.subarray(0, length)), `${length} bytes`).toThrow(FormatError);
    }
  });

  it('never does worse than a FormatError on damaged files', () => {
    const file = writeSafetensors(new Map([['w', float32([1, 2, 3])]]));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { maxLength: 4 }), (edits) => {
        const damaged = file.slice();
        for (const [at, value] of edits) damaged[at] = value;
        try {
          readSafetensors(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['no JSON', '{"a":', 'header is not JSON'],
    ['JSON that is no object', '[1]', 'must be a JSON object'],
    ['an entry that is no object', '{"a":1}', '"a": its entry'],
    ['an unknown type', JSON.stringify({ a: entry('F8_E5M2', [8], [0, 8]) }), '"a": dtype'],
    ['a type named after a method', JSON.stringify({ a: entry('toString', [8], [0, 8]) }), '"a": dtype'],
    ['a negative dimension', JSON.stringify({ a: entry('U8', [-8], [0, 8]) }), '"a": shape'],
    ['an absurd shape', JSON.stringify({ a: entry('U8', [2 ** 40, 2 ** 40], [0, 8]) }), '"a": U8'],
    ['a range beyond the file', JSON.stringify({ a: entry('U8', [9], [0, 9]) }), '"a": data_offsets'],
    ['a range that runs backward', JSON.stringify({ a: entry('U8', [0], [8, 0]) }), '"a": data_offsets'],
    ['a shape that is not its range', JSON.stringify({ a: entry('F32', [3], [0, 8]) }), '"a": F32[3] needs 12 bytes'],
    [
      'overlap',
      JSON.stringify({ a: entry('U8', [6], [0, 6]), b: entry('U8', [4], [4, 8]) }),
      '"b": begins at 4 and overlaps',
    ],
    [
      'a hole',
      JSON.stringify({ a: entry('U8', [2], [0, 2]), b: entry('U8', [4], [4, 8]) }),
      '"b": begins at 4 and leaves a hole',
    ],
    ['bytes that belong to nothing', JSON.stringify({ a: entry('U8', [2], [0, 2]) }), 'cover 2 bytes'],
    ['metadata that is no text', '{"__metadata__":{"a":1}}', '__metadata__'],
    ['a bool of 7', JSON.stringify({ a: entry('BOOL', [8], [0, 8]) }), 'BOOL bytes'],
  ])('refuses %s, naming the place', (_, header, message) => {
    const read = () => readSafetensors(fileOf(header, new Uint8Array(8).fill(7)));
    expect(read).toThrow(FormatError);
    expect(read).toThrow(message);
  });

  it('refuses a header that claims to be larger than the file', () => {
    const file = new Uint8Array(16);
    new DataView(file.buffer).setBigUint64(0, 2n ** 63n, true);
    expect(() => readSafetensors(file)).toThrow('beyond the file');
  });
});
