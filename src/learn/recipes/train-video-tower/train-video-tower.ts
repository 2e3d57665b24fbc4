/**
 * @file The recipe `train-video-tower`: a temporal tower beside the frozen picture tower, in two stages. Stage one is video alone; stage two puts
 * clips into the space of a bundle by texts, everything but the head frozen. Run again with another bundle, it trains a new head only.
 */
import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { openPictureTower } from '../../../bundle/index.ts';
import type { OnProgress, Tensor } from '../../../engine/core/index.ts';
import { exportOnnx } from '../../../engine/onnx/index.ts';
import { loadExecutable } from '../../../engine/runtime/index.ts';
import type { StepFigures } from '../../../engine/train/index.ts';
import { cachedFeatures } from '../../data/features.ts';
import { holdRunFolder } from '../../train/run-folder.ts';
import { columnStatistics } from '../align-text-image/statistics.ts';
import { currentCommit } from '../current-commit.ts';
import { type Clip, type ClipFeatures, clipFeatures, frameRows } from './clips.ts';
import { type VideoCorpus, videoCorpus } from './corpus.ts';
import { clipVectors, frameVectors, meanOfFrames, towerFeatures } from './embed-clips.ts';
import { captionVectors } from './head-batches.ts';
import { type VideoSettings, videoSettings } from './settings.ts';
import { openSpace, type Space } from './space.ts';
import { trainTower, videoTowerGraph } from './stage-one.ts';
import { trainHead, videoHeadGraph } from './stage-two.ts';
import {
  type AnimatedFigures,
  animatedFigures,
  type EmbeddedClips,
  type MotionFigures,
  motionFigures,
  unseenPhrase,
  withoutTime,
} from './video-figures.ts';

/** Where the recipe reads and writes. */
export interface VideoRecipeOptions {
  readonly settings?: VideoSettings;
  /** The bundle whose space clips are put into. */
  readonly bundleDirectory: string;
  /** The folder that `sensorium data` filled; its default if absent. */
  readonly dataDirectory?: string;
  /** Checkpoints and logs of this run; an unfinished run in it is continued. */
  readonly runDirectory: string;
  /** Folder of the feature cache. */
  readonly cacheDirectory: string;
  /** Folder of `video-tower.onnx`, `video-head.onnx` and `video.json`, which tells settings and figures. */
  readonly outputDirectory: string;
  /** Forget what `runDirectory` holds. */
  readonly fresh?: boolean;
  /** Threads of the towers and of training. */
  readonly numThreads?: number;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** The figures of one language. */
export interface VideoFigures {
  /** Composed clips of concepts and artists that training never saw. */
  readonly validation: MotionFigures;
  readonly test: MotionFigures;
  /** The test clips, asked in words that no training text uses. */
  readonly testUnseenPhrases: MotionFigures;
  readonly animated: AnimatedFigures;
  /** The same for the mean of frames. */
  readonly withoutTime: { readonly test: MotionFigures; readonly animated: AnimatedFigures };
}

/** What the recipe made. */
export interface VideoRecipeResult {
  readonly outputDirectory: string;
  /** The figures of the last step of each stage. */
  readonly final: { readonly stageOne: StepFigures; readonly stageTwo: StepFigures };
  /** Held-out figures, by language. */
  readonly figures: Readonly<Record<string, VideoFigures>>;
  readonly seconds: number;
  readonly numClips: number;
}

/**
 * Runs the recipe. Stopped by its signal or killed, it goes on from its last checkpoint when run again.
 * @throws MissingDataError if data or the bundle is not installed; RunBusyError if another process trains in the run folder.
 */
export async function trainVideoTower(options: VideoRecipeOptions): Promise<VideoRecipeResult> {
  if (options.fresh) await rm(options.runDirectory, { recursive: true, force: true });
  const release = await holdRunFolder(options.runDirectory);
  try {
    return await run(options);
  } finally {
    await release();
  }
}

async function run(options: VideoRecipeOptions): Promise<VideoRecipeResult> {
  const { settings = videoSettings(), runDirectory, outputDirectory, numThreads } = options;
  const during = duringOf(options);
  const runtime = numThreads === undefined ? {} : { numThreads };
  const corpus = await videoCorpus(options.dataDirectory, settings.corpus);
  const features = await corpusFeatures(corpus, settings, options);
  const { training } = features;
  const statistics = columnStatistics([frameRows(training.pictureFeatures)]);
  const clips = corpus.training;
  const stage = { settings, clips, features: training, statistics, runDirectory, ...runtime, ...during };
  const stageOne = await trainTower(stage);
  const towerBytes = exportOnnx(videoTowerGraph(stageOne.params.tower, statistics, settings), { name: 'video-tower' });

  const space = await openSpace(options.bundleDirectory, runtime);
  const tower = await loadExecutable(towerBytes, runtime);
  try {
    const frames = await frameVectors(space, training);
    const encode = (texts: readonly string[]) => cachedTexts(space, texts, options);
    const stageTwo = await trainHead({
      settings,
      corpus: {
        clips,
        features: await towerFeatures(tower, training),
        appearance: meanOfFrames(frames),
        ...(await captionVectors(clips, space, encode)),
      },
      logitScale: space.logitScale,
      startId: `${space.id} ${createHash('sha256').update(towerBytes).digest('hex')}`,
      runDirectory,
      ...runtime,
      ...during,
    });
    const headBytes = exportOnnx(videoHeadGraph(stageTwo.params, settings.numFrames), { name: 'video-head' });
    const head = await loadExecutable(headBytes, { numThreads: 1 });
    const embed = async (own: readonly Clip[], seen: ClipFeatures): Promise<EmbeddedClips> => {
      const vectors = await frameVectors(space, seen);
      return {
        clips: own,
        frames: vectors,
        vectors: await clipVectors(head, vectors, await towerFeatures(tower, seen)),
      };
    };
    const embedded = {
      validation: await embed(corpus.validation, features.validation),
      test: await embed(corpus.test, features.test),
      animated: await embed(corpus.heldOutAnimated, features.heldOutAnimated),
    };
    await head.close();
    const figures = await allFigures(embedded, corpus, space);
    const final = { stageOne: stageOne.result.figures.at(-1)!, stageTwo: stageTwo.result.figures.at(-1)! };
    const seconds = stageOne.result.seconds + stageTwo.result.seconds;
    const provenance = {
      recipe: 'train-video-tower',
      createdAt: new Date().toISOString(),
      commit: currentCommit(),
      space: space.id,
      seconds: Math.round(seconds),
      clips: clips.length,
      settings,
      final,
      figures,
    };
    await mkdir(outputDirectory, { recursive: true });
    await writeFileAtomic(join(outputDirectory, 'video-tower.onnx'), Buffer.from(towerBytes));
    await writeFileAtomic(join(outputDirectory, 'video-head.onnx'), Buffer.from(headBytes));
    await writeFileAtomic(join(outputDirectory, 'video.json'), `${JSON.stringify(provenance, null, 2)}\n`);
    return { outputDirectory, final, figures, seconds, numClips: clips.length };
  } finally {
    await Promise.all([tower.close(), space.close()]);
  }
}

function duringOf({ onProgress, signal }: VideoRecipeOptions) {
  return { ...(onProgress ? { onProgress } : {}), ...(signal ? { signal } : {}) };
}

async function corpusFeatures(corpus: VideoCorpus, settings: VideoSettings, options: VideoRecipeOptions) {
  const { numFrames, picturePadding: padding } = settings;
  const runtime = options.numThreads === undefined ? {} : { numThreads: options.numThreads };
  const pictureTower = await openPictureTower(settings.tower, runtime);
  const { cacheDirectory } = options;
  const of = (clips: readonly Clip[]) =>
    clipFeatures(clips, { pictureTower, numFrames, padding, cacheDirectory, ...duringOf(options) });
  try {
    const training = await of(corpus.training);
    const validation = await of(corpus.validation);
    const test = await of(corpus.test);
    return { training, validation, test, heldOutAnimated: await of(corpus.heldOutAnimated) };
  } finally {
    await pictureTower.close();
  }
}

function cachedTexts(space: Space, texts: readonly string[], options: VideoRecipeOptions): Promise<Tensor<'float32'>> {
  return cachedFeatures({
    items: texts,
    keyOf: (text) => text,
    encoderId: `space ${space.id}`,
    encode: (part) => space.encodeTexts(part),
    directory: options.cacheDirectory,
    shardSize: 4096,
    batchSize: 512,
    unit: 'texts',
    ...duringOf(options),
  });
}

async function allFigures(
  { validation, test, animated }: Readonly<Record<'validation' | 'test' | 'animated', EmbeddedClips>>,
  corpus: VideoCorpus,
  space: Space,
): Promise<Record<string, VideoFigures>> {
  const figures: Record<string, VideoFigures> = {};
  const { testConcepts } = corpus;
  for (const language of ['en', 'zh'] as const) {
    if (!space.languages.includes(language)) continue;
    figures[language] = {
      validation: await motionFigures(validation, space, language),
      test: await motionFigures(test, space, language),
      testUnseenPhrases: await motionFigures(test, space, language, unseenPhrase),
      animated: await animatedFigures(animated, testConcepts, space, language),
      withoutTime: {
        test: await motionFigures(withoutTime(test), space, language),
        animated: await animatedFigures(withoutTime(animated), testConcepts, space, language),
      },
    };
  }
  return figures;
}
