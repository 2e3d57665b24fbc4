import { describe, expect, it } from 'vitest';
import { float16Bits, float16Value } from './float16.ts';

describe('float16', () => {
  it('has the bits that IEEE 754 gives to well-known numbers', () => {
    const known: readonly [number, number][] = [
      [0, 0x0000],
      [-0, 0x8000],
      [1, 0x3c00],
      [-2, 0xc000],
      [0.5, 0x3800],
      [1 / 3, 0x3555],
      [65504, 0x7bff],
      [2 ** -14, 0x0400],
      [2 ** -24, 0x0001],
      [Number.POSITIVE_INFINITY, 0x7c00],
      [Number.NEGATIVE_INFINITY, 0xfc00],
      [Number.NaN, 0x7e00],
    ];
    for (const [value, bits] of known) {
      expect(float16Bits(value), String(value)).toBe(bits);
      expect(float16Value(bits)).toBe(value === 1 / 3 ? 0.333251953125 : value);
    }
  });

  it('rounds to the nearest, ties to even, and overflows to infinity', () => {
    expect(float16Value(float16Bits(2049))).toBe(2048);
    expect(float16Value(float16Bits(2051))).toBe(2052);
    expect(float16Value(float16Bits(2047.9))).toBe(2048);
    expect(float16Bits(65519)).toBe(0x7bff);
    expect(float16Bits(65520)).toBe(0x7c00);
    expect(float16Bits(2 ** -26)).toBe(0);
  });

  it('gives every float16 back its own bits', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = float16Value(bits);
      if (!Number.isNaN(value)) expect(float16Bits(value)).toBe(bits);
    }
  });
});
