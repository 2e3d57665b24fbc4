/** @file `sensorium eval`: measures a bundle on data that its training did not see. */
import { defineCommand } from 'citty';
import type { SuiteResult } from '../../learn/index.ts';
import { UsageError } from '../failure.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { formatTable, outputOptions, printJson, printLines } from '../output.ts';
import { showProgress } from '../progress-bar.ts';

// Loaded only for a command line that is right. (In a method the compiler leaves the paths of imports as they are.)
const loadLearn = () => import('../../learn/index.ts');
const loadBundle = () => import('../../bundle/index.ts');

const suites = ['text-image'];

export default defineCommand({
  meta: { name: 'eval', description: 'Measure a bundle' },
  args: {
    bundle: { type: 'positional', required: false, description: 'Folder of the bundle; the built-in one by default' },
    suite: { type: 'string', description: `What to measure: ${suites.join(', ')}`, default: 'text-image' },
    ...outputOptions,
  },
  async run({ args }) {
    if (!suites.includes(args.suite)) {
      throw new UsageError(`eval: --suite must be one of ${suites.join(', ')}, got "${args.suite}"`);
    }
    const { evaluateTextImage } = await loadLearn();
    const { defaultBundleDirectory } = await loadBundle();
    const interrupt = listenForInterrupt();
    const bar = showProgress(args);
    try {
      const directory = (args.bundle as string | undefined) ?? defaultBundleDirectory();
      const report = await evaluateTextImage(directory, { onProgress: bar.onProgress, signal: interrupt.signal });
      bar.close();
      if (args.json) printJson(report);
      else printLines(`suite ${report.suite}, bundle ${report.bundle}`, '', ...table(report.results));
    } finally {
      bar.close();
      interrupt.dispose();
    }
  },
});

function table(results: readonly SuiteResult[]): string[] {
  const head = ['task', 'direction', 'candidates', 'R@1', 'R@5', 'R@10', '95 % of R@10', 'chance', 'median rank'];
  const rows = results.map((row) => [
    row.task,
    row.direction,
    String(row.candidates),
    ...[row.r1, row.r5, row.r10].map((share) => share.toFixed(3)),
    row.r10Interval.map((share) => share.toFixed(3)).join('–'),
    row.chance.toFixed(3),
    String(row.medianRank),
  ]);
  return formatTable([head, ...rows], [2, 3, 4, 5, 6, 7, 8]);
}
