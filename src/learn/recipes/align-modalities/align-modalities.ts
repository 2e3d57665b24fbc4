/**
 * @file The recipe `align-modalities`: texts in two languages, pictures, sounds and moving pictures in one space, from installed data to a bundle. What
 * other recipes train is taken from folders, or trained here in order: the space of pictures and English texts, the distilled text encoder, the
 * audio tower, the video tower with its head. Its own two stages are `stage-one.ts` and `stage-two.ts`.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type MultimodalManifest,
  openPictureTower,
  openTextTower,
  openTrainedTextTower,
  type PictureTower,
  type Provenance,
  type TextTower,
  writeFacts,
} from '../../../bundle/index.ts';
import { FormatError, type OnProgress, type Tensor } from '../../../engine/core/index.ts';
import type { StepFigures } from '../../../engine/train/index.ts';
import type { ImageOutput } from '../../../model/index.ts';
import { conceptFacts, factsLicence } from '../../data/concept-facts.ts';
import { dataPackages, readCatalog } from '../../data/index.ts';
import { holdRunFolder } from '../../train/run-folder.ts';
import { currentCommit } from '../current-commit.ts';
import { exportHalfHead } from '../finetune-image-tower/export.ts';
import { readStart, type Start } from '../finetune-image-tower/start.ts';
import { openSpace } from '../train-video-tower/space.ts';
import { animationVectors, rowsOf } from './clip-vectors.ts';
import { type AudioPart, readAudio, readStudent, readVideo, type StudentPart, type VideoPart } from './parts.ts';
import { buildPictureCorpus, type PictureCorpus } from './picture-corpus.ts';
import { type AlignModalitiesSettings, alignModalitiesSettings } from './settings.ts';
import { readSoundCorpus } from './sound-corpus.ts';
import { alignLanguages, headsOf, mixHeads, type SpaceHeads } from './stage-one.ts';
import { alignSounds } from './stage-two.ts';
import { trainMissing } from './train-missing.ts';
import { type LanguageTable, preferred, readQuestions, validateHeads } from './validation.ts';
import { writeModalities } from './write-modalities.ts';

/** Folders of parts that are trained already. What is absent is trained, in the run folder. */
export interface PartFolders {
  /** A bundle of the kind `text-image`: the heads of pictures and English texts to start from. */
  readonly space?: string;
  /** What `distill-text` wrote. */
  readonly text?: string;
  /** What `train-audio-tower` wrote. */
  readonly audio?: string;
  /** What `train-video-tower` wrote; its head is trained again where it belongs to another space. */
  readonly video?: string;
}

/** Where the recipe reads and writes. */
export interface AlignModalitiesOptions {
  readonly settings?: AlignModalitiesSettings;
  readonly parts?: PartFolders;
  /** The folder that `sensorium data` filled; its default if absent. */
  readonly dataDirectory?: string;
  /** Checkpoints and logs of this run; an unfinished run in it is continued. */
  readonly runDirectory: string;
  /** Folder of the feature cache. */
  readonly cacheDirectory: string;
  /** Folder of the cache of spectrograms. */
  readonly spectrogramDirectory: string;
  /** Folder of the bundle that is written at the end. */
  readonly bundleDirectory: string;
  /** Forget an unfinished run in `runDirectory`; parts that are finished there stay. */
  readonly fresh?: boolean;
  readonly numThreads?: number;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** What the recipe made. */
export interface AlignModalitiesResult {
  readonly bundleDirectory: string;
  readonly manifest: MultimodalManifest;
  /** The figures of the last step of stage two. */
  readonly final: StepFigures;
  /** R@10 from text to picture on what is chosen by, before and after stage one. */
  readonly validation: { readonly start: LanguageTable; readonly stageOne: LanguageTable };
  readonly seconds: number;
  readonly numPictures: number;
  readonly numTexts: number;
  readonly numSounds: number;
}

/**
 * Runs the recipe. Stopped by its signal or killed, it goes on from its last checkpoint when run again.
 * @throws MissingDataError if data or a part is not there; RunBusyError if another process trains in the run folder.
 */
export async function alignModalities(options: AlignModalitiesOptions): Promise<AlignModalitiesResult> {
  const release = await holdRunFolder(options.runDirectory);
  try {
    if (options.fresh) {
      for (const stage of ['one', 'two']) await rm(join(options.runDirectory, stage), { recursive: true, force: true });
    }
    return await align(options);
  } finally {
    await release();
  }
}

async function align(options: AlignModalitiesOptions): Promise<AlignModalitiesResult> {
  const { settings = alignModalitiesSettings(), runDirectory } = options;
  const during = duringOf(options);
  const missing = trainMissing(options);
  const start = await readStart(await missing.space());
  const student = await readStudent(await missing.text());
  const runtime = options.numThreads === undefined ? {} : { numThreads: options.numThreads };
  const towers = await openTowers(start, student, runtime);
  try {
    const one = await stageOne(start, towers, { ...options, settings });
    const made = { start, ports: towers.picture.ports, heads: one.heads, student };
    const provenance = (metrics: Provenance['metrics'], seconds: number) =>
      describe(settings, { ...metrics, pictures: one.numPictures, texts: one.numTexts }, seconds);
    const spaceDirectory = join(runDirectory, 'space-bundle');
    await writeModalities(spaceDirectory, { ...made, provenance: provenance(one.final, one.seconds) });

    const audio = await readAudio(await missing.audio());
    const video = await readVideo(await missing.video(spaceDirectory));
    const sounds = await soundsOf(options, { spaceDirectory, audio, video, pictures: one.plain, towers });
    const two = await alignSounds({
      corpus: sounds.corpus,
      settings,
      logitScale: one.heads.logitScale,
      startId: `${audio.id} ${sounds.id}`,
      runDirectory: join(runDirectory, 'two'),
      ...(options.numThreads === undefined ? {} : { runtime }),
      ...during,
    });
    const final = two.result.figures.at(-1)!;
    const seconds = one.seconds + two.result.seconds;
    const manifest = await writeModalities(options.bundleDirectory, {
      ...made,
      audio: { part: audio, head: two.head },
      video,
      facts: { bytes: writeFacts(conceptFacts(options.dataDirectory)), licence: factsLicence },
      provenance: provenance({ ...final, share: one.final.share!, ...flat(one.validation.stageOne) }, seconds),
    });
    return {
      bundleDirectory: options.bundleDirectory,
      manifest,
      final,
      validation: one.validation,
      seconds,
      numPictures: one.numPictures,
      numTexts: one.numTexts,
      numSounds: sounds.corpus.audio.shape[0]!,
    };
  } finally {
    await Promise.all([towers.picture.close(), towers.english.close(), towers.chinese.close()]);
  }
}

/** What stage two learns from. */
async function soundsOf(
  options: AlignModalitiesOptions,
  made: { spaceDirectory: string; audio: AudioPart; video: VideoPart; pictures: PlainPictures; towers: Towers },
) {
  const runtime = options.numThreads === undefined ? {} : { numThreads: options.numThreads };
  const shared = {
    runtime,
    cacheDirectory: options.cacheDirectory,
    ...(options.dataDirectory === undefined ? {} : { dataDirectory: options.dataDirectory }),
    ...duringOf(options),
  };
  const space = await openSpace(made.spaceDirectory, runtime);
  try {
    const { audio, video, pictures, towers } = made;
    const shown = {
      picture: { concepts: pictures.concepts, vectors: await space.encodeFeatures(pictures.features) },
      video: await animationVectors({ ...shared, space, video, pictureTower: towers.picture }),
    };
    const { spectrogramDirectory } = options;
    return await readSoundCorpus({ ...shared, spectrogramDirectory, space, audio, shown });
  } finally {
    await space.close();
  }
}

/** Each picture of stage one once, as it is. */
interface PlainPictures {
  readonly concepts: readonly string[];
  /** Raw, `[pictures, F]`. */
  readonly features: Tensor<'float32'>;
}

function plainPictures({ sources, pictures }: PictureCorpus): PlainPictures {
  const items = sources.flatMap((source) => source.items);
  const rows = items.map((item) => item.rows.picture![0]!);
  return { concepts: items.map(({ concept }) => concept), features: rowsOf(pictures, rows) };
}

interface Towers {
  readonly picture: PictureTower;
  readonly english: TextTower;
  readonly chinese: TextTower;
}

async function openTowers(start: Start, student: StudentPart, runtime: { numThreads?: number }): Promise<Towers> {
  const { tower, size, outputs, weights } = start.bundle.manifest.picture;
  if (tower === 'vision-transformer' || weights !== undefined) {
    throw new FormatError('align-modalities: starts from a bundle whose picture tower is that of its package');
  }
  const { model, tokenizer, id, maxTokens } = student;
  return {
    picture: await openPictureTower({ variant: tower, size, outputs: outputs as readonly ImageOutput[] }, runtime),
    english: await openTextTower('embedding', runtime),
    chinese: await openTrainedTextTower({ weights: model, tokenizer, id, maxTokens }, runtime),
  };
}

interface StageOneMade {
  readonly heads: SpaceHeads;
  readonly validation: { readonly start: LanguageTable; readonly stageOne: LanguageTable };
  readonly final: StepFigures;
  readonly seconds: number;
  readonly numPictures: number;
  readonly numTexts: number;
  readonly plain: PlainPictures;
}

/** How far from the heads of the start to those that are trained; validation chooses, may prefer the start, and takes none that costs English. */
const shares = [0.25, 0.5, 0.75, 1];

/** Stage one. */
async function stageOne(
  start: Start,
  towers: Towers,
  options: AlignModalitiesOptions & { readonly settings: AlignModalitiesSettings },
): Promise<StageOneMade> {
  const { settings, runDirectory, cacheDirectory, dataDirectory } = options;
  const during = duringOf(options);
  const directory = dataDirectory === undefined ? {} : { directory: dataDirectory };
  const data = dataDirectory === undefined ? {} : { dataDirectory };
  const { sources, numViews } = settings.stageOne;
  const all = await readCatalog({ sources, ...directory });
  const records = all.filter(({ split }) => split === 'train');
  const corpus = await buildPictureCorpus({
    records,
    pictureTower: towers.picture,
    textTower: towers.english,
    chineseTower: towers.chinese,
    numViews,
    seed: 0,
    cacheDirectory,
    ...data,
    ...during,
  });
  const questions = await readQuestions({
    pictureTower: towers.picture,
    textTowers: { en: towers.english, zh: towers.chinese },
    padding: start.bundle.manifest.picture.padding,
    cacheDirectory,
    ...data,
    ...during,
  });
  const { heads, result } = await alignLanguages({
    start,
    corpus,
    settings,
    runDirectory: join(runDirectory, 'one'),
    ...(options.numThreads === undefined ? {} : { runtime: { numThreads: options.numThreads } }),
    ...during,
  });
  const measure = ({ picture, text }: Omit<SpaceHeads, 'logitScale'>) =>
    validateHeads(
      {
        picture: exportHalfHead(picture.head, picture.statistics, towers.picture.ports),
        text: exportHalfHead(text.head, text.statistics, [{ name: 'features', dim: text.statistics.mean.shape[0]! }]),
      },
      questions,
    );
  const before = { heads: headsOf(start), table: await measure(start), share: 0 };
  const others: (typeof before)[] = [];
  for (const share of shares) {
    const mixed = mixHeads(before.heads, heads, share);
    others.push({ heads: mixed, table: await measure(mixed), share });
  }
  const best = preferred(before, others);
  return {
    heads: best.heads,
    validation: { start: before.table, stageOne: best.table },
    final: { ...result.figures.at(-1)!, share: best.share },
    seconds: result.seconds,
    plain: plainPictures(corpus),
    numPictures: records.length,
    numTexts: corpus.texts.shape[0]! + (corpus.chinese?.shape[0] ?? 0),
  };
}

function flat(table: LanguageTable): Record<string, number> {
  return Object.fromEntries(
    Object.entries(table).flatMap(([language, figures]) =>
      Object.entries(figures).map(([name, value]) => [`${language}.${name}`, value as number]),
    ),
  );
}

function duringOf({ onProgress, signal }: AlignModalitiesOptions) {
  return { ...(onProgress ? { onProgress } : {}), ...(signal ? { signal } : {}) };
}

function describe(settings: AlignModalitiesSettings, metrics: Provenance['metrics'], seconds: number): Provenance {
  return {
    recipe: 'align-modalities',
    createdAt: new Date().toISOString(),
    commit: currentCommit(),
    seed: settings.seed,
    steps: settings.stageOne.numSteps + settings.stageTwo.numSteps,
    seconds: Math.round(seconds),
    settings: { ...settings },
    data: dataPackages
      .filter((one) => one.use === 'training')
      .map(({ name, version, licence, holds }) => ({ package: name, version, licence, use: holds })),
    metrics,
  };
}
