/**
 * @file Parameter trees: nested records and arrays whose leaves are tensors (or the values that stand for them in a graph).
 * A leaf is named by its path, `blocks.0.attention.query.weight`.
 */
import { ShapeError } from './errors.ts';

/** A nested record or array with leaves of type `T`. */
export type Tree<T> = T | readonly Tree<T>[] | { readonly [key: string]: Tree<T> };

/** The tree of the same form as `P`, with every leaf replaced by `Leaf`. */
export type MapLeaves<P, From, Leaf> = P extends From
  ? Leaf
  : P extends readonly (infer _)[]
    ? { [I in keyof P]: MapLeaves<P[I], From, Leaf> }
    : P extends object
      ? { [K in keyof P]: MapLeaves<P[K], From, Leaf> }
      : never;

function isContainer(value: unknown): value is Record<string, unknown> | readonly unknown[] {
  if (Array.isArray(value)) return true;
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** Every leaf with its dotted path, in the order of the keys. A leaf is anything but a plain record or array. */
export function leaves<T>(tree: Tree<T>, path = ''): [path: string, leaf: T][] {
  if (!isContainer(tree)) return [[path, tree as T]];
  return Object.entries(tree).flatMap(([key, child]) => leaves(child as Tree<T>, path === '' ? key : `${path}.${key}`));
}

/** The tree of the same form with `transform` applied to every leaf. */
export function mapTree<T, U, P extends Tree<T>>(
  tree: P,
  transform: (leaf: T, path: string) => U,
  path = '',
): MapLeaves<P, T, U> {
  if (!isContainer(tree)) return transform(tree as T, path) as MapLeaves<P, T, U>;
  const childPath = (key: string) => (path === '' ? key : `${path}.${key}`);
  if (Array.isArray(tree)) {
    return tree.map((child, i) => mapTree(child as Tree<T>, transform, childPath(String(i)))) as MapLeaves<P, T, U>;
  }
  const entries = Object.entries(tree).map(([key, child]) => [
    key,
    mapTree(child as Tree<T>, transform, childPath(key)),
  ]);
  return Object.fromEntries(entries) as MapLeaves<P, T, U>;
}

/**
 * The tree of the form of `like` with leaves taken from `named` by path.
 * @throws ShapeError if a path is missing.
 */
export function treeFromLeaves<T, U, P extends Tree<T>>(like: P, named: ReadonlyMap<string, U>): MapLeaves<P, T, U> {
  return mapTree<T, U, P>(like, (_, path) => {
    const leaf = named.get(path);
    if (leaf === undefined) throw new ShapeError(`treeFromLeaves: no leaf named "${path}"`);
    return leaf;
  });
}
