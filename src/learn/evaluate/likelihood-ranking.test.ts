import { expect, test } from 'vitest';
import { drawCandidates, rankingFigures } from './likelihood-ranking.ts';

test('the right name is first among its candidates, the others are different ones, and a seed gives the same', () => {
  const rows = drawCandidates(20, 5, 7);
  rows.forEach((row, own) => {
    expect(row[0]).toBe(own);
    expect(new Set(row).size).toBe(5);
    for (const other of row) expect(other).toBeLessThan(20);
  });
  expect(drawCandidates(20, 5, 7)).toEqual(rows);
  expect(drawCandidates(20, 5, 8)).not.toEqual(rows);
  expect(() => drawCandidates(4, 5, 7)).toThrow('as many items');
});

test('ranks count what is likelier, and what is as likely', () => {
  const figures = rankingFigures([
    [-1, -2, -3],
    [-2, -1, -3],
    [-2, -2, -3],
    [Number.NaN, -2, -3],
  ]);
  expect(figures).toEqual({ accuracy: 0.25, meanRank: (1 + 2 + 2 + 3) / 4, numCandidates: 3 });
});
