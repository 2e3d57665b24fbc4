/**
 * @file Associative recall: an input in any modality brings back what belongs to it in the others, with what is known of it. Each modality is asked for
 * its own nearest, because cosines across modalities do not compare.
 */
import type { Encoder, Modality } from '../../bundle/index.ts';
import { encodeInput, modalityOf, type RecallInput } from './encode-input.ts';
import type { Knowledge, RecalledFact } from './knowledge.ts';
import type { MediaModality, Memory, Recalled } from './memory.ts';

/** Options of `recall`. */
export interface RecallOptions {
  /** How much to bring back of each kind, in [1, 1000]; 5 by default. */
  readonly top?: number;
  /** What facts come from; without it there are none. */
  readonly knowledge?: Knowledge;
  readonly signal?: AbortSignal;
}

/** A remembered file with the concept that its name stands for. */
export interface Association extends Recalled {
  /** The `id` of the fact that its name leads to. */
  readonly fact?: string;
}

/** What an input brought back, each list best first. */
export interface Recollection {
  /** What was asked with. */
  readonly modality: Modality;
  /** Concepts, with their names in other languages, glosses and relations. */
  readonly facts: readonly RecalledFact[];
  readonly image: readonly Association[];
  readonly audio: readonly Association[];
  readonly video: readonly Association[];
}

/**
 * Brings back what belongs to an input. A text that is the name of a concept, in any language, brings that concept first.
 * @throws RangeError if `top` is out of range, a text is empty or too long, or the memory was made by another encoder; MediaError if a file cannot be
 * read; MissingDataError if the encoder does not take the modality.
 */
export async function recall(
  encoder: Encoder,
  memory: Memory,
  input: RecallInput,
  options: RecallOptions = {},
): Promise<Recollection> {
  const { top = 5, knowledge, signal } = options;
  if (!Number.isInteger(top) || top < 1 || top > 1000) {
    throw new RangeError(`recall: top must be a whole number in [1, 1000], got ${top}`);
  }
  if (memory.encoderId !== encoder.id) {
    throw new RangeError(
      `recall: the memory was made with the encoder ${memory.encoderId}, got ${encoder.id}; remember the items again`,
    );
  }
  const vector = await encodeInput(encoder, input, signal);
  const near = async (modality: MediaModality): Promise<Association[]> =>
    (await memory.nearest(modality, vector, top)).map((item) => {
      const fact = item.name === undefined ? undefined : knowledge?.named(item.name);
      return fact === undefined ? item : { ...item, fact: fact.id };
    });
  const [facts, image, audio, video] = await Promise.all([
    factsFor(input, vector, top, knowledge),
    near('image'),
    near('audio'),
    near('video'),
  ]);
  return { modality: modalityOf(input), facts, image, audio, video };
}

/** The concept that a text names, then the nearest others. */
async function factsFor(
  input: RecallInput,
  vector: Float32Array,
  top: number,
  knowledge: Knowledge | undefined,
): Promise<RecalledFact[]> {
  if (knowledge === undefined) return [];
  const named = 'text' in input ? knowledge.named(input.text) : undefined;
  const near = await knowledge.nearest(vector, top);
  return named === undefined ? near : [named, ...near.filter(({ id }) => id !== named.id)].slice(0, top);
}
