import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShapeError } from './errors.ts';
import { leaves, mapTree, type Tree, treeFromLeaves } from './parameters.ts';

/** Random trees with whole numbers as leaves; keys without dots, as parameters have. */
const trees = fc.letrec<{ tree: Tree<number> }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.integer(),
    fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
    fc.dictionary(fc.stringMatching(/^[a-z_][a-z0-9]*$/), tie('tree'), {
      minKeys: 1,
      maxKeys: 3,
      noNullPrototype: true,
    }),
  ),
})).tree;

/** The type of the result follows the tree's; over every tree at once that would have no end. */
const rebuild = treeFromLeaves as unknown as (like: unknown, named: ReadonlyMap<string, number>) => unknown;

describe('a parameter tree', () => {
  it('names its leaves by their paths', () => {
    const tree = {
      blocks: [
        { weight: 1, bias: 2 },
        { weight: 3, bias: 4 },
      ],
      scale: 5,
    };
    expect(leaves<number>(tree)).toEqual([
      ['blocks.0.weight', 1],
      ['blocks.0.bias', 2],
      ['blocks.1.weight', 3],
      ['blocks.1.bias', 4],
      ['scale', 5],
    ]);
    expect(leaves(7)).toEqual([['', 7]]);
  });

  it('comes back from its leaves, whatever its form', () => {
    fc.assert(
      fc.property(trees, (tree) => {
        const named = new Map(leaves(tree));
        expect(rebuild(tree, named)).toEqual(tree);
      }),
    );
  });

  it('is mapped leaf by leaf, in the order and under the names of its leaves', () => {
    fc.assert(
      fc.property(trees, (tree) => {
        const seen: [string, number][] = [];
        const visit = mapTree as unknown as (
          tree: unknown,
          transform: (leaf: number, path: string) => number,
        ) => unknown;
        visit(tree, (leaf, path) => {
          seen.push([path, leaf]);
          return leaf;
        });
        expect(seen).toEqual(leaves(tree));
      }),
    );
  });

  it('says which leaf is missing', () => {
    expect(() => treeFromLeaves({ a: [1, 2] }, new Map([['a.0', 1]]))).toThrow(ShapeError);
    expect(() => treeFromLeaves({ a: [1, 2] }, new Map([['a.0', 1]]))).toThrow('no leaf named "a.1"');
  });
});
