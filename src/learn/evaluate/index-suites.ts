/**
 * @file The suites of what search needs of a space, on the test split: `codes`, recall of the bundle's codes beside projections that need no gradients; and `calibration`,
 * whether probabilities hold and "nothing matches" is said when it is so, beside one threshold on the cosine.
 */
import { join } from 'node:path';
import { cacheFolder, calibrate, type Encoder, probabilityOf } from '../../bundle/index.ts';
import { MissingDataError } from '../../engine/core/index.ts';
import { type CalibrationFigures, calibrationFigures } from '../calibrate/calibration-figures.ts';
import { bestCutoff, type HitProbability } from '../calibrate/fit-calibration.ts';
import { fitLogistic } from '../calibrate/logistic.ts';
import type { Trial } from '../calibrate/trials.ts';
import { type CodeResult, measureCodes } from '../hash/measure-codes.ts';
import { Products } from '../hash/products.ts';
import { baselineProjections } from '../recipes/index-space/baselines.ts';
import { codeQuestions } from '../recipes/index-space/code-questions.ts';
import { indexItems } from '../recipes/index-space/items.ts';
import { type IndexSpaceSettings, indexSpaceSettings } from '../recipes/index-space/settings.ts';
import { splitTrials, splitVectors } from '../recipes/index-space/splits.ts';
import type { EvaluationProgress } from './embed-items.ts';

/** One row of the suite `calibration`. */
export interface CalibrationResult extends CalibrationFigures {
  /** Which searches: "all", those of a kind of query, or those in libraries of a size. */
  readonly group: string;
  /** `calibrated`, or the baseline `cosine`. */
  readonly scores: 'calibrated' | 'cosine';
  readonly cutoff: number;
}

/** The names of these suites. They are asked for by name: what they encode first takes minutes, and is kept in the feature cache. */
export const indexSuiteNames = ['codes', 'calibration'] as const;

/** What the suites need. */
export interface IndexSuiteOptions extends EvaluationProgress {
  readonly dataDirectory?: string;
  /** Those of the recipe if absent. */
  readonly settings?: IndexSpaceSettings;
}

async function inSpace<T>(
  encoder: Encoder,
  { settings = indexSpaceSettings(), ...options }: IndexSuiteOptions,
  work: (of: SpaceOf, settings: IndexSpaceSettings, products: Products) => Promise<T>,
): Promise<T> {
  const items = await indexItems(options.dataDirectory, settings.items);
  const cacheDirectory = join(cacheFolder(), 'features');
  const products = await Products.open();
  try {
    return await work(
      (split) => splitVectors(encoder, items, split, { ...options, cacheDirectory }),
      settings,
      products,
    );
  } finally {
    await products.close();
  }
}

type SpaceOf = (split: 'train' | 'validation' | 'test') => ReturnType<typeof splitVectors>;

/**
 * Measures the codes of a bundle.
 * @throws MissingDataError if it brings none, or data is not installed.
 */
export function evaluateCodes(encoder: Encoder, options: IndexSuiteOptions = {}): Promise<CodeResult[]> {
  const { codes } = encoder;
  if (codes === undefined) throw new MissingDataError('the bundle brings no codes; make them with "train index-space"');
  return inSpace(encoder, options, async (splitOf, settings, products) => {
    const training = await splitOf('train');
    const questions = codeQuestions(await splitOf('test'), training, settings.calibration.numQueries, settings.seed);
    const projections = {
      bundle: codes.projection,
      ...(await baselineProjections(training, codes.offsets, settings, products)),
    };
    const results: CodeResult[] = [];
    for (const [name, projection] of Object.entries(projections)) {
      results.push(...(await measureCodes(name, projection, codes.offsets, questions, products)));
    }
    return results;
  });
}

/**
 * Measures the calibration of a bundle.
 * @throws MissingDataError if it brings none, or data is not installed.
 */
export function evaluateCalibration(encoder: Encoder, options: IndexSuiteOptions = {}): Promise<CalibrationResult[]> {
  const { calibration } = encoder;
  if (calibration === undefined) {
    throw new MissingDataError('the bundle is not calibrated; do it with "train index-space"');
  }
  return inSpace(encoder, options, async (splitOf, settings, products) => {
    const trialsOf = async (split: 'validation' | 'test') =>
      splitTrials(await splitOf(split), settings.calibration, settings.seed, products);
    const cosine = cosineBaseline(await trialsOf('validation'));
    const scores = {
      calibrated: {
        probability: (queryKind, hit) => calibrate(calibration, { queryKind, ...hit }),
        cutoff: calibration.cutoff,
      },
      cosine,
    } satisfies Record<CalibrationResult['scores'], Baseline>;
    return groupsOf(await trialsOf('test')).flatMap(([group, trials]) =>
      (['calibrated', 'cosine'] as const).map((name) => {
        const { probability, cutoff } = scores[name];
        return { group, scores: name, cutoff, ...calibrationFigures(trials, probability, cutoff) };
      }),
    );
  });
}

interface Baseline {
  readonly probability: HitProbability;
  readonly cutoff: number;
}

/** One logistic function of the cosine for all kinds, with the cut-off that is best on the same searches. */
function cosineBaseline(validation: readonly Trial[]): Baseline {
  const hits = validation.flatMap((trial) => trial.hits.map((hit) => ({ ...hit, standing: 0 })));
  const weights = fitLogistic(hits, { bias: -2, cosine: 0, standing: 0 }, 1e-3);
  const probability: HitProbability = (_, { cosine }) => probabilityOf(weights, cosine, 0);
  return { probability, cutoff: bestCutoff(validation, probability) };
}

/** All searches, those of each kind of query, and those in libraries of each size. */
function groupsOf(trials: readonly Trial[]): [string, readonly Trial[]][] {
  const groups = new Map<string, Trial[]>([['all', [...trials]]]);
  for (const nameOf of [({ queryKind }: Trial) => queryKind, ({ size }: Trial) => `library of ${size}`]) {
    for (const trial of trials) {
      const group = groups.get(nameOf(trial));
      if (group === undefined) groups.set(nameOf(trial), [trial]);
      else group.push(trial);
    }
  }
  return [...groups];
}
