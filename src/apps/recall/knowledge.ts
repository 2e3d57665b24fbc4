/**
 * @file The facts of a bundle, found by a name in any of their languages or by how near their English names are to a vector. Names are encoded once, when
 * they are first needed. D: dimension of the space.
 */
import type { ConceptFact, Encoder, Facts } from '../../bundle/index.ts';
import type { Tensor } from '../../engine/core/index.ts';
import { keptVectors, nearestRows, type RememberOptions } from './memory.ts';

/** A concept with what is known of it, and how near it is. */
export interface RecalledFact extends Omit<ConceptFact, 'related'> {
  /** Cosine of its English name with what was asked; 1 where it was asked by name. */
  readonly score: number;
  /** Concepts that have to do with it. */
  readonly related: readonly { readonly id: string; readonly names: ConceptFact['names'] }[];
}

/** Facts that can be asked. */
export class Knowledge {
  readonly #encoder: Encoder;
  readonly #concepts: readonly ConceptFact[];
  readonly #options: RememberOptions;
  readonly #byId: ReadonlyMap<string, ConceptFact>;
  readonly #byName = new Map<string, ConceptFact>();
  #vectors: Promise<Tensor<'float32'>> | undefined;

  constructor(encoder: Encoder, { concepts }: Facts, options: RememberOptions = {}) {
    this.#encoder = encoder;
    this.#concepts = concepts;
    this.#options = options;
    this.#byId = new Map(concepts.map((fact) => [fact.id, fact]));
    // A name that several concepts share is that of the first one; English and Chinese come before other languages.
    const languages = new Set(['en', 'zh', ...concepts.flatMap((fact) => Object.keys(fact.names))]);
    for (const language of languages) {
      for (const fact of concepts) {
        const name = fact.names[language];
        if (name !== undefined && !this.#byName.has(keyOf(name))) this.#byName.set(keyOf(name), fact);
      }
    }
  }

  /** The concept of this name, in any language; undefined if none has it. */
  named(name: string): RecalledFact | undefined {
    const fact = this.#byName.get(keyOf(name));
    return fact === undefined ? undefined : this.#recalled(fact, 1);
  }

  /** The `top` concepts whose English names are nearest to a unit vector `[D]`, best first. */
  async nearest(vector: Float32Array, top: number): Promise<RecalledFact[]> {
    this.#vectors ??= this.#encodeNames();
    const vectors = await this.#vectors;
    const rows = this.#concepts.map((_, row) => row);
    return nearestRows(vectors, rows, vector, top).map(({ row, score }) => this.#recalled(this.#concepts[row]!, score));
  }

  #recalled({ related, ...fact }: ConceptFact, score: number): RecalledFact {
    const known = related.flatMap((id) => this.#byId.get(id) ?? []);
    return { ...fact, score, related: known.map(({ id, names }) => ({ id, names })) };
  }

  async #encodeNames(): Promise<Tensor<'float32'>> {
    const names = this.#concepts.map((fact) => fact.names.en!);
    let batch: { readonly start: number; readonly rows: Tensor<'float32'> } | undefined;
    const { dim } = this.#encoder;
    // Names of a shard are asked for one after another: they are encoded together.
    return keptVectors(
      this.#encoder,
      names.map((name) => `text ${name}`),
      this.#options,
      async (index) => {
        if (batch === undefined || index < batch.start || index >= batch.start + batch.rows.shape[0]!) {
          batch = { start: index, rows: await this.#encoder.encodeTexts(names.slice(index, index + textBatch)) };
        }
        const row = index - batch.start;
        return batch.rows.data.slice(row * dim, (row + 1) * dim);
      },
    );
  }
}

/** Names encoded in one run. */
const textBatch = 64;

function keyOf(name: string): string {
  return name.normalize('NFKC').toLowerCase().trim();
}
