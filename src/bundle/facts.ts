/**
 * @file What is known of concepts beside their pictures and sounds, as a bundle keeps it in one JSON file: names in many languages, a gloss, related
 * concepts. It is made of CLDR and WordNet when the bundle is written, so that it is there without them.
 */
import { z } from 'zod';
import { FormatError } from '../engine/core/index.ts';

const factSchema = z.object({
  /** Names the concept in this file. */
  id: z.string().min(1),
  /** Names by language (BCP 47); English always. */
  names: z.record(z.string(), z.string().min(1)).refine((names) => names.en !== undefined, 'must have an English name'),
  /** English keywords. */
  words: z.array(z.string()).default([]),
  /** What it is, in one English sentence. */
  gloss: z.string().optional(),
  /** Ids of concepts that have to do with it, the nearest first. */
  related: z.array(z.string()).default([]),
});

const factsSchema = z.object({
  format: z.literal('sensorium-facts'),
  version: z.literal(1),
  sources: z.array(z.object({ package: z.string(), version: z.string(), licence: z.string() })),
  concepts: z.array(factSchema),
});

/** What is known of one concept. */
export type ConceptFact = z.infer<typeof factSchema>;

/** What is known of concepts, and where it comes from. */
export type Facts = z.infer<typeof factsSchema>;

/** Reads the bytes of a file of facts. @throws FormatError naming `path` and the rule that is broken. */
export function parseFacts(bytes: Uint8Array, path: string): Facts {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new FormatError(`${path}: not JSON: ${(cause as Error).message}`, { cause });
  }
  const parsed = factsSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const { path: at, message } = parsed.error.issues[0]!;
  throw new FormatError(`${path}: ${at.join('.') || 'the facts'}: ${message}`);
}

/** The file of facts, one concept a line. */
export function writeFacts({ concepts, ...head }: Facts): Uint8Array {
  const { format, version, sources } = head;
  const lines = concepts.map((concept) => JSON.stringify(concept)).join(',\n');
  const text = `{"format":"${format}","version":${version},"sources":${JSON.stringify(sources)},"concepts":[\n${lines}\n]}\n`;
  return new TextEncoder().encode(text);
}
