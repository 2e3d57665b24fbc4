/**
 * @file The manifest of a bundle: which towers it stands on, which graphs it adds, and where all of it comes from. A bundle is a folder with
 * `manifest.json` beside the files that the manifest lists. Weights of frozen towers are not in it, they come with their packages; a
 * tower that was trained is. There are two kinds: `text-image` (version 1), and `multimodal` (version 2), which may add sounds and moving
 * pictures, understands each text by the first route that takes its script, and tells the licence of each file.
 */
import { z } from 'zod';
import { FormatError } from '../engine/core/index.ts';
import { calibrationSchema } from './calibration.ts';

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

const shared = {
  format: z.literal('sensorium-bundle'),
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
    /** Takes the outputs by name, each `[N, F]`, and gives `embedding` `[N, D]`. */
    head: fileName,
    /** The tower as an ONNX file of the bundle, where it was trained; its package's weights are used if absent. */
    weights: fileName.optional(),
  }),
  logitScale: z.number(),
  /** SHA-256 of every file of the bundle but this one. */
  files: z.record(fileName, z.string().regex(/^[0-9a-f]{64}$/)),
  provenance: provenanceSchema,
};

const textImageSchema = z.object({
  ...shared,
  version: z.literal(1),
  kind: z.literal('text-image'),
  text: z.object({ tower: z.literal('sentence-encoder'), output: z.enum(['embedding', 'pooled']), head: fileName }),
});

/** Which texts a route takes: those whose letters are all Latin, or any text. */
const scripts = z.enum(['latin', 'any']);

const textRoute = z.discriminatedUnion('tower', [
  z.object({ scripts, tower: z.literal('sentence-encoder'), output: z.enum(['embedding', 'pooled']) }),
  z.object({
    scripts,
    tower: z.literal('text-encoder'),
    /** Takes `ids` `int64[N, T]` and `mask` `[N, T]`, gives `embedding` `[N, F]`. */
    weights: fileName,
    /** A tokenizer.json with a byte-level BPE. */
    tokenizer: fileName,
    /** Tokens beyond these are cut off. */
    maxTokens: z.number().int().positive().max(4096).default(64),
  }),
]);

const multimodalSchema = z
  .object({
    ...shared,
    version: z.literal(2),
    kind: z.literal('multimodal'),
    text: z.object({
      /** A text takes the first route that takes its script; the last takes any. All give features `[N, F]` of the same space. */
      routes: z.array(textRoute).min(1).max(8),
      /** Takes `features` `[N, F]`, gives `embedding` `[N, D]`. */
      head: fileName,
    }),
    audio: z
      .object({
        /** The tower: `logMel` `[N, frames, 64]` to `features` `[N, F]`. */
        weights: fileName,
        frontEnd: z.literal('log-mel-64'),
        /** Takes `features` `[N, F]`, gives `embedding` `[N, D]`. */
        head: fileName,
        sampleRateHz: z.literal(16000),
        /** The longest piece that the tower hears at once; of a longer clip, the mean of the features of its pieces is taken. */
        windowSeconds: z.number().positive().max(60),
        /** What is heard of a clip at all. */
        maxSeconds: z.number().positive().max(3600),
      })
      .optional(),
    video: z
      .object({
        /** The tower: `pictureFeatures` `[N, T, F]` (the picture tower's outputs side by side) and `thumbnails` `[N, T, 16, 16, 3]` to `features`. */
        weights: fileName,
        /** Takes `features` and, if it has that input, `frames` `[N, T, D]` (the frames as pictures in the space); gives `embedding` `[N, D]`. */
        head: fileName,
        numFrames: z.number().int().min(1).max(64),
      })
      .optional(),
    /** What `sensorium/recall` knows of concepts, as its own JSON file. */
    facts: fileName.optional(),
    /** The projection whose signs are codes, as its own safetensors file (`codes.ts`). */
    codes: fileName.optional(),
    /** How scores become probabilities. */
    calibration: calibrationSchema.optional(),
    /** The licence of every file (SPDX). */
    licences: z.record(fileName, z.string().min(1)),
    /** Where parts that were trained before come from: `student`, `audio`, `video`; and those made for search: `index`. */
    parts: z.record(z.string(), provenanceSchema).default({}),
  })
  .superRefine(({ files, licences, text }, context) => {
    for (const name of Object.keys(files)) {
      if (!Object.hasOwn(licences, name))
        context.addIssue({ code: 'custom', path: ['licences'], message: `names no licence for ${name}` });
    }
    if (text.routes.at(-1)?.scripts !== 'any')
      context.addIssue({ code: 'custom', path: ['text', 'routes'], message: 'the last route must take any script' });
  });

/** What a bundle of texts and pictures says of itself. */
export type TextImageManifest = z.infer<typeof textImageSchema>;

/** What a bundle of up to four modalities says of itself. */
export type MultimodalManifest = z.infer<typeof multimodalSchema>;

/** What a bundle says of itself. */
export type Manifest = TextImageManifest | MultimodalManifest;

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
  const parsed = isMultimodal(json) ? multimodalSchema.safeParse(json) : textImageSchema.safeParse(json);
  if (!parsed.success) {
    const { path: at, message } = parsed.error.issues[0]!;
    throw new FormatError(`${path}: ${at.join('.') || 'the manifest'}: ${message}`);
  }
  return parsed.data;
}

function isMultimodal(json: unknown): boolean {
  return typeof json === 'object' && json !== null && (json as { kind?: unknown }).kind === 'multimodal';
}
