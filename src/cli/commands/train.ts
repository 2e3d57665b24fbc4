/** @file `sensorium train`: runs a recipe from data to bundle; stopped at any moment, the same command goes on. */
import { join, resolve } from 'node:path';
import { defineCommand } from 'citty';
import type {
  AlignResult,
  FinetuneResult,
  FinetuneSettings,
  PixelRecipeOptions,
  VisionTransformerResult,
} from '../../learn/index.ts';
import { UsageError } from '../failure.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { outputOptions, printJson, printLines } from '../output.ts';
import { formatDuration, showProgress } from '../progress-bar.ts';

// Loaded only for a command line that is right. (In a method the compiler leaves the paths of imports as they are.)
const loadLearn = () => import('../../learn/index.ts');
const loadBundle = () => import('../../bundle/index.ts');

const recipes = ['align-text-image', 'finetune-image-tower', 'train-vision-transformer'] as const;

type Recipe = (typeof recipes)[number];

/** What the command tells of a recipe's result. */
type Trained = AlignResult | FinetuneResult | VisionTransformerResult;

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
    from: {
      type: 'string',
      description: 'Bundle whose heads to start from (default: trained first)',
      valueHint: 'dir',
    },
    fresh: { type: 'boolean', description: 'Forget an unfinished run in the run folder' },
    ...outputOptions,
  },
  async run({ args }) {
    const recipe = recipes.find((name) => name === args.recipe);
    if (recipe === undefined) {
      throw new UsageError(`train: the recipe must be one of ${recipes.join(', ')}, got "${args.recipe}"`);
    }
    if (recipe === 'align-text-image' && args.from !== undefined) {
      throw new UsageError('train: --from is for recipes that start from trained heads; align-text-image trains them');
    }
    const changes = {
      ...wholeNumber('steps', args.steps, 'numSteps'),
      ...wholeNumber('seed', args.seed, 'seed'),
      ...wholeNumber('views', args.views, 'numViews'),
    };
    const runDirectory = resolve(args.run ?? join('runs', recipe));
    const { cacheFolder } = await loadBundle();
    const interrupt = listenForInterrupt();
    const bar = showProgress(args);
    try {
      const result = await runRecipe[recipe](changes, {
        runDirectory,
        bundleDirectory: resolve(args.out ?? join(runDirectory, 'bundle')),
        cacheDirectory: { features: join(cacheFolder(), 'features'), pixels: join(cacheFolder(), 'pixels') },
        fresh: args.fresh ?? false,
        onProgress: bar.onProgress,
        signal: interrupt.signal,
        ...(args.from === undefined ? {} : { startDirectory: resolve(args.from) }),
        ...(args.data === undefined ? {} : { dataDirectory: args.data }),
      });
      bar.close();
      if (args.json) {
        printJson({ recipe, run: runDirectory, ...result });
        return;
      }
      const { steps } = result.manifest.provenance;
      const resumed = 'resumedFrom' in result && result.resumedFrom > 0;
      const from = resumed ? `, the last ${steps - result.resumedFrom} of them now` : '';
      printLines(
        `${steps} steps${from}, in ${formatDuration(result.seconds)}: loss ${result.final.loss.toFixed(4)}`,
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

type Changes = Record<string, number>;

/** How each recipe runs, with some of its settings changed. */
const runRecipe: Readonly<Record<Recipe, (changes: Changes, options: PixelRecipeOptions) => Promise<Trained>>> = {
  'align-text-image': async (changes, { cacheDirectory, ...options }) => {
    const { alignSettings, alignTextImage } = await loadLearn();
    const settings = alignSettings(changes);
    const warmupSteps = Math.min(settings.warmupSteps, Math.ceil(settings.numSteps / 10));
    return alignTextImage({
      ...options,
      settings: { ...settings, warmupSteps },
      cacheDirectory: cacheDirectory.features,
    });
  },
  'finetune-image-tower': async ({ numSteps, ...changes }, options) => {
    const { finetuneSettings, finetuneImageTower } = await loadLearn();
    const settings = finetuneSettings(changes);
    return finetuneImageTower({
      ...options,
      settings: numSteps === undefined ? settings : shortened(settings, numSteps),
    });
  },
  'train-vision-transformer': async (changes, options) => {
    const { trainVisionTransformer, visionTransformerSettings } = await loadLearn();
    const settings = visionTransformerSettings(changes);
    const warmupSteps = Math.min(settings.warmupSteps, Math.ceil(settings.numSteps / 10));
    return trainVisionTransformer({ ...options, settings: { ...settings, warmupSteps } });
  },
};

/** Each phase of `numSteps` steps. */
function shortened(settings: FinetuneSettings, numSteps: number): FinetuneSettings {
  return {
    ...settings,
    phases: settings.phases.map(({ stopAfter: _, ...phase }) => ({
      ...phase,
      numSteps,
      warmupSteps: Math.min(phase.warmupSteps, Math.ceil(numSteps / 10)),
    })),
  };
}

function wholeNumber(option: string, text: string | undefined, name: string): Record<string, number> {
  if (text === undefined) return {};
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new UsageError(`train: --${option} must be a whole number of at least 1, got ${text}`);
  }
  return { [name]: value };
}
