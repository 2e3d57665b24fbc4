/**
 * @file Measures bundles with the suites: one bundle, or several of the same recipe with other seeds, whose figures are then given with their mean and
 * spread. A suite that cannot be measured here is reported as skipped, with the reason and what would help.
 */
import { type Encoder, loadEncoder, readBundle } from '../../bundle/index.ts';
import { MissingDataError } from '../../engine/core/index.ts';
import type { CodeResult } from '../hash/measure-codes.ts';
import { type EvaluationProgress, ItemVectors } from './embed-items.ts';
import { type CalibrationResult, evaluateCalibration, evaluateCodes, indexSuiteNames } from './index-suites.ts';
import { type ChoiceResult, evaluateMotion } from './motion-suite.ts';
import { randomProjection } from './random-projection.ts';
import { evaluateRetrieval, minQueries, type RetrievalResult } from './retrieval-suite.ts';
import { overSeeds, type SeedFigure } from './seeds.ts';
import { readMotionFile, readSuiteFile, type SuiteItem } from './suite-file.ts';
import { type RetrievalSuite, retrievalSuites, type SuiteLanguage } from './suites.ts';

/** The names of the suites of retrieval, in the order in which they are measured; `indexSuiteNames` are asked for by name. */
export const suiteNames: readonly string[] = [...retrievalSuites.map(({ name }) => name), 'text-motion'];

/** One suite: measured, or skipped with the reason. */
export type SuiteOutcome =
  | {
      readonly suite: string;
      readonly status: 'measured';
      /** Of the first bundle and the baseline beside it. */
      readonly results: readonly (SeededResult | CodeResult | CalibrationResult)[];
      /** Of all bundles, where there are several: each row of theirs in the order of `results`, without the baseline's. */
      readonly seeds?: readonly SeedRow[];
    }
  | { readonly suite: string; readonly status: 'skipped'; readonly reason: string };

/** A row that is given over several bundles, too. */
type SeededResult = RetrievalResult | ChoiceResult;

/** A row over several bundles. */
export interface SeedRow {
  /** What names the row: "unseen-concept text-to-video". */
  readonly row: string;
  /** R@1, R@5 and R@10, or accuracy. */
  readonly figures: Readonly<Record<string, SeedFigure>>;
}

/** What `evaluateBundles` found. */
export interface EvaluationReport {
  /** The encoders' ids, the first one's first. */
  readonly bundles: readonly string[];
  readonly seconds: number;
  readonly suites: readonly SuiteOutcome[];
}

/** Options of `evaluateBundles`. */
export interface BundleEvaluationOptions extends EvaluationProgress {
  /** Names of suites; all if absent. */
  readonly suites?: readonly string[];
  /** Where `npm run data` installed media; its default if absent. */
  readonly dataDirectory?: string;
  /** Folder of the questions; those of Sensorium if absent. */
  readonly suiteDirectory?: string;
  /** Measure random projections beside the bundle; true if absent. */
  readonly baseline?: boolean;
}

/**
 * Measures bundles.
 * @param directories the folder of the bundle, and of others to compare it with.
 * @throws MissingDataError if a folder holds no bundle; FormatError if one is damaged; RangeError for a suite that there is not.
 */
export async function evaluateBundles(
  directories: readonly string[],
  options: BundleEvaluationOptions = {},
): Promise<EvaluationReport> {
  const names = options.suites ?? suiteNames;
  const known: readonly string[] = [...suiteNames, ...indexSuiteNames];
  for (const name of names) {
    if (!known.includes(name)) {
      throw new RangeError(`evaluateBundles: there is no suite "${name}"; there are ${known.join(', ')}`);
    }
  }
  const startedAtMs = performance.now();
  const bundles: string[] = [];
  const outcomes: SuiteOutcome[][] = [];
  for (const [i, directory] of directories.entries()) {
    const { id, suites } = await evaluateOne(directory, names, options, i === 0 && options.baseline !== false);
    bundles.push(id);
    outcomes.push(suites);
  }
  const suites = outcomes[0]!.map((first, i) =>
    withSeeds(
      first,
      outcomes.map((own) => own[i]!),
    ),
  );
  return { bundles, seconds: (performance.now() - startedAtMs) / 1000, suites };
}

async function evaluateOne(
  directory: string,
  names: readonly string[],
  options: BundleEvaluationOptions,
  withBaseline: boolean,
): Promise<{ id: string; suites: SuiteOutcome[] }> {
  const { manifest } = await readBundle(directory);
  const encoder = await loadEncoder(directory);
  const baseline = withBaseline ? await randomProjection(manifest.picture, encoder) : undefined;
  try {
    const encoders = baseline === undefined ? [encoder] : [encoder, baseline];
    const vectors = new ItemVectors(encoders, options.dataDirectory, options);
    const suites: SuiteOutcome[] = [];
    for (const name of names) suites.push(await outcomeOf(name, encoder, vectors, encoders, options));
    return { id: encoder.id, suites };
  } finally {
    await Promise.all([encoder.close(), baseline?.close()]);
  }
}

/** One suite measured, or the reason why it is not. */
async function outcomeOf(
  name: string,
  encoder: Encoder,
  vectors: ItemVectors,
  encoders: readonly Encoder[],
  options: BundleEvaluationOptions,
): Promise<SuiteOutcome> {
  const skipped = (reason: string): SuiteOutcome => ({ suite: name, status: 'skipped', reason });
  try {
    if (name === 'codes') return { suite: name, status: 'measured', results: await evaluateCodes(encoder, options) };
    if (name === 'calibration') {
      return { suite: name, status: 'measured', results: await evaluateCalibration(encoder, options) };
    }
    const suite = retrievalSuites.find((one) => one.name === name);
    const lack = suite === undefined ? lackForMotion(encoder) : lackFor(suite, encoder);
    if (lack !== undefined) return skipped(lack);
    const results =
      suite === undefined
        ? await motionResults(encoder, options)
        : await evaluateRetrieval(suite, await readItems(suite, options), vectors, encoders.map(roleOf));
    if (results.length > 0) return { suite: name, status: 'measured', results };
    return skipped(`fewer than ${minQueries} held-out files of one side have their like on the other`);
  } catch (error) {
    if (!(error instanceof MissingDataError)) throw error;
    return skipped(error.message);
  }
}

function roleOf(encoder: Encoder, index: number): string {
  return index === 0 ? 'bundle' : encoder.id;
}

async function readItems(
  suite: RetrievalSuite,
  { suiteDirectory }: BundleEvaluationOptions,
): Promise<[readonly SuiteItem[], readonly SuiteItem[]]> {
  const [left, right] = await Promise.all(suite.sides.map(({ file }) => readSuiteFile(file, suiteDirectory)));
  return [left!, right!];
}

async function motionResults(encoder: Encoder, options: BundleEvaluationOptions): Promise<ChoiceResult[]> {
  const items = await readMotionFile('text-motion', options.suiteDirectory);
  const heldOut = items.filter(({ split }) => split !== 'train');
  const languages = (['en', 'zh'] as const).filter((language) => encoder.languages.includes(language));
  return evaluateMotion(encoder, heldOut, languages, options.dataDirectory, options);
}

/** What an encoder lacks for a suite; undefined if nothing. */
function lackFor(suite: RetrievalSuite, encoder: Encoder): string | undefined {
  for (const { modality, language } of suite.sides) {
    if (!encoder.modalities.includes(modality)) return `the bundle takes no ${modality}`;
    if (modality === 'text' && !understands(encoder, language)) return `the bundle does not understand ${language}`;
  }
  return undefined;
}

function lackForMotion(encoder: Encoder): string | undefined {
  return encoder.modalities.includes('video') ? undefined : 'the bundle takes no video';
}

function understands({ languages }: Encoder, language: SuiteLanguage): boolean {
  return languages.some((known) => known.split('-')[0] === language);
}

/** The outcome of the first bundle, with the figures over all of them. */
function withSeeds(first: SuiteOutcome, all: readonly SuiteOutcome[]): SuiteOutcome {
  if (first.status === 'skipped' || all.length < 2 || !first.results.some(isOfBundle)) return first;
  const rows = all.map((one) => (one.status === 'measured' ? one.results.filter(isOfBundle) : []));
  const seeds = rows[0]!.map((row, i) => {
    const own = rows.flatMap((results) => results[i] ?? []);
    const figures = Object.keys(figuresOf(row)).map(
      (name) => [name, overSeeds(own.map((one) => figuresOf(one)[name]!))] as const,
    );
    return { row: nameOf(row), figures: Object.fromEntries(figures) };
  });
  return { ...first, seeds };
}

function isOfBundle(row: SeededResult | CodeResult | CalibrationResult): row is SeededResult {
  return 'encoder' in row && row.encoder === 'bundle';
}

function nameOf(row: SeededResult): string {
  return 'direction' in row ? `${row.task} ${row.direction}` : `${row.task} ${row.language} ${row.clips}`;
}

function figuresOf(row: SeededResult): Readonly<Record<string, number>> {
  return 'direction' in row ? { r1: row.r1, r5: row.r5, r10: row.r10 } : { accuracy: row.accuracy };
}
