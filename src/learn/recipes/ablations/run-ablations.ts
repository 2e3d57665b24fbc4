/**
 * @file The recipe of the ablations: every variant with every seed, and the text encoder adapted in two ways; figures are kept in the run folder, and a
 * variant that is finished with a seed is not run again.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import type { OnProgress } from '../../../engine/core/index.ts';
import { readStudent } from '../align-modalities/parts.ts';
import { type AdaptResult, adaptations, adaptEncoder } from './adapt-encoder.ts';
import { type AblationSettings, ablationSettings } from './settings.ts';
import { runVariant, type Variant, type VariantResult, variants } from './variants.ts';
import { type AblationWorld, readWorld } from './world.ts';

/** Where the recipe reads and writes. */
export interface AblationOptions {
  readonly settings?: AblationSettings;
  /** What `distill-text` wrote. */
  readonly textDirectory: string;
  /** The bundle whose heads the text encoder is adapted to. */
  readonly spaceDirectory: string;
  readonly dataDirectory?: string;
  /** Figures of finished variants are kept here. */
  readonly runDirectory: string;
  readonly cacheDirectory: string;
  readonly fresh?: boolean;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** A variant with what each seed gave. */
export interface AblationRow {
  readonly variant: Variant;
  readonly results: readonly VariantResult[];
}

/** A way of adapting the text encoder with what each seed gave. */
export interface AdaptRow {
  readonly name: string;
  readonly results: readonly AdaptResult[];
}

/** Everything that the report tells. */
export interface AblationReport {
  readonly settings: AblationSettings;
  /** Candidates of each question. */
  readonly candidates: Readonly<Record<string, number>>;
  readonly rows: readonly AblationRow[];
  readonly adaptations: readonly AdaptRow[];
}

/**
 * Runs what is not finished.
 * @throws MissingDataError if data, the text encoder or the bundle is not there.
 */
export async function runAblations(options: AblationOptions): Promise<AblationReport> {
  const { settings = ablationSettings(), runDirectory, onProgress, signal } = options;
  if (options.fresh) await rm(runDirectory, { recursive: true, force: true });
  await mkdir(runDirectory, { recursive: true });
  const student = await readStudent(options.textDirectory);
  const worlds = new Map<boolean, AblationWorld>();
  const worldOf = async (isDistilled: boolean) => {
    const world =
      worlds.get(isDistilled) ??
      (await readWorld({ ...options, student, isDistilled, numThreads: settings.numThreads }));
    worlds.set(isDistilled, world);
    return world;
  };
  const { seeds: _, ...depends } = settings;
  const kept = async <Result>(name: string, seed: number, run: () => Promise<Result>): Promise<Result> => {
    signal?.throwIfAborted();
    const key = createHash('sha256')
      .update(JSON.stringify([name, seed, depends, student.id]))
      .digest('hex')
      .slice(0, 16);
    const path = join(runDirectory, `${key}.json`);
    const known = await readFile(path, 'utf8').catch(() => undefined);
    if (known !== undefined) return JSON.parse(known) as Result;
    const result = await run();
    await writeFileAtomic(path, JSON.stringify(result));
    return result;
  };
  const total = (variants.length + adaptations.length) * settings.seeds.length;
  let done = 0;
  const finished = () => onProgress?.({ stage: 'variants', done: ++done, total, unit: 'runs' });
  const rows: AblationRow[] = [];
  for (const variant of variants) {
    const results: VariantResult[] = [];
    for (const seed of settings.seeds) {
      const world = () => worldOf(variant.isDistilled);
      const folder = { runDirectory: join(runDirectory, 'checkpoints'), ...(signal ? { signal } : {}) };
      results.push(
        await kept(variant.name, seed, async () => runVariant(variant, await world(), settings, seed, folder)),
      );
      finished();
    }
    rows.push({ variant, results });
  }
  const adapted: AdaptRow[] = [];
  for (const adaptation of adaptations) {
    const results: AdaptResult[] = [];
    for (const seed of settings.seeds) {
      const run = () => adaptEncoder(adaptation, { ...options, student, settings, seed });
      results.push(await kept(adaptation.name, seed, run));
      finished();
    }
    adapted.push({ name: adaptation.name, results });
  }
  const { questions } = await worldOf(true);
  const candidates = Object.fromEntries(questions.map(({ name, candidates: { shape } }) => [name, shape[0]!]));
  return { settings, candidates, rows, adaptations: adapted };
}
