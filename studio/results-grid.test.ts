/** @file Where the arrow keys lead: ten tiles in rows of four, so the last row holds two. */
import { describe, expect, it } from 'vitest';
import { moveFrom } from './results-grid.tsx';

const move = (index: number, key: string) => moveFrom(index, key, 4, 10);

describe('moveFrom', () => {
  it('steps left and right, across rows, and stays at the ends', () => {
    expect([move(0, 'ArrowRight'), move(3, 'ArrowRight'), move(9, 'ArrowRight')]).toEqual([1, 4, 9]);
    expect([move(5, 'ArrowLeft'), move(4, 'ArrowLeft'), move(0, 'ArrowLeft')]).toEqual([4, 3, 0]);
  });

  it('steps up and down, out at the top, and into a short last row', () => {
    expect([move(1, 'ArrowDown'), move(5, 'ArrowDown'), move(7, 'ArrowDown'), move(9, 'ArrowDown')]).toEqual([
      5, 9, 9, 9,
    ]);
    expect([move(9, 'ArrowUp'), move(4, 'ArrowUp'), move(3, 'ArrowUp'), move(0, 'ArrowUp')]).toEqual([5, 0, -1, -1]);
  });

  it('jumps to the ends, and leaves other keys alone', () => {
    expect([move(5, 'Home'), move(5, 'End'), move(5, 'a'), move(5, 'Tab')]).toEqual([0, 9, undefined, undefined]);
  });
});
