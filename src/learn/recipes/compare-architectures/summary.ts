/** @file The comparison over its seeds: each figure of each architecture with the interval that the seeds leave for it, and what the literature claims. */
import { overSeeds, type SeedFigure } from '../../evaluate/seeds.ts';
import type { CompareResult, RunResult } from './compare-architectures.ts';
import type { ArchitectureName } from './settings.ts';

/** One figure of every architecture. */
export interface ComparedFigure {
  readonly name: string;
  /** How the number is to be read. */
  readonly unit: 'share' | 'score' | 'millions' | 'ms' | 'number';
  readonly byArchitecture: Readonly<Partial<Record<ArchitectureName, SeedFigure>>>;
}

/** Figures that belong together. */
export interface ComparedTable {
  readonly title: string;
  readonly figures: readonly ComparedFigure[];
}

/** What the literature says of the two, and what was found here. */
export interface ClaimCheck {
  /** Joint over hierarchical in mean R@10 over all directions of all held-out sets, minus 1; of each seed. */
  readonly retrievalGain: SeedFigure;
  /** Joint over hierarchical in operations of a training step, minus 1. */
  readonly trainingGain: number;
  /** The same in operations to encode media and a text. */
  readonly inferenceGain: number;
}

type Unit = ComparedFigure['unit'];

function compared(
  runs: readonly RunResult[],
  name: string,
  unit: Unit,
  of: (run: RunResult) => number | undefined,
): ComparedFigure {
  const names = [...new Set(runs.map(({ architecture }) => architecture))];
  const entries = names.flatMap((architecture) => {
    const values = runs.filter((run) => run.architecture === architecture).flatMap((run) => of(run) ?? []);
    return values.length === 0 ? [] : [[architecture, overSeeds(values)] as const];
  });
  return { name, unit, byArchitecture: Object.fromEntries(entries) };
}

const shownNames = { picture: 'picture', video: 'video', sound: 'sound' } as const;

/** The tables of a comparison. */
export function comparisonTables({ runs }: Pick<CompareResult, 'runs'>): ComparedTable[] {
  const figure = (name: string, unit: Unit, of: (run: RunResult) => number | undefined) =>
    compared(runs, name, unit, of);
  const [first] = runs;
  if (first === undefined) return [];
  const sizes = [
    figure('trained parameters', 'millions', ({ parameters }) => parameters.trained / 1e6),
    figure('all parameters', 'millions', ({ parameters }) => parameters.total / 1e6),
    figure(
      'training: MFLOP a sample, forward, backward and update',
      'number',
      ({ training }) => training.flopsPerSample / 1e6,
    ),
    figure('training: ms a step', 'ms', ({ training }) => training.secondsPerStep && training.secondsPerStep * 1000),
    figure('encode media: MFLOP', 'number', ({ costs }) => costs.mediaFlops / 1e6),
    figure('encode media: ms', 'ms', ({ costs }) => costs.mediaMs),
    figure('encode a text: MFLOP', 'number', ({ costs }) => costs.textFlops / 1e6),
    figure('encode a text: ms', 'ms', ({ costs }) => costs.textMs),
    figure('write a caption of full length: MFLOP', 'number', ({ costs }) => costs.captionFlops / 1e6),
    figure('write a caption of full length: ms', 'ms', ({ costs }) => costs.captionMs),
    figure('loss at the end', 'score', ({ training }) => training.finalLoss),
  ];
  const retrieval = first.retrieval.flatMap(({ set, direction, candidates }) =>
    (['r1', 'r5', 'r10'] as const).map((k) =>
      figure(
        `${set}: ${direction}, R@${k.slice(1)} of ${candidates} (chance ${chance(Number(k.slice(1)), candidates)})`,
        'share',
        (run) => run.retrieval.find((one) => one.set === set && one.direction === direction)?.[k],
      ),
    ),
  );
  const sets = [undefined, ...new Set(first.retrieval.map(({ set }) => set))];
  const means = sets.flatMap((set) =>
    (['r1', 'r5', 'r10'] as const).map((k) =>
      figure(`${set ?? 'all held-out sets'}: mean R@${k.slice(1)} over its directions`, 'share', (run) =>
        meanRetrieval(run, k, set),
      ),
    ),
  );
  const captions = first.captions.flatMap(({ set, shown, language, beamWidth, items }) =>
    (['exact', 'bleu2', 'bleu4', 'cider'] as const).map((metric) =>
      figure(
        `${set}: ${shownNames[shown]}, ${language}, ${beamWidth === 1 ? 'greedy' : `beam ${beamWidth}`} (${items} items): ${metricNames[metric]}`,
        metric === 'cider' ? 'score' : 'share',
        (run) =>
          run.captions.find(
            (one) => one.set === set && one.shown === shown && one.language === language && one.beamWidth === beamWidth,
          )?.[metric],
      ),
    ),
  );
  const likelihood = first.likelihood.flatMap(({ set, shown, items, plain }) =>
    (['plain', 'relative'] as const).map((kind) =>
      figure(
        `${set}: ${shown} (${items} items), right of ${plain.numCandidates} names by ${kind === 'plain' ? 'likelihood' : 'what media add to it'}`,
        'share',
        (run) => run.likelihood.find((one) => one.set === set && one.shown === shown)?.[kind].accuracy,
      ),
    ),
  );
  const byModalities = first.byModalities.flatMap(({ numModalities, items }) =>
    (['r1', 'r5', 'likelihoodAccuracy'] as const).map((metric) =>
      figure(
        `${numModalities} of picture, video, speech: ${metric === 'likelihoodAccuracy' ? 'right of 10 names' : `name, R@${metric.slice(1)} of ${items}`}`,
        'share',
        (run) => run.byModalities.find((one) => one.numModalities === numModalities)?.[metric],
      ),
    ),
  );
  return [
    { title: 'Size and cost', figures: sizes },
    { title: 'Retrieval', figures: [...means, ...retrieval] },
    { title: 'Captions', figures: captions },
    { title: 'Classification by likelihood (chance 0.100)', figures: likelihood },
    { title: 'By the number of modalities given', figures: byModalities },
  ];
}

const metricNames = { exact: 'exact', bleu2: 'BLEU-2', bleu4: 'BLEU-4', cider: 'CIDEr' } as const;

function chance(k: number, candidates: number): string {
  return Math.min(1, k / candidates).toFixed(3);
}

/** The mean over the directions of a set; over those of every set if none is named. */
function meanRetrieval({ retrieval }: RunResult, k: 'r1' | 'r5' | 'r10', set?: string): number {
  const own = retrieval.filter((one) => set === undefined || one.set === set);
  return own.reduce((sum, one) => sum + one[k], 0) / own.length;
}

/** What was found of the claim that the joint architecture retrieves 12 % better at 30 % more compute; undefined without both architectures. */
export function checkClaim({ runs }: Pick<CompareResult, 'runs'>): ClaimCheck | undefined {
  const of = (architecture: ArchitectureName) => runs.filter((run) => run.architecture === architecture);
  const pairs = of('joint').flatMap((joint) => {
    const hierarchical = of('hierarchical').find(({ seed }) => seed === joint.seed);
    return hierarchical === undefined ? [] : [{ joint, hierarchical }];
  });
  const [first] = pairs;
  if (first === undefined) return undefined;
  const encode = ({ costs }: RunResult) => costs.mediaFlops + costs.textFlops;
  return {
    retrievalGain: overSeeds(
      pairs.map(({ joint, hierarchical }) => meanRetrieval(joint, 'r10') / meanRetrieval(hierarchical, 'r10') - 1),
    ),
    trainingGain: first.joint.training.flopsPerSample / first.hierarchical.training.flopsPerSample - 1,
    inferenceGain: encode(first.joint) / encode(first.hierarchical) - 1,
  };
}
