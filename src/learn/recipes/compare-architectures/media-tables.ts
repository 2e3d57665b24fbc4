/**
 * @file What the frozen front ends see of the corpus: pooled picture features of pictures and frames, thumbnails, and patches of log-mel
 * spectrograms; each computed once and cached. N: rows; F: picture features; T: frames; A: patches; Q: numbers of a patch.
 */
import { basename, join } from 'node:path';
import { openPictureTower, type PictureTower } from '../../../bundle/index.ts';
import { type OnProgress, Tensor } from '../../../engine/core/index.ts';
import { decodeAudio, renderPicture } from '../../../media/index.ts';
import { cachedFeatures } from '../../data/features.ts';
import type { PictureRecord } from '../../data/index.ts';
import { joinFeatures } from '../../data/join-features.ts';
import type { MovingPicture } from '../../data/moving-pictures.ts';
import { viewsOf } from '../../data/picture-views.ts';
import { cachedSpectrograms, numMelBands, type Spectrograms } from '../../data/sounds-spectrograms.ts';
import { type SpeechVoice, speak } from '../../data/speech-voices.ts';
import { animatedClip, clipFeatures } from '../train-video-tower/clips.ts';
import type { ComparisonSettings } from './settings.ts';

/** A picture under some views. */
export interface ShownRecord {
  readonly record: PictureRecord;
  /** 1 for the plain view alone. */
  readonly numViews: number;
}

/** A sound: a file, or a phrase that a voice speaks. */
export type HeardSound =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'speech'; readonly phrase: string; readonly voice: SpeechVoice };

/** What is to be seen and heard, row after row. */
export interface MediaLists {
  readonly pictures: readonly ShownRecord[];
  readonly videos: readonly MovingPicture[];
  readonly sounds: readonly HeardSound[];
}

/** What was seen and heard. */
export interface MediaTables {
  /** `[N, F]`; a picture takes as many rows as it has views. */
  readonly pictures: Tensor<'float32'>;
  /** `[N, T F]` */
  readonly frames: Tensor<'float32'>;
  /** `[N, T · 16 · 16 · 3]`, in [0, 1] */
  readonly thumbnails: Tensor<'float32'>;
  /** `[N, A Q]` */
  readonly sounds: Tensor<'float32'>;
  /** Widths of the stages of the picture tower. */
  readonly stageDims: readonly number[];
}

/** Where front ends read and write. */
export interface FrontEndOptions {
  readonly settings: ComparisonSettings;
  readonly cacheDirectory: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Computes (or reads from the cache) what the front ends see. */
export async function mediaTables(lists: MediaLists, options: FrontEndOptions): Promise<MediaTables> {
  const { settings, cacheDirectory, onProgress, signal } = options;
  const during = { ...(onProgress ? { onProgress } : {}), ...(signal ? { signal } : {}) };
  const tower = await openPictureTower(settings.tower, { numThreads: settings.numThreads });
  try {
    const pictures = await pictureRows(lists.pictures, tower, options);
    const { numFrames, picturePadding } = settings;
    const clips = await clipFeatures(
      lists.videos.map((video) => animatedClip(video, false)),
      { pictureTower: tower, numFrames, padding: picturePadding, cacheDirectory, ...during },
    );
    const flat = ({ shape, data }: Tensor<'float32'>) =>
      new Tensor('float32', [shape[0]!, data.length / Math.max(1, shape[0]!)], data);
    const spectrograms = await cachedSpectrograms({
      items: lists.sounds,
      keyOf: (sound) => (sound.kind === 'file' ? basename(sound.path) : `speech/${sound.voice.id}/${sound.phrase}`),
      samplesOf: (sound) => samplesOf(sound, signal),
      directory: join(cacheDirectory, '..', 'spectrograms'),
      maxSeconds: settings.soundSeconds,
      unit: 'sounds',
      ...during,
    });
    return {
      pictures,
      frames: flat(clips.pictureFeatures),
      thumbnails: flat(clips.thumbnails),
      sounds: patchRows(spectrograms, settings),
      stageDims: tower.ports.map(({ dim }) => dim),
    };
  } finally {
    await tower.close();
  }
}

async function pictureRows(
  shown: readonly ShownRecord[],
  tower: PictureTower,
  { settings, cacheDirectory, onProgress, signal }: FrontEndOptions,
): Promise<Tensor<'float32'>> {
  const views = shown.flatMap(({ record, numViews }) =>
    viewsOf(record, numViews, 0).map((view) => ({
      record,
      view: numViews === 1 ? { ...view, padding: settings.picturePadding } : view,
    })),
  );
  return cachedFeatures({
    items: views,
    keyOf: ({ record, view: { path, ...view } }) =>
      `${record.id}${path === undefined ? '' : ` ${basename(path)}`} ${JSON.stringify(view)}`,
    encoderId: `${tower.id} views-1`,
    encode: async (part) => {
      const pictures = part.map(({ record, view: { path = record.path, ...view } }) =>
        renderPicture(path, { ...view, size: tower.size }),
      );
      return joinFeatures(await tower.run(await Promise.all(pictures)), tower.outputs);
    },
    directory: cacheDirectory,
    batchSize: 32,
    unit: 'pictures',
    ...(onProgress ? { onProgress } : {}),
    ...(signal ? { signal } : {}),
  });
}

async function samplesOf(sound: HeardSound, signal: AbortSignal | undefined): Promise<Float32Array> {
  if (sound.kind === 'speech') return speak(sound.voice, sound.phrase, signal);
  return (await decodeAudio(sound.path, { sampleRateHz: 16_000 })).samples;
}

/** Frames of a spectrogram and bands of it that make one number of a patch, by averaging. */
const framesPerCell = 2;
const bandsPerCell = 2;

/** The numbers Q of a patch. */
export function patchDim({
  soundSeconds,
  numPatches,
}: Pick<ComparisonSettings, 'soundSeconds' | 'numPatches'>): number {
  return ((soundSeconds * 100) / framesPerCell / numPatches) * (numMelBands / bandsPerCell);
}

/** ln of the floor of power, as silence is in a spectrogram. */
const silence = Math.log(1e-10);

/** The beginnings of spectrograms as patches in a row, `[N, A Q]`; what ends sooner is filled with silence. */
function patchRows(spectrograms: Spectrograms, settings: ComparisonSettings): Tensor<'float32'> {
  const numFrames = settings.soundSeconds * 100;
  const numCells = numFrames / framesPerCell;
  const cellDim = numMelBands / bandsPerCell;
  const dim = numCells * cellDim;
  const rows = new Float32Array(spectrograms.length * dim);
  const frames = new Float32Array(numFrames * numMelBands);
  for (let row = 0; row < spectrograms.length; row++) {
    frames.fill(silence);
    spectrograms.copy(row, 0, Math.min(numFrames, spectrograms.numFrames(row)), frames, 0);
    for (let i = 0; i < frames.length; i++) {
      const [frame, band] = [Math.floor(i / numMelBands), i % numMelBands];
      const cell = Math.floor(frame / framesPerCell) * cellDim + Math.floor(band / bandsPerCell);
      rows[row * dim + cell]! += frames[i]! / (framesPerCell * bandsPerCell);
    }
  }
  return new Tensor('float32', [spectrograms.length, dim], rows);
}
