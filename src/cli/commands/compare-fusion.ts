/** @file `sensorium compare-fusion`: what two sides of a sample tell together, apart and in parts, over several seeds; stopped at any moment, the same command goes on. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { defineCommand } from 'citty';
import type { FuseReport } from '../../learn/index.ts';
import { UsageError } from '../failure.ts';
import { longRun, seedsOf } from '../long-run.ts';
import { outputOptions, printJson, printLines } from '../output.ts';

// Loaded only for a command line that is right. (In a method the compiler leaves the paths of imports as they are.)
const loadLearn = () => import('../../learn/index.ts');

const taskNames = ['study', 'stamps', 'voices'] as const;

/** Headings of the page. */
const titles: Readonly<Record<(typeof taskNames)[number], string>> = {
  study: 'A slice and a record',
  stamps: 'A bad photo and a spoken description: which kind of thing?',
  voices: 'A bad photo and a spoken description: which kind of thing, in which language?',
};

export default defineCommand({
  meta: { name: 'compare-fusion', description: 'Measure what modalities tell together, alone and with parts missing' },
  args: {
    task: { type: 'string', description: 'study, stamps, voices or all (default: all)', valueHint: 'name' },
    seeds: { type: 'string', description: 'How many seeds (default: 3)', valueHint: 'n' },
    run: { type: 'string', description: 'Folder of finished seeds (default: runs/fusion)', valueHint: 'dir' },
    data: { type: 'string', description: 'Folder of the data, as `sensorium data` takes it', valueHint: 'dir' },
    write: { type: 'boolean', description: 'Write bench/results/fusion.md and its charts' },
    fresh: { type: 'boolean', description: 'Forget finished seeds in the run folder' },
    ...outputOptions,
  },
  async run({ args }) {
    const seeds = seedsOf('compare-fusion', args.seeds);
    const wanted = taskNames.filter((name) => [name, 'all', undefined].includes(args.task));
    if (wanted.length === 0)
      throw new UsageError(`compare-fusion: --task is study, stamps, voices or all, got ${args.task}`);
    if (args.write && wanted.length < taskNames.length) {
      throw new UsageError('compare-fusion: --write writes one page of all tasks; leave --task out');
    }
    const { fuseModalities, fusePages, stampsSettings, stampsTask, studyTask } = await loadLearn();
    const stamps = (question: 'kind' | 'kind and language') =>
      stampsTask(stampsSettings({ question, ...(args.data === undefined ? {} : { directory: args.data }) }));
    const makers = {
      study: () => studyTask(),
      stamps: () => stamps('kind'),
      voices: () => stamps('kind and language'),
    };
    const runDirectory = resolve(args.run ?? join('runs', 'fusion'));
    // Made before the first runs, so that missing data is told at once.
    const tasks = wanted.map((name) => makers[name]());
    const reports = await longRun(args, runDirectory, async (during) => {
      const finished: FuseReport[] = [];
      for (const task of tasks) {
        finished.push(
          await fuseModalities({
            task,
            seeds,
            runDirectory: join(runDirectory, task.name),
            cacheDirectory: join(runDirectory, 'cache'),
            fresh: args.fresh ?? false,
            ...during,
          }),
        );
      }
      return finished;
    });
    const pages = reports.map((report) => ({
      name: report.task.name,
      ...fusePages(report, `fusion-${report.task.name}.svg`),
    }));
    const markdown = [
      '# Fusion',
      `What two sides of a sample tell together and alone, and what is left when parts are missing ([docs/fusion.md](../../docs/fusion.md)).
\`npx sensorium compare-fusion --seeds ${seeds.length} --write\``,
      ...pages.flatMap(({ name, markdown }) => [`## ${titles[name]}`, markdown.trim()]),
    ].join('\n\n');
    if (args.write) {
      await mkdir('bench/results', { recursive: true });
      await writeFile('bench/results/fusion.md', `${markdown}\n`);
      for (const { name, chart } of pages) await writeFile(`bench/results/fusion-${name}.svg`, chart);
    }
    if (args.json) printJson(reports.map(({ task, seeds }) => ({ task: task.name, ceilings: task.ceilings, seeds })));
    else printLines(markdown);
  },
});
