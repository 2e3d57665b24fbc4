import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RowSet } from './row-set.ts';

it('RowSet does what sets of numbers do', () => {
  const rows = fc.array(fc.nat(99), { maxLength: 60 });
  fc.assert(
    fc.property(rows, rows, fc.integer({ min: 100, max: 133 }), (first, second, numRows) => {
      const [a, b] = [new Set(first), new Set(second)];
      const [x, y] = [RowSet.of(numRows, a), RowSet.of(numRows, b)];
      const all = Array.from({ length: numRows }, (_, row) => row);
      const check = (set: RowSet, holds: (row: number) => boolean) => {
        expect([...set.rows]).toEqual(all.filter(holds));
        expect(set.size).toBe(set.rows.length);
        expect(all.filter((row) => set.has(row))).toEqual([...set.rows]);
      };
      check(x, (row) => a.has(row));
      check(x.and(y), (row) => a.has(row) && b.has(row));
      check(x.or(y), (row) => a.has(row) || b.has(row));
      check(x.not(), (row) => !a.has(row));
      check(x.not().and(RowSet.all(numRows)), (row) => !a.has(row));
      const column = Float64Array.from(all, (row) => row % 7);
      check(RowSet.where(column, [2]), (row) => row % 7 === 2);
      check(RowSet.where(column, [2, 3]), (row) => row % 7 === 2 || row % 7 === 3);
      check(RowSet.between(column, 1, 3), (row) => row % 7 >= 1 && row % 7 < 3);
    }),
    { numRuns: 60, seed: 1 },
  );
});

it('RowSet refuses rows that there are not, and joins sets of different lengths', () => {
  expect(() => RowSet.of(4, [4])).toThrow(/\[0, 4\)/);
  expect(() => RowSet.of(4, [0.5])).toThrow(/whole/);
  const [short, long] = [RowSet.of(3, [1, 2]), RowSet.of(70, [2, 69])];
  expect([...short.or(long).rows]).toEqual([1, 2, 69]);
  expect([...long.and(short).rows]).toEqual([2]);
  expect(RowSet.all(0).size).toBe(0);
  expect(long.has(-1) || long.has(70)).toBe(false);
});
