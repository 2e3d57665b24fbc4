/** @file `sensorium eval`: measures a bundle on data that its training did not see. */
import { defineCommand } from 'citty';
import type {
  CalibrationResult,
  ChoiceResult,
  CodeResult,
  EvaluationReport,
  RetrievalResult,
  SuiteOutcome,
} from '../../learn/index.ts';
import { UsageError } from '../failure.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { formatTable, outputOptions, printJson, printLines } from '../output.ts';
import { formatDuration, showProgress } from '../progress-bar.ts';

// Loaded only for a command line that is right. (In a method the compiler leaves the paths of imports as they are.)
const loadLearn = () => import('../../learn/index.ts');
const loadBundle = () => import('../../bundle/index.ts');

export default defineCommand({
  meta: { name: 'eval', description: 'Measure a bundle' },
  args: {
    bundle: { type: 'positional', required: false, description: 'Folder of the bundle; the built-in one by default' },
    suite: {
      type: 'string',
      description:
        'What to measure: all suites of retrieval, or names with commas between: text-image, text-video-zh, text-motion ..., codes, calibration',
      default: 'all',
      valueHint: 'names',
    },
    also: {
      type: 'string',
      description: 'Bundles of other seeds, with commas between: mean and spread of all are given too',
      valueHint: 'dirs',
    },
    data: { type: 'string', description: 'The folder that "sensorium data" filled', valueHint: 'dir' },
    ...outputOptions,
  },
  async run({ args }) {
    const { evaluateBundles, indexSuiteNames, suiteNames } = await loadLearn();
    const known: readonly string[] = [...suiteNames, ...indexSuiteNames];
    const suites = args.suite === 'all' ? suiteNames : namesIn(args.suite);
    const unknown = suites.find((name) => !known.includes(name));
    if (unknown !== undefined || suites.length === 0) {
      throw new UsageError(`eval: --suite must be all or some of ${known.join(', ')}, got "${args.suite}"`);
    }
    const { defaultBundleDirectory } = await loadBundle();
    const first = (args.bundle as string | undefined) ?? defaultBundleDirectory();
    const interrupt = listenForInterrupt();
    const bar = showProgress(args);
    try {
      const report = await evaluateBundles([first, ...namesIn(args.also ?? '')], {
        suites,
        onProgress: bar.onProgress,
        signal: interrupt.signal,
        ...(args.data === undefined ? {} : { dataDirectory: args.data }),
      });
      bar.close();
      if (args.json) printJson(report);
      else printLines(...describe(report));
    } finally {
      bar.close();
      interrupt.dispose();
    }
  },
});

function namesIn(list: string): string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function describe({ bundles, seconds, suites }: EvaluationReport): string[] {
  const titles = `${bundles.length === 1 ? 'bundle' : 'bundles'} ${bundles.join(', ')}, in ${formatDuration(seconds)}`;
  return [titles, ...suites.flatMap((outcome) => ['', ...describeSuite(outcome)])];
}

function describeSuite(outcome: SuiteOutcome): string[] {
  if (outcome.status === 'skipped') return [`suite ${outcome.suite}: skipped: ${outcome.reason}`];
  const { results, seeds } = outcome;
  const retrieval = results.filter((row) => 'direction' in row);
  const choices = results.filter((row) => 'accuracy' in row);
  const codes = results.filter((row) => 'projection' in row);
  const calibrations = results.filter((row) => 'scores' in row);
  const spread = (seeds ?? []).map(({ row, figures }) => [
    row,
    Object.entries(figures)
      .map(([name, { mean, interval, values }]) => {
        const half = (interval[1] - interval[0]) / 2;
        return `${name} ${mean.toFixed(3)} ± ${half.toFixed(3)} (${values.map((value) => value.toFixed(3)).join(', ')})`;
      })
      .join('; '),
  ]);
  return [
    `suite ${outcome.suite}`,
    ...(retrieval.length > 0 ? retrievalTable(retrieval) : []),
    ...(choices.length > 0 ? choiceTable(choices) : []),
    ...(codes.length > 0 ? codeTable(codes) : []),
    ...(calibrations.length > 0 ? calibrationTable(calibrations) : []),
    ...(spread.length > 0 ? formatTable([['over the bundles', 'mean ± 95 % of the mean'], ...spread]) : []),
  ];
}

const share = (value: number) => value.toFixed(3);
const range = (interval: readonly [number, number]) => interval.map(share).join('–');

function retrievalTable(results: readonly RetrievalResult[]): string[] {
  const head = [
    'task',
    'direction',
    'encoder',
    'queries',
    'candidates',
    'R@1',
    'R@5',
    'R@10',
    '95 % of R@10',
    'chance',
    'median rank',
  ];
  const rows = results.map((row) => [
    row.task,
    row.direction,
    row.encoder,
    String(row.queries),
    String(row.candidates),
    ...[row.r1, row.r5, row.r10].map(share),
    range(row.r10Interval),
    share(row.chance),
    String(row.medianRank),
  ]);
  return formatTable([head, ...rows], [3, 4, 5, 6, 7, 8, 9, 10]);
}

function choiceTable(results: readonly ChoiceResult[]): string[] {
  const head = ['task', 'language', 'clips', 'encoder', 'clips asked', 'accuracy', '95 %', 'chance'];
  const rows = results.map((row) => [
    row.task,
    row.language,
    row.clips,
    row.encoder,
    String(row.items),
    share(row.accuracy),
    range(row.interval),
    share(row.chance),
  ]);
  return formatTable([head, ...rows], [4, 5, 6, 7]);
}

function codeTable(results: readonly CodeResult[]): string[] {
  const head = ['rows', 'library', 'asked by', 'projection', 'queries', 'in all'];
  const depths = ['30', '100', '300'];
  const rows = results.map((row) => [
    row.rowKind,
    row.library,
    row.asker,
    row.projection,
    String(row.queries),
    String(row.rows),
    ...row.hamming.map(share),
    ...row.asymmetric.map(share),
  ]);
  const named = [...depths.map((depth) => `in ${depth}`), ...depths.map((depth) => `float in ${depth}`)];
  return formatTable([[...head, ...named], ...rows], [4, 5, 6, 7, 8, 9, 10, 11]);
}

function calibrationTable(results: readonly CalibrationResult[]): string[] {
  const head = ['searches', 'scores', 'number', 'concepts', 'cut-off', 'AUC', 'ECE'];
  const shares = ['no match: precision', 'recall', 'answered: shown', 'hits: precision', 'recall'];
  const figure = ({ value, interval }: CalibrationResult['noMatchRecall']) => `${share(value)} (${range(interval)})`;
  const rows = results.map((row) => [
    row.group,
    row.scores,
    String(row.searches),
    String(row.concepts),
    row.cutoff.toFixed(2),
    share(row.areaUnderCurve),
    share(row.expectedCalibrationError),
    ...[row.noMatchPrecision, row.noMatchRecall, row.answeredShown, row.shownPrecision, row.shownRecall].map(figure),
  ]);
  return formatTable([[...head, ...shares], ...rows], [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
}
