/**
 * @file What the ablations learn from and ask: a part of the real data, as cached features of frozen towers. Pictures by two artists with texts in both
 * languages; animations as the mean of their frames' features; sounds as mean and deviation of their log-mel bands over time, which needs no
 * trained tower. Questions are about validation concepts, and about recordings of validation.
 *
 * F: picture features; G: text features; A: features of sounds.
 */
import { openPictureTower, openTextTower, openTrainedTextTower, type TextTower } from '../../../bundle/index.ts';
import { type OnProgress, Tensor } from '../../../engine/core/index.ts';
import { decodeAudio, logMel } from '../../../media/index.ts';
import { cachedFeatures, stackRows } from '../../data/features.ts';
import { readCatalog } from '../../data/index.ts';
import type { GroupItem } from '../../data/sampler.ts';
import { readSounds, type SoundRecord } from '../../data/sounds.ts';
import { rowsOf } from '../align-modalities/clip-vectors.ts';
import type { StudentPart } from '../align-modalities/parts.ts';
import { buildPictureCorpus, TextRows, textFeatures } from '../align-modalities/picture-corpus.ts';
import { alignModalitiesSettings } from '../align-modalities/settings.ts';
import { soundItems } from '../align-modalities/sound-corpus.ts';
import { readQuestions } from '../align-modalities/validation.ts';
import { columnStatistics, standardizeRows } from '../align-text-image/statistics.ts';
import { type Clip, type ClipFeatures, clipFeatures } from '../train-video-tower/clips.ts';
import { videoCorpus } from '../train-video-tower/corpus.ts';
import { videoSettings } from '../train-video-tower/settings.ts';

/** Texts that must find candidates; query i is answered by candidate i. */
export interface AblationQuestion {
  readonly name: string;
  readonly query: 'text' | 'chinese';
  readonly candidate: 'picture' | 'video' | 'audio';
  /** `[Q, G]`, standardized. */
  readonly queries: Tensor<'float32'>;
  /** `[Q, F]` or `[Q, A]`, standardized. */
  readonly candidates: Tensor<'float32'>;
}

/** The data of all variants. */
export interface AblationWorld {
  /** Standardized features by modality: `picture`, `text`, `chinese`, `video`, `audio`. */
  readonly tables: Readonly<Record<string, Tensor<'float32'>>>;
  readonly pictures: readonly { readonly items: readonly GroupItem[] }[];
  readonly clips: { readonly items: readonly GroupItem[] };
  readonly sounds: { readonly items: readonly GroupItem[] };
  readonly questions: readonly AblationQuestion[];
}

/** What `readWorld` needs. */
export interface WorldOptions {
  readonly student: StudentPart;
  /** Whether Chinese is read by the distilled encoder, or, without distillation, by the English one. */
  readonly isDistilled: boolean;
  readonly dataDirectory?: string;
  readonly cacheDirectory: string;
  readonly numThreads: number;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

const modalities = ['picture', 'text', 'chinese', 'video', 'audio'] as const;
type Modality = (typeof modalities)[number];

/** Reads the data, and computes what the cache does not hold. */
export async function readWorld(options: WorldOptions): Promise<AblationWorld> {
  const { student, cacheDirectory, numThreads, dataDirectory } = options;
  const from = dataDirectory === undefined ? {} : { directory: dataDirectory };
  const video = videoSettings();
  const pictureTower = await openPictureTower(video.tower, { numThreads });
  const english = await openTextTower('embedding', { numThreads });
  const distilled = await openTrainedTextTower(
    { weights: student.model, tokenizer: student.tokenizer, id: student.id, maxTokens: student.maxTokens },
    { numThreads },
  );
  const chineseTower = options.isDistilled ? distilled : english;
  try {
    const { sources, numViews } = alignModalitiesSettings().stageOne;
    const records = (await readCatalog({ sources, ...from })).filter(({ split }) => split === 'train');
    const shared = { ...options, pictureTower, textTower: english };
    const corpus = await buildPictureCorpus({ ...shared, records, chineseTower: distilled, numViews, seed: 0 });
    const asked = await readQuestions({ ...shared, textTowers: { en: english, zh: chineseTower }, padding: 0.15 });
    const clips = await readClips(shared, video);
    const sounds = readSounds(from);
    const audio = await soundFeatures(sounds, options);
    const towers = { text: english, chinese: chineseTower };
    return await assemble({ corpus, clips, sounds, audio, asked: asked.questions, towers, options, cacheDirectory });
  } finally {
    await Promise.all([pictureTower.close(), english.close(), distilled.close()]);
  }
}

interface Clips {
  readonly training: readonly Clip[];
  readonly asked: readonly Clip[];
  /** Mean over the frames, `[clips, F]`, those of training first. */
  readonly features: Tensor<'float32'>;
}

async function readClips(
  options: WorldOptions & { readonly pictureTower: Awaited<ReturnType<typeof openPictureTower>> },
  { numFrames, picturePadding: padding, corpus: sizes }: ReturnType<typeof videoSettings>,
): Promise<Clips> {
  const corpus = await videoCorpus(options.dataDirectory, sizes);
  const of = (clips: readonly Clip[]) => clipFeatures(clips, { ...options, numFrames, padding });
  const isPlain = (clip: Clip) => clip.kind === 'animated' && !clip.isMirrored;
  const kept = (clips: readonly Clip[], keep: (clip: Clip) => boolean) =>
    clips.flatMap((clip, i) => (keep(clip) ? [i] : []));
  const training = kept(corpus.training, isPlain);
  const asked = kept(corpus.heldOutAnimated, (clip) => isPlain(clip) && !corpus.testConcepts.has(clip.concept));
  return {
    training: training.map((i) => corpus.training[i]!),
    asked: asked.map((i) => corpus.heldOutAnimated[i]!),
    features: stackRows([
      rowsOf(meanFeatures(await of(corpus.training)), training),
      rowsOf(meanFeatures(await of(corpus.heldOutAnimated)), asked),
    ]),
  };
}

function meanFeatures({ pictureFeatures: { shape, data } }: ClipFeatures): Tensor<'float32'> {
  const [numClips, numFrames, dim] = shape as [number, number, number];
  const mean = new Float32Array(numClips * dim);
  for (let clip = 0; clip < numClips; clip++) {
    for (let frame = 0; frame < numFrames; frame++) {
      for (let i = 0; i < dim; i++) mean[clip * dim + i]! += data[(clip * numFrames + frame) * dim + i]! / numFrames;
    }
  }
  return new Tensor('float32', [numClips, dim], mean);
}

/** Mean and deviation over time of each band: `[sounds, 128]`. */
function soundFeatures(sounds: readonly SoundRecord[], options: WorldOptions): Promise<Tensor<'float32'>> {
  return cachedFeatures({
    items: sounds,
    keyOf: ({ id }) => id,
    encoderId: 'log-mel 64, mean and deviation',
    directory: options.cacheDirectory,
    unit: 'sounds',
    ...(options.onProgress ? { onProgress: options.onProgress } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
    encode: async (part) => {
      const rows: Tensor<'float32'>[] = [];
      for (const { path } of part) {
        const { samples } = await decodeAudio(path, { sampleRateHz: 16_000 });
        const { mean, deviation } = columnStatistics([logMel(samples.subarray(0, 160_000))]);
        rows.push(new Tensor('float32', [1, 128], Float32Array.from([...mean.data, ...deviation.data].map(Number))));
      }
      return stackRows(rows);
    },
  });
}

/** Views of a picture that are learned from, of those that are cached. */
const numViewsKept = 2;

async function assemble(from: {
  readonly corpus: Awaited<ReturnType<typeof buildPictureCorpus>>;
  readonly clips: Clips;
  readonly sounds: readonly SoundRecord[];
  readonly audio: Tensor<'float32'>;
  readonly asked: Awaited<ReturnType<typeof readQuestions>>['questions'];
  readonly towers: Readonly<Record<'text' | 'chinese', TextTower>>;
  readonly options: WorldOptions;
  readonly cacheDirectory: string;
}): Promise<AblationWorld> {
  const { corpus, clips, sounds, audio, asked, towers, options } = from;
  const kept: number[] = [];
  // The first and the last source: emoji by Noto and by Fluent, flat. Of their Chinese texts, the name.
  const chineseNames = new Map<number, number>();
  const pictures = [corpus.sources[0]!, corpus.sources.at(-1)!].map(({ items }) => ({
    items: items.map(({ concept, rows }): GroupItem => {
      const own = rows.picture!.slice(0, numViewsKept).map((row) => kept.push(row) - 1);
      const names = rows.chinese!.slice(0, 1);
      for (const name of names) if (!chineseNames.has(name)) chineseNames.set(name, chineseNames.size);
      return {
        concept,
        rows: { picture: own, text: rows.text!, chinese: names.map((name) => chineseNames.get(name)!) },
      };
    }),
  }));
  const more = { text: new TextRows(), chinese: new TextRows() };
  const numTexts = corpus.texts.shape[0]!;
  const shifted = (items: readonly GroupItem[]): GroupItem[] =>
    items.map(({ concept, rows }) => ({
      concept,
      rows: {
        ...rows,
        text: (rows.text ?? []).map((row) => numTexts + row),
        chinese: (rows.chinese ?? []).map((row) => chineseNames.size + row),
      },
    }));
  const clipItems = shifted(
    clips.training.map(({ concept, name }, row) => ({
      concept,
      rows: {
        video: [row],
        text: [more.text.rowOf(name.en)],
        chinese: name.zh === undefined ? [] : [more.chinese.rowOf(name.zh)],
      },
    })),
  );
  const soundsItems = shifted(soundItems(sounds, more.text, more.chinese));
  const encode = (language: 'text' | 'chinese', texts: readonly string[]) =>
    textFeatures(texts, towers[language], options);
  const tables: Record<Modality, Tensor<'float32'>> = {
    picture: rowsOf(corpus.pictures, kept),
    text: stackRows([corpus.texts, await encode('text', more.text.texts)]),
    chinese: stackRows([
      options.isDistilled
        ? rowsOf(corpus.chinese!, [...chineseNames.keys()])
        : await encode('chinese', namesIn(corpus.chineseTexts, chineseNames)),
      await encode('chinese', more.chinese.texts),
    ]),
    video: rowsOf(clips.features, [...clips.training.keys()]),
    audio: audio,
  };
  const statistics = Object.fromEntries(modalities.map((name) => [name, columnStatistics([tables[name]])]));
  const ready = (name: Modality, table: Tensor<'float32'>) => {
    const copy = new Tensor('float32', table.shape, table.data.slice());
    standardizeRows(copy, statistics[name]!);
    return copy;
  };
  const questions: AblationQuestion[] = [];
  const ask = (
    name: string,
    [query, queries]: readonly ['text' | 'chinese', Tensor<'float32'>],
    [candidate, candidates]: readonly [AblationQuestion['candidate'], Tensor<'float32'>],
  ) =>
    questions.push({
      name,
      query,
      candidate,
      queries: ready(query, queries),
      candidates: ready(candidate, candidates),
    });
  const unseen = asked.find(({ figure }) => figure === 'heldOutConcepts')!;
  ask('text to picture', ['text', unseen.texts.en!], ['picture', unseen.pictures]);
  ask('Chinese to picture', ['chinese', unseen.texts.zh!], ['picture', unseen.pictures]);
  const first = clips.training.length;
  const named = [...new Map(clips.asked.map((clip, i) => [clip.name.en, first + i])).entries()];
  const animations = rowsOf(
    clips.features,
    named.map(([, row]) => row),
  );
  ask(
    'text to animation',
    [
      'text',
      await encode(
        'text',
        named.map(([name]) => name),
      ),
    ],
    ['video', animations],
  );
  const heard = [
    ...new Map(sounds.flatMap((sound, i) => (sound.split === 'train' ? [] : [[sound.text.en, i]]))).entries(),
  ];
  const recordings = rowsOf(
    audio,
    heard.map(([, row]) => Number(row)),
  );
  ask(
    'text to sound',
    [
      'text',
      await encode(
        'text',
        heard.map(([name]) => String(name)),
      ),
    ],
    ['audio', recordings],
  );
  return {
    tables: Object.fromEntries(modalities.map((name) => [name, ready(name, tables[name])])),
    pictures,
    clips: { items: clipItems },
    sounds: { items: soundsItems },
    questions,
  };
}

function namesIn(texts: readonly string[], rows: ReadonlyMap<number, number>): string[] {
  return [...rows.keys()].map((row) => texts[row]!);
}
