/**
 * @file Made vectors that lie as embeddings do: around centres, of which there is one for fifty rows, some with more rows than others, with a few directions in
 * which everything differs more than in the others. Even noise would be easier for some indexes and harder for others than anything real.
 */
import { Rng } from '../../src/engine/core/index.ts';

/** How wide rows scatter around their centre, where centres scatter by 1. */
const scatter = 0.9;
/** How fast the directions lose weight: direction i counts (i + 1)^-decay. */
const decay = 0.35;
/** Normal draws are taken from a table of so many. */
const tableSize = 1 << 20;

/** `count` unit vectors `[count, dim]` around the centres of `numRows / 50` clusters; with another `draw`, others from the same. */
export function clusteredVectors(count: number, dim: number, numRows: number, draw: string): Float32Array {
  const numClusters = Math.ceil(numRows / 50);
  const weights = Float32Array.from({ length: dim }, (_, i) => (i + 1) ** -decay);
  const centers = new Rng('centers').fillNormal(new Float32Array(Math.min(tableSize, numClusters * dim)));
  const table = new Rng('noise').fillNormal(new Float32Array(tableSize));
  const rng = new Rng(draw);
  const vectors = new Float32Array(count * dim);
  for (let row = 0; row < count; row++) {
    const cluster = Math.floor(numClusters * rng.uniform() ** 1.5);
    // Odd steps through the table visit different places for every row and cluster.
    let at = rng.integer(tableSize);
    const step = 2 * rng.integer(tableSize / 2) + 1;
    let center = Math.imul(cluster, 0x9e3779b1) >>> 12;
    const centerStep = (Math.imul(cluster, 0x85ebca6b) >>> 12) | 1;
    let squares = 0;
    for (let i = 0; i < dim; i++) {
      at = (at + step) & (tableSize - 1);
      center = (center + centerStep) & (tableSize - 1);
      const value = weights[i]! * (centers[center % centers.length]! + scatter * table[at]!);
      vectors[row * dim + i] = value;
      squares += value * value;
    }
    const factor = 1 / Math.sqrt(squares);
    for (let i = 0; i < dim; i++) vectors[row * dim + i]! *= factor;
  }
  return vectors;
}
