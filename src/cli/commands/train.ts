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
import { longRun } from '../long-run.ts';
import { outputOptions, printJson, printLines } from '../output.ts';
import { formatDuration } from '../progress-bar.ts';

// Loaded only for a command line that is right. (In a method the compiler leaves the paths of imports as they are.)
const loadLearn = () => import('../../learn/index.ts');
const loadBundle = () => import('../../bundle/index.ts');

const recipes = [
  'align-modalities',
  'align-text-image',
  'distill-text',
  'train-audio-tower',
  'train-video-tower',
  'finetune-image-tower',
  'train-vision-transformer',
  'index-space',
] as const;

type Recipe = (typeof recipes)[number];

/** What a recipe made: its result, and lines that tell it to people. */
interface Trained {
  readonly result: object;
  readonly lines: readonly string[];
}

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
      description: 'Bundle to start from, of texts and pictures (default: trained first)',
      valueHint: 'dir',
    },
    text: {
      type: 'string',
      description: 'What distill-text wrote, for align-modalities (default: trained first)',
      valueHint: 'dir',
    },
    audio: { type: 'string', description: 'What train-audio-tower wrote, likewise', valueHint: 'dir' },
    video: { type: 'string', description: 'Run folder of train-video-tower, likewise', valueHint: 'dir' },
    threads: { type: 'string', description: 'Threads of towers and training (default: all cores)', valueHint: 'n' },
    fresh: { type: 'boolean', description: 'Forget an unfinished run in the run folder' },
    ...outputOptions,
  },
  async run({ args }) {
    const recipe = recipes.find((name) => name === args.recipe);
    if (recipe === undefined) {
      throw new UsageError(`train: the recipe must be one of ${recipes.join(', ')}, got "${args.recipe}"`);
    }
    if (args.from !== undefined && startless.includes(recipe)) {
      throw new UsageError(`train: --from is for recipes that start from trained heads; ${recipe} does not`);
    }
    if (recipe === 'train-video-tower' && args.from === undefined) {
      throw new UsageError('train: train-video-tower needs --from, the bundle whose space clips are put into');
    }
    const parts = { text: args.text, audio: args.audio, video: args.video };
    if (recipe !== 'align-modalities' && Object.values(parts).some((part) => part !== undefined)) {
      throw new UsageError('train: --text, --audio and --video are parts of align-modalities');
    }
    const changes = {
      ...wholeNumber('steps', args.steps, 'numSteps'),
      ...wholeNumber('seed', args.seed, 'seed'),
      ...wholeNumber('views', args.views, 'numViews'),
    };
    const runDirectory = resolve(args.run ?? join('runs', recipe));
    const { cacheFolder } = await loadBundle();
    const { result, lines } = await longRun(args, runDirectory, (during) =>
      runRecipe[recipe](changes, {
        runDirectory,
        bundleDirectory: resolve(args.out ?? join(runDirectory, 'bundle')),
        cacheDirectory: { features: join(cacheFolder(), 'features'), pixels: join(cacheFolder(), 'pixels') },
        spectrogramDirectory: join(cacheFolder(), 'spectrograms'),
        fresh: args.fresh ?? false,
        ...during,
        parts: Object.fromEntries(
          Object.entries(parts).flatMap(([name, folder]) => (folder === undefined ? [] : [[name, resolve(folder)]])),
        ),
        ...wholeNumber('threads', args.threads, 'numThreads'),
        ...(args.from === undefined ? {} : { startDirectory: resolve(args.from) }),
        ...(args.data === undefined ? {} : { dataDirectory: args.data }),
      }),
    );
    if (args.json) printJson({ recipe, run: runDirectory, ...result });
    else printLines(...lines);
  },
});

/** Recipes that start from nothing that is trained here. */
const startless: readonly Recipe[] = ['align-text-image', 'distill-text', 'train-audio-tower'];

type Changes = Record<string, number>;

/** Where a recipe reads and writes; each takes what it knows. */
interface RunOptions extends PixelRecipeOptions {
  /** Folders of trained parts, by name. */
  readonly parts: Readonly<Record<string, string>>;
  readonly spectrogramDirectory: string;
  readonly numThreads?: number;
}

/** How each recipe runs, with some of its settings changed. */
const runRecipe: Readonly<Record<Recipe, (changes: Changes, options: RunOptions) => Promise<Trained>>> = {
  'align-modalities': async ({ numSteps, ...changes }, { cacheDirectory, startDirectory, parts, ...options }) => {
    const { alignModalities, alignModalitiesSettings } = await loadLearn();
    const settings = alignModalitiesSettings(changes);
    const steps = numSteps === undefined ? {} : { numSteps, warmupSteps: Math.ceil(numSteps / 10) };
    const result = await alignModalities({
      ...options,
      settings: {
        ...settings,
        stageOne: { ...settings.stageOne, ...steps },
        stageTwo: { ...settings.stageTwo, ...steps },
      },
      parts: { ...parts, ...(startDirectory === undefined ? {} : { space: startDirectory }) },
      cacheDirectory: cacheDirectory.features,
    });
    const { bundleDirectory, numPictures, numTexts, numSounds, seconds, final } = result;
    const figures = Object.entries(result.validation.stageOne).map(
      ([language, { heldOutConcepts, heldOutArtist }]) =>
        `text to picture, R@10 (${language}): ${heldOutConcepts.toFixed(3)} held-out concepts, ${heldOutArtist.toFixed(3)} held-out artist`,
    );
    return {
      result,
      lines: [
        `both stages in ${formatDuration(seconds)}: loss ${final.loss.toFixed(4)}`,
        `learned from ${numPictures} pictures, ${numTexts} texts and ${numSounds} sounds`,
        ...figures,
        `bundle: ${bundleDirectory}`,
        `measure it: sensorium eval ${bundleDirectory} --suite all`,
      ],
    };
  },
  'align-text-image': async (changes, { cacheDirectory, ...options }) => {
    const { alignSettings, alignTextImage } = await loadLearn();
    const settings = alignSettings(changes);
    const warmupSteps = Math.min(settings.warmupSteps, Math.ceil(settings.numSteps / 10));
    return withBundle(
      await alignTextImage({
        ...options,
        settings: { ...settings, warmupSteps },
        cacheDirectory: cacheDirectory.features,
      }),
    );
  },
  'distill-text': async ({ numViews: _, ...changes }, { cacheDirectory, numThreads, ...options }) => {
    const { distillText, distillTextSettings } = await loadLearn();
    const result = await distillText({
      ...options,
      settings: distillTextSettings(changes),
      cacheDirectory: cacheDirectory.features,
      ...(numThreads === undefined ? {} : { runtime: { numThreads } }),
    });
    const { bundleDirectory, seconds, final, numTexts, numPairs } = result;
    return {
      result,
      lines: [
        `trained in ${formatDuration(seconds)}: loss ${final.loss.toFixed(4)}`,
        `learned from ${numTexts} texts, ${numPairs} pairs`,
        `student.onnx and tokenizer.json: ${bundleDirectory}`,
      ],
    };
  },
  'train-audio-tower': async (
    { numViews: _, ...changes },
    { spectrogramDirectory, bundleDirectory, numThreads, ...options },
  ) => {
    const { audioTowerSettings, trainAudioTower } = await loadLearn();
    const settings = audioTowerSettings({ ...changes, ...(numThreads === undefined ? {} : { numThreads }) });
    const warmupSteps = Math.min(settings.warmupSteps, Math.ceil(settings.numSteps / 10));
    const result = await trainAudioTower({
      ...options,
      settings: { ...settings, warmupSteps },
      cacheDirectory: spectrogramDirectory,
      outputDirectory: bundleDirectory,
    });
    const { towerPath, seconds, final, numSounds, numSpoken } = result;
    return {
      result,
      lines: [
        `trained in ${formatDuration(seconds)}: loss ${final.loss.toFixed(4)}`,
        `learned from ${numSounds} sounds and ${numSpoken} spoken phrases`,
        `tower: ${towerPath}`,
      ],
    };
  },
  'train-video-tower': async (
    { numSteps, numViews: _, ...changes },
    { cacheDirectory, bundleDirectory, startDirectory, ...options },
  ) => {
    const { trainVideoTower, videoSettings } = await loadLearn();
    const settings = videoSettings(changes);
    const steps = numSteps === undefined ? {} : { numSteps, warmupSteps: Math.ceil(numSteps / 10) };
    const result = await trainVideoTower({
      ...options,
      settings: {
        ...settings,
        stageOne: { ...settings.stageOne, ...steps },
        stageTwo: { ...settings.stageTwo, ...steps },
      },
      bundleDirectory: startDirectory!,
      cacheDirectory: cacheDirectory.features,
      outputDirectory: bundleDirectory,
    });
    const { outputDirectory, seconds, final, numClips } = result;
    return {
      result,
      lines: [
        `both stages in ${formatDuration(seconds)}: loss ${final.stageTwo.loss.toFixed(4)}`,
        `learned from ${numClips} clips`,
        `tower and head: ${outputDirectory}`,
      ],
    };
  },
  'finetune-image-tower': async ({ numSteps, ...changes }, options) => {
    const { finetuneSettings, finetuneImageTower } = await loadLearn();
    const settings = finetuneSettings(changes);
    return withBundle(
      await finetuneImageTower({
        ...options,
        settings: numSteps === undefined ? settings : shortened(settings, numSteps),
      }),
    );
  },
  'train-vision-transformer': async (changes, options) => {
    const { trainVisionTransformer, visionTransformerSettings } = await loadLearn();
    const settings = visionTransformerSettings(changes);
    const warmupSteps = Math.min(settings.warmupSteps, Math.ceil(settings.numSteps / 10));
    return withBundle(await trainVisionTransformer({ ...options, settings: { ...settings, warmupSteps } }));
  },
  'index-space': async (
    { numSteps, numViews: _, ...changes },
    { cacheDirectory, startDirectory, runDirectory, bundleDirectory, fresh, dataDirectory, numThreads, ...during },
  ) => {
    const { indexSpace, indexSpaceSettings } = await loadLearn();
    const { defaultBundleDirectory } = await loadBundle();
    const settings = indexSpaceSettings(changes);
    const { onProgress, signal } = during;
    const result = await indexSpace({
      settings: numSteps === undefined ? settings : { ...settings, codes: { ...settings.codes, numSteps } },
      startDirectory: startDirectory ?? defaultBundleDirectory(),
      cacheDirectory: cacheDirectory.features,
      runDirectory,
      bundleDirectory,
      ...(fresh === undefined ? {} : { fresh }),
      ...(dataDirectory === undefined ? {} : { dataDirectory }),
      ...(numThreads === undefined ? {} : { numThreads }),
      ...(onProgress === undefined ? {} : { onProgress }),
      ...(signal === undefined ? {} : { signal }),
    });
    const recall = Object.entries(result.recall).map(([name, value]) => `${name} ${value.toFixed(3)}`);
    return {
      result,
      lines: [
        `codes and calibration in ${formatDuration(result.seconds)}, from ${result.numTraining} things`,
        `recall@10 within 100 by code, on validation: ${recall.join(', ')}; shipped: ${result.chosen}`,
        `nothing matches below a probability of ${result.calibration.cutoff.toFixed(2)}`,
        `bundle: ${result.bundleDirectory}`,
        `measure it: sensorium eval ${result.bundleDirectory} --suite codes,calibration`,
      ],
    };
  },
};

/** What is told of a bundle of texts and pictures. */
function withBundle(result: AlignResult | FinetuneResult | VisionTransformerResult): Trained {
  const { steps } = result.manifest.provenance;
  const resumed = 'resumedFrom' in result && result.resumedFrom > 0;
  const from = resumed ? `, the last ${steps - result.resumedFrom} of them now` : '';
  return {
    result,
    lines: [
      `${steps} steps${from}, in ${formatDuration(result.seconds)}: loss ${result.final.loss.toFixed(4)}`,
      `learned from ${result.numPictures} pictures and ${result.numTexts} texts`,
      `bundle: ${result.bundleDirectory}`,
      `measure it: sensorium eval ${result.bundleDirectory} --suite text-image`,
    ],
  };
}

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
