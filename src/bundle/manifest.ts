/**
 * @file The manifest of a bundle: which towers it stands on, which graphs it adds, and where all of it comes from. A bundle is a folder with
 * `manifest.json` beside the files that the manifest lists. Weights of frozen towers are not in it, they come with their packages; a picture
 * tower that was trained is.
 */
import { z } from 'zod';
import { FormatError } from '../engine/core/index.ts';

/** A file name without folders, so that a manifest can point at nothing outside its bundle, and not that of the manifest itself. */
const fileName = z
  .string()
  .regex(/^(?!manifest\.json$)\w[\w.-]*$/, 'must be a plain file name other than manifest.json');

const dataSource = z.object({
  package: z.string(),
  version: z.string(),
  licence: z.string(),
  /** What it was used for: "noto pictures", "names and keywords". */
  use: z.string(),
});

/** Where a bundle comes from: enough to make it again. */
const provenanceSchema = z.object({
  recipe: z.string(),
  createdAt: z.iso.datetime(),
  /** The commit of Sensorium that trained it; null where there was no repository. */
  commit: z.string().nullable(),
  seed: z.number(),
  steps: z.number().int(),
  seconds: z.number(),
  settings: z.record(z.string(), z.unknown()),
  data: z.array(dataSource),
  /** Figures of the end of training, on training and validation data. */
  metrics: z.record(z.string(), z.number()),
});

const manifestSchema = z.object({
  format: z.literal('sensorium-bundle'),
  version: z.literal(1),
  kind: z.literal('text-image'),
  name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  licence: z.string(),
  /** Languages of the texts that it understands (BCP 47). */
  languages: z.array(z.string()),
  space: z.object({ dim: z.number().int().positive() }),
  picture: z.object({
    tower: z.enum(['mobilenet-v2', 'mobilenet-v2-mid', 'vision-transformer']),
    size: z.number().int().positive().max(1024),
    /** Fraction of the side left free around a picture. */
    padding: z.number().min(0).max(0.9),
    outputs: z.array(z.string()),
    head: fileName,
    /** The tower as an ONNX file of the bundle, where it was trained; its package's weights are used if absent. */
    weights: fileName.optional(),
  }),
  text: z.object({ tower: z.literal('sentence-encoder'), output: z.enum(['embedding', 'pooled']), head: fileName }),
  logitScale: z.number(),
  /** SHA-256 of every file of the bundle but this one. */
  files: z.record(fileName, z.string().regex(/^[0-9a-f]{64}$/)),
  provenance: provenanceSchema,
});

/** What a bundle says of itself. */
export type Manifest = z.infer<typeof manifestSchema>;

/** Where a bundle comes from. */
export type Provenance = z.infer<typeof provenanceSchema>;

/** Reads the text of a `manifest.json`. @throws FormatError naming `path` and the rule that is broken. */
export function parseManifest(text: string, path: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new FormatError(`${path}: not JSON: ${(cause as Error).message}`, { cause });
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) {
    const { path: at, message } = parsed.error.issues[0]!;
    throw new FormatError(`${path}: ${at.join('.') || 'the manifest'}: ${message}`);
  }
  return parsed.data;
}
