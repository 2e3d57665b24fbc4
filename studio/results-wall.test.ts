/** @file Where the arrow keys lead: six tiles that match in rows of four, then four that are merely nearest, so that rows differ. */
import { describe, expect, it } from 'vitest';
import { moveFrom } from './results-wall.tsx';

const move = (index: number, key: string) => moveFrom(index, key, [4, 2, 4]);

describe('moveFrom', () => {
  it('steps left and right, across rows, and stays at the ends', () => {
    expect([move(0, 'ArrowRight'), move(3, 'ArrowRight'), move(9, 'ArrowRight')]).toEqual([1, 4, 9]);
    expect([move(5, 'ArrowLeft'), move(4, 'ArrowLeft'), move(0, 'ArrowLeft')]).toEqual([4, 3, 0]);
  });

  it('steps up and down, out at the top, and into rows that are short', () => {
    expect([move(1, 'ArrowDown'), move(3, 'ArrowDown'), move(5, 'ArrowDown'), move(7, 'ArrowDown')]).toEqual([
      5, 5, 7, 7,
    ]);
    expect([move(9, 'ArrowUp'), move(6, 'ArrowUp'), move(5, 'ArrowUp'), move(0, 'ArrowUp')]).toEqual([5, 4, 1, -1]);
  });

  it('jumps to the ends, and leaves other keys alone', () => {
    expect([move(5, 'Home'), move(5, 'End'), move(5, 'a'), move(5, 'Tab')]).toEqual([0, 9, undefined, undefined]);
    expect(moveFrom(0, 'ArrowDown', [1])).toBe(0);
  });
});
