/**
 * @file Holds the committed table to what the ONNX project's tests give today. The tests are Debian's package libonnx-testdata;
 * where it is not installed this says so, and only the comparison itself is tested.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { float32, Tensor } from '../../src/engine/core/index.ts';
import { mismatch } from './compare.ts';
import { type Result, runAll } from './run-all.ts';
import { dataFolder, familyOf, findTests, isInstalled } from './suite.ts';
import { tableOf } from './table.ts';

const committed = readFileSync(new URL('./table.md', import.meta.url), 'utf8');

/** Tests that need a locale which a machine may or may not have: what the table says of them is taken over. */
function withoutLocales(results: readonly Result[]): Result[] {
  const lines = [...committed.matchAll(/^- `([^`]+)`: (.*Locale::Locale.*)$/gm)];
  const known = new Map(lines.map(([, name = '', reason = '']) => [name, reason]));
  return results.map((result): Result => {
    const reason = known.get(`${result.test.group}/${result.test.name}`);
    return reason === undefined ? result : { test: result.test, verdict: 'unsupported', reason };
  });
}

/** By how much ONNX Runtime's own kernels miss a value is a matter of the processor. */
const withoutDigits = (table: string): string => table.replace(/ is \S+ at \d+, not \S+$/gm, ' differs');

describe("the ONNX project's own tests", () => {
  if (isInstalled()) {
    it('pass after import and export wherever ONNX Runtime passes them, as the committed table says', async () => {
      const results = await runAll();
      expect(results.length).toBeGreaterThan(1000);
      expect(results.filter(({ verdict }) => verdict === 'failed')).toEqual([]);
      expect(withoutDigits(tableOf(withoutLocales(results)))).toBe(withoutDigits(committed));
    }, 300_000);

    it('fall into families of which none takes most of them', () => {
      const tests = findTests();
      const sizes = new Map<string, number>();
      for (const test of tests) sizes.set(familyOf(test), (sizes.get(familyOf(test)) ?? 0) + 1);
      expect(sizes.size).toBeGreaterThan(12);
      expect(Math.max(...sizes.values())).toBeLessThan(tests.length / 3);
    });
  } else {
    it(`are not installed: there is no ${dataFolder}; Debian's package libonnx-testdata brings them`, () => {
      expect(committed).toContain('| **all** |');
    });
  }
});

describe('the comparison with the outputs that ship with a test', () => {
  it('takes what is within the tolerances, not-a-number for itself, and infinity for itself', () => {
    expect(
      mismatch(float32([1, 0, Number.NaN, Infinity]), float32([1.0009, 1e-8, Number.NaN, Infinity])),
    ).toBeUndefined();
  });

  it('names what differs: a value, a sign of infinity, a shape, a type, a text', () => {
    expect(mismatch(float32([1, 2]), float32([1, 2.01]))).toBe('is 2.00 at 1, not 2.01');
    expect(mismatch(float32([Infinity]), float32([-Infinity]))).toBe('is Infinity at 0, not -Infinity');
    expect(mismatch(float32([0]), float32([Number.NaN]))).toBe('is 0.00 at 0, not NaN');
    expect(mismatch(float32([1, 2]), float32([1, 2], [2, 1]))).toBe('is float32[2], not float32[2,1]');
    expect(mismatch(float32([1]), new Tensor('float64', [1], Float64Array.of(1)))).toBe(
      'is float32[1], not float64[1]',
    );
    const text = (value: string) => new Tensor('string', [1], [value]);
    expect(mismatch(text('a'), text('b'))).toBe('is "a" at 0, not "b"');
  });
});
