/**
 * @file The parts that other recipes train, as they leave them in a folder: the distilled text encoder, the audio tower, the video tower with its
 * head. Each folder also says where its part comes from.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Provenance } from '../../../bundle/index.ts';
import { FormatError, MissingDataError } from '../../../engine/core/index.ts';
import { dataPackages } from '../../data/index.ts';

/** The distilled text encoder, of the recipe `distill-text`. */
export interface StudentPart {
  /** Names the weights. */
  readonly id: string;
  readonly model: Uint8Array;
  /** A tokenizer.json. */
  readonly tokenizer: Uint8Array;
  readonly maxTokens: number;
  readonly licence: string;
  readonly provenance: Provenance;
}

/** The audio tower, of the recipe `train-audio-tower`. */
export interface AudioPart {
  readonly id: string;
  readonly tower: Uint8Array;
  /** What it hears at once. */
  readonly windowSeconds: number;
  /** The same in frames of the front end. */
  readonly windowFrames: number;
  readonly provenance: Provenance;
}

/** The video tower and its head, of the recipe `train-video-tower`. */
export interface VideoPart {
  readonly id: string;
  readonly tower: Uint8Array;
  readonly head: Uint8Array;
  readonly numFrames: number;
  readonly provenance: Provenance;
}

/** Reads what `distill-text` wrote. @throws MissingDataError if it is not there. */
export async function readStudent(directory: string): Promise<StudentPart> {
  const description = await readDescription(directory, 'text-student.json');
  const model = await readPart(directory, 'student.onnx');
  const { licence, maxTokens } = description as { licence?: unknown; maxTokens?: unknown };
  if (typeof licence !== 'string' || typeof maxTokens !== 'number') {
    throw new FormatError(`${join(directory, 'text-student.json')}: must name the licence and maxTokens`);
  }
  return {
    id: `text-student ${checksum(model)}`,
    model,
    tokenizer: await readPart(directory, 'tokenizer.json'),
    maxTokens,
    licence,
    provenance: await provenanceOf(description, directory),
  };
}

/** Reads what `train-audio-tower` wrote. @throws MissingDataError if it is not there. */
export async function readAudio(directory: string): Promise<AudioPart> {
  const description = await readDescription(directory, 'audio-tower.json');
  const tower = await readPart(directory, 'audio-tower.onnx');
  const { windowSeconds, settings } = description as {
    windowSeconds?: unknown;
    settings?: { tower?: { windowFrames?: unknown } };
  };
  const windowFrames = settings?.tower?.windowFrames;
  if (typeof windowSeconds !== 'number' || typeof windowFrames !== 'number') {
    throw new FormatError(
      `${join(directory, 'audio-tower.json')}: must tell windowSeconds and settings.tower.windowFrames`,
    );
  }
  return {
    id: `audio-tower ${checksum(tower)}`,
    tower,
    windowSeconds,
    windowFrames,
    provenance: await provenanceOf(description, directory),
  };
}

/** Reads what `train-video-tower` wrote. @throws MissingDataError if it is not there. */
export async function readVideo(directory: string): Promise<VideoPart> {
  const description = await readDescription(directory, 'video.json');
  const tower = await readPart(directory, 'video-tower.onnx');
  const { settings } = description as { settings?: { numFrames?: unknown } };
  return {
    id: `video-tower ${checksum(tower)}`,
    tower,
    head: await readPart(directory, 'video-head.onnx'),
    numFrames: typeof settings?.numFrames === 'number' ? settings.numFrames : 8,
    provenance: await provenanceOf(description, directory),
  };
}

async function readPart(directory: string, file: string): Promise<Uint8Array> {
  const path = join(directory, file);
  return readFile(path).catch((cause) => {
    throw new MissingDataError(`${path} cannot be read; train the part first, or leave the option out`, { cause });
  });
}

async function readDescription(directory: string, file: string): Promise<object> {
  const bytes = await readPart(directory, file);
  const json: unknown = JSON.parse(new TextDecoder().decode(bytes));
  if (typeof json !== 'object' || json === null) throw new FormatError(`${join(directory, file)}: must be an object`);
  return json;
}

function checksum(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}

/** What a recipe says of what it made, in the form of a manifest; the folder's time stands for one that is not told. */
async function provenanceOf(description: object, directory: string): Promise<Provenance> {
  const own = { ...description, ...(description as { provenance?: object }).provenance } as {
    readonly [field: string]: unknown;
    readonly data?: readonly { readonly package: string; readonly licence: string; readonly use: string }[];
  };
  const settings = (own.settings ?? {}) as Record<string, unknown>;
  const versionOf = new Map(dataPackages.map(({ name, version }) => [name, version]));
  return {
    recipe: String(own.recipe),
    createdAt: typeof own.createdAt === 'string' ? own.createdAt : (await stat(directory)).mtime.toISOString(),
    commit: typeof own.commit === 'string' ? own.commit : null,
    seed: Number(own.seed ?? settings.seed ?? 0),
    steps: Math.round(Number(own.steps ?? 0)) || stepsOf(settings),
    seconds: Number(own.seconds ?? 0),
    settings,
    data: (own.data ?? []).map((one) => ({ version: versionOf.get(one.package) ?? '', ...one })),
    metrics: numbersIn((own.metrics ?? own.final ?? {}) as object),
  };
}

/** The steps of all stages that settings name. */
function stepsOf(settings: Readonly<Record<string, unknown>>): number {
  return Object.entries(settings).reduce((sum, [name, value]) => {
    if (name === 'numSteps') return sum + Number(value);
    return typeof value === 'object' && value !== null ? sum + stepsOf(value as Record<string, unknown>) : sum;
  }, 0);
}

/** Every number of a tree, by its path. */
function numbersIn(tree: object, path = ''): Record<string, number> {
  return Object.fromEntries(
    Object.entries(tree).flatMap(([name, value]): [string, number][] => {
      const own = path === '' ? name : `${path}.${name}`;
      if (typeof value === 'number' && Number.isFinite(value)) return [[own, value]];
      return typeof value === 'object' && value !== null ? Object.entries(numbersIn(value, own)) : [];
    }),
  );
}
