/** @file `sensorium train`: runs a recipe from data to bundle; stopped at any moment, the same command goes on. */
import { join, resolve } from 'node:path';
import { defineCommand } from 'citty';
import { UsageError } from '../failure.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { outputOptions, printJson, printLines } from '../output.ts';
import { formatDuration, showProgress } from '../progress-bar.ts';

// Loaded only for a command line that is right. (In a method the compiler leaves the paths of imports as they are.)
const loadLearn = () => import('../../learn/index.ts');
const loadBundle = () => import('../../bundle/index.ts');

const recipes = ['align-text-image'];

export default defineCommand({
  meta: { name: 'train', description: 'Train a recipe and write a bundle' },
  args: {
    recipe: { type: 'positional', description: `What to train: ${recipes.join(', ')}` },
    run: { type: 'string', description: 'Folder of checkpoint and log (default: runs/<recipe>)', valueHint: 'dir' },
    out: { type: 'string', description: 'Folder of the bundle (default: <run>/bundle)', valueHint: 'dir' },
    data: { type: 'string', description: 'Folder of the data, as `sensorium data` takes it', valueHint: 'dir' },
    steps: { type: 'string', description: 'How many steps, instead of the recipe’s number', valueHint: 'n' },
    seed: { type: 'string', description: 'Seed of parameters and sampling', valueHint: 'n' },
    views: { type: 'string', description: 'Views of each picture, instead of the recipe’s number', valueHint: 'n' },
    fresh: { type: 'boolean', description: 'Forget an unfinished run in the run folder' },
    ...outputOptions,
  },
  async run({ args }) {
    if (!recipes.includes(args.recipe as string)) {
      throw new UsageError(`train: the recipe must be one of ${recipes.join(', ')}, got "${args.recipe}"`);
    }
    const changes = {
      ...wholeNumber('steps', args.steps, 'numSteps'),
      ...wholeNumber('seed', args.seed, 'seed'),
      ...wholeNumber('views', args.views, 'numViews'),
    };
    const runDirectory = resolve(args.run ?? join('runs', args.recipe as string));
    const bundleDirectory = resolve(args.out ?? join(runDirectory, 'bundle'));
    const { alignSettings, alignTextImage } = await loadLearn();
    const { cacheFolder } = await loadBundle();
    const settings = alignSettings(changes);
    const interrupt = listenForInterrupt();
    const bar = showProgress(args);
    try {
      const result = await alignTextImage({
        settings: { ...settings, warmupSteps: Math.min(settings.warmupSteps, Math.ceil(settings.numSteps / 10)) },
        runDirectory,
        bundleDirectory,
        cacheDirectory: join(cacheFolder(), 'features'),
        fresh: args.fresh ?? false,
        onProgress: bar.onProgress,
        signal: interrupt.signal,
        ...(args.data === undefined ? {} : { dataDirectory: args.data }),
      });
      bar.close();
      if (args.json) {
        printJson({ recipe: args.recipe, run: runDirectory, ...result });
        return;
      }
      const from = result.resumedFrom > 0 ? `, the last ${settings.numSteps - result.resumedFrom} of them now` : '';
      printLines(
        `${settings.numSteps} steps${from}, in ${formatDuration(result.seconds)}: loss ${result.final.loss.toFixed(4)}`,
        `learned from ${result.numPictures} pictures and ${result.numTexts} texts`,
        `bundle: ${result.bundleDirectory}`,
        `measure it: sensorium eval ${result.bundleDirectory} --suite text-image`,
      );
    } catch (error) {
      bar.close();
      if (interrupt.signal.aborted) process.stderr.write(`saved in ${runDirectory}; run the same command to go on\n`);
      throw error;
    } finally {
      bar.close();
      interrupt.dispose();
    }
  },
});

function wholeNumber(option: string, text: string | undefined, name: string): Record<string, number> {
  if (text === undefined) return {};
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new UsageError(`train: --${option} must be a whole number of at least 1, got ${text}`);
  }
  return { [name]: value };
}
