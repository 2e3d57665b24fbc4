/** @file How many threads an operation uses, if nobody says. */
import { availableParallelism } from 'node:os';

/** Beyond this many threads, operations of the sizes met in training gain little and wait for each other more. */
const mostThreads = 16;

/**
 * The threads inside one operation: the cores this process may use, half of the logical ones where there are many (two logical
 * cores of one physical core share the arithmetic units that matrix products saturate), and at most 16.
 */
export function defaultNumThreads(numLogicalCores: number = availableParallelism()): number {
  return numLogicalCores <= 4 ? numLogicalCores : Math.min(mostThreads, Math.ceil(numLogicalCores / 2));
}
