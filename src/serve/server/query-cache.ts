/** @file Queries that were encoded of late: whoever looks through the results of a search asks for the moments of one file after another with the same query. */
import { createHash } from 'node:crypto';
import type { EncodedQuery, WeightedPart } from '../../apps/search/index.ts';

/** Queries that are kept. */
const maxKept = 32;

/** Keeps the queries that were asked last. */
export class QueryCache {
  readonly #kept = new Map<string, Promise<EncodedQuery>>();

  /** The query in its encoded form: the one that is kept, or what `encode` makes of it. A failure is not kept. */
  get(parts: readonly WeightedPart[], encode: () => Promise<EncodedQuery>): Promise<EncodedQuery> {
    const key = keyOf(parts);
    const kept = this.#kept.get(key);
    this.#kept.delete(key);
    const encoded = kept ?? encode();
    this.#kept.set(key, encoded);
    if (kept === undefined) encoded.catch(() => this.#kept.get(key) === encoded && this.#kept.delete(key));
    if (this.#kept.size > maxKept) this.#kept.delete(this.#kept.keys().next().value!);
    return encoded;
  }
}

function keyOf(parts: readonly WeightedPart[]): string {
  const plain = parts.map((part) =>
    'media' in part && typeof part.media !== 'string'
      ? { ...part, media: createHash('sha256').update(part.media).digest('hex') }
      : part,
  );
  return JSON.stringify(plain);
}
