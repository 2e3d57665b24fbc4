/** @file What a contender starts from, read from the file that the bench wrote. */
import { readFileSync } from 'node:fs';
import { readSafetensors } from '../../src/engine/formats/index.ts';
import type { Tensor } from '../../src/engine/index.ts';

/** Parameters and batch by name, without the prefixes `params.` and `batch.`. */
export interface Start {
  readonly params: ReadonlyMap<string, Tensor>;
  readonly batch: ReadonlyMap<string, Tensor>;
}

/** Reads the start of a workload. */
export function readStart(path: string): Start {
  const { tensors } = readSafetensors(readFileSync(path));
  const under = (prefix: string) =>
    new Map(
      [...tensors].flatMap(([name, tensor]) =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), tensor] as const] : [],
      ),
    );
  return { params: under('params.'), batch: under('batch.') };
}

/** The AdamW of every contender, as in the paper; parameters of two or more axes decay, the gradients' global norm is clipped. */
export const adamW = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
  maxGradNorm: 1,
} as const;
