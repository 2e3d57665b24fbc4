/** @file `sensorium ablate`: what each choice of the alignment is worth, with seeds and intervals; stopped at any moment, the same command goes on. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { defineCommand } from 'citty';
import { longRun, seedsOf } from '../long-run.ts';
import { outputOptions, printJson, printLines } from '../output.ts';

// Loaded only for a command line that is right. (In a method the compiler leaves the paths of imports as they are.)
const loadLearn = () => import('../../learn/index.ts');
const loadBundle = () => import('../../bundle/index.ts');

export default defineCommand({
  meta: { name: 'ablate', description: 'Measure what each choice of the alignment is worth' },
  args: {
    text: { type: 'string', description: 'What distill-text wrote', valueHint: 'dir', required: true },
    from: {
      type: 'string',
      description: 'Bundle of texts and pictures (default: models/text-image-en)',
      valueHint: 'dir',
    },
    run: { type: 'string', description: 'Folder of finished figures (default: runs/ablations)', valueHint: 'dir' },
    data: { type: 'string', description: 'Folder of the data, as `sensorium data` takes it', valueHint: 'dir' },
    seeds: { type: 'string', description: 'How many seeds (default: 3)', valueHint: 'n' },
    write: { type: 'boolean', description: 'Write bench/results/ablations.md and its chart' },
    fresh: { type: 'boolean', description: 'Forget finished figures in the run folder' },
    ...outputOptions,
  },
  async run({ args }) {
    const seeds = seedsOf('ablate', args.seeds);
    const { cacheFolder } = await loadBundle();
    const { ablationSettings, ablationsMarkdown, precisionChart, runAblations } = await loadLearn();
    const runDirectory = resolve(args.run ?? join('runs', 'ablations'));
    const report = await longRun(args, runDirectory, (during) =>
      runAblations({
        settings: ablationSettings({ seeds }),
        textDirectory: resolve(args.text),
        spaceDirectory: resolve(args.from ?? 'models/text-image-en'),
        runDirectory,
        cacheDirectory: join(cacheFolder(), 'features'),
        fresh: args.fresh ?? false,
        ...during,
        ...(args.data === undefined ? {} : { dataDirectory: args.data }),
      }),
    );
    const markdown = ablationsMarkdown(
      report,
      `npx sensorium ablate --text <folder of distill-text> --seeds ${seeds.length} --write`,
      'ablations-precision.svg',
    );
    if (args.write) {
      await mkdir('bench/results', { recursive: true });
      await writeFile('bench/results/ablations.md', markdown);
      await writeFile('bench/results/ablations-precision.svg', precisionChart(report));
    }
    if (args.json) printJson(report);
    else printLines(markdown);
  },
});
