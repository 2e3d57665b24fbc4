/** @file `sensorium compare-architectures`: the joint and the hierarchical architecture on equal terms, over several seeds. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { defineCommand } from 'citty';
import type { ArchitectureName } from '../../learn/index.ts';
import { UsageError } from '../failure.ts';
import { longRun, seedsOf } from '../long-run.ts';
import { outputOptions, printJson, printLines } from '../output.ts';

// Loaded only for a command line that is right. (In a method the compiler leaves the paths of imports as they are.)
const loadLearn = () => import('../../learn/index.ts');
const loadBundle = () => import('../../bundle/index.ts');

/** Where `--write` puts the results. */
const resultPath = 'bench/results/architectures.md';

export default defineCommand({
  meta: { name: 'compare-architectures', description: 'Train and compare the joint and the hierarchical architecture' },
  args: {
    seeds: { type: 'string', description: 'How many seeds (default: 3)', valueHint: 'n' },
    steps: {
      type: 'string',
      description: 'Steps of each architecture, instead of the recipe’s number',
      valueHint: 'n',
    },
    architectures: {
      type: 'string',
      description: 'What to compare (default: joint,hierarchical; joint-experts is the third)',
      valueHint: 'names',
    },
    run: { type: 'string', description: 'Folder of the runs (default: runs/compare-architectures)', valueHint: 'dir' },
    data: { type: 'string', description: 'Folder of the data, as `sensorium data` takes it', valueHint: 'dir' },
    write: { type: 'boolean', description: `Write the results to ${resultPath}` },
    ...outputOptions,
  },
  async run({ args }) {
    const numSeeds = seedsOf('compare-architectures', args.seeds).length;
    const numSteps = wholeSteps(args.steps);
    const { architectureNames, compareArchitectures, comparisonReport, comparisonSettings } = await loadLearn();
    const architectures = namesIn(args.architectures ?? 'joint,hierarchical', architectureNames);
    const base = comparisonSettings();
    const settings =
      numSteps === undefined
        ? base
        : comparisonSettings({
            paired: {
              ...base.paired,
              numSteps,
              warmupSteps: Math.min(base.paired.warmupSteps, Math.ceil(numSteps / 10)),
            },
          });
    const { cacheFolder } = await loadBundle();
    const runDirectory = resolve(args.run ?? join('runs', 'compare-architectures'));
    const result = await longRun(args, runDirectory, (during) =>
      compareArchitectures({
        settings,
        architectures,
        numSeeds,
        runDirectory,
        cacheDirectory: join(cacheFolder(), 'features'),
        ...during,
        ...(args.data === undefined ? {} : { dataDirectory: args.data }),
      }),
    );
    const options = [`--seeds ${numSeeds}`, ...(numSteps === undefined ? [] : [`--steps ${numSteps}`])];
    if (args.architectures !== undefined) options.push(`--architectures ${architectures.join(',')}`);
    const report = comparisonReport(result, ['npx sensorium compare-architectures', ...options, '--write'].join(' '));
    if (args.write) {
      await mkdir(dirname(resultPath), { recursive: true });
      await writeFile(resultPath, report);
    }
    if (args.json) printJson(result);
    else printLines(report, ...(args.write ? [`written to ${resultPath}`] : []));
  },
});

function namesIn(text: string, known: readonly ArchitectureName[]): ArchitectureName[] {
  return text.split(',').map((name) => {
    const found = known.find((one) => one === name.trim());
    if (found === undefined) {
      throw new UsageError(`compare-architectures: --architectures takes ${known.join(', ')}, got "${name}"`);
    }
    return found;
  });
}

function wholeSteps(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new UsageError(`compare-architectures: --steps must be a whole number of at least 1, got ${text}`);
  }
  return value;
}
