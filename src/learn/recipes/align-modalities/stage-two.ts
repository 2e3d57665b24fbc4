/**
 * @file Stage two: a little paired data of all modalities. Texts, pictures and clips are in the space already and stay where they are; the head of
 * sounds learns to put each sound with the texts, pictures and clips of its concept, whichever of them there are.
 *
 * D: dimension of the space; A: features of the audio tower.
 */
import { type OnProgress, Rng, type Tensor } from '../../../engine/core/index.ts';
import type { RuntimeOptions } from '../../../engine/runtime/index.ts';
import { type Head, initHead } from '../../../model/index.ts';
import type { GroupItem } from '../../data/sampler.ts';
import { columnStatistics, standardizeRows } from '../align-text-image/statistics.ts';
import type { StartHead } from '../finetune-image-tower/start.ts';
import type { AlignModalitiesSettings } from './settings.ts';
import { type TrainSpaceResult, trainSpace } from './train-space.ts';

/** What stage two learns from. */
export interface SoundCorpus {
  /** Items with rows of `audio` and of any of the tables. */
  readonly sources: readonly { readonly items: readonly GroupItem[] }[];
  /** Features of sounds, `[sounds, A]`. */
  readonly audio: Tensor<'float32'>;
  /** Unit vectors `[N, D]` of what is in the space already, by modality: `text`, `chinese`, `picture`, `video`. */
  readonly vectors: Readonly<Record<string, Tensor<'float32'>>>;
}

/** What `alignSounds` needs. */
export interface AlignSoundsOptions {
  /** Its features of sounds are standardized in place. */
  readonly corpus: SoundCorpus;
  readonly settings: AlignModalitiesSettings;
  readonly logitScale: number;
  /** Names the space and the audio tower. */
  readonly startId: string;
  readonly runDirectory: string;
  readonly runtime?: RuntimeOptions;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Trains the head of sounds. */
export async function alignSounds(
  options: AlignSoundsOptions,
): Promise<{ readonly head: StartHead; readonly result: TrainSpaceResult }> {
  const { corpus, settings, startId, onProgress, signal } = options;
  const { seed, sampling, nameProbability, stageTwo } = settings;
  const statistics = columnStatistics([corpus.audio]);
  standardizeRows(corpus.audio, statistics);
  const spaceDim = Object.values(corpus.vectors)[0]!.shape[1]!;
  const featureDim = corpus.audio.shape[1]!;
  const fixed = Object.entries(corpus.vectors).map(([name, table]) => [name, { table, dropout: 0 }] as const);
  const result = await trainSpace({
    data: {
      modalities: {
        audio: { table: corpus.audio, module: 'audio', dropout: stageTwo.dropout },
        ...Object.fromEntries(fixed),
      },
      sources: corpus.sources,
      pairs: fixed.map(([name]) => ['audio', name] as const),
    },
    modules: { audio: initHead(new Rng(seed).fork('audio head'), { featureDim, spaceDim, ...stageTwo }) },
    stage: stageTwo,
    sampling: { strategy: sampling, texts: ['text', 'chinese'], nameProbability },
    logitScale: options.logitScale,
    seed,
    runId: `stage two ${startId}`,
    runDirectory: options.runDirectory,
    ...(options.runtime ? { runtime: options.runtime } : {}),
    ...(onProgress ? { onProgress } : {}),
    ...(signal ? { signal } : {}),
  });
  return { head: { head: result.params.modules.audio as Head<Tensor<'float32'>>, statistics }, result };
}
