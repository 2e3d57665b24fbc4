/**
 * @file Stage one: the heads of pictures and texts, which know English, go on to learn from pictures with texts in both languages. The distilled
 * encoder puts Chinese into the feature space of the English one, so both go through one text head, and Chinese is a third modality that a
 * sample may lack.
 */
import { type OnProgress, type Tensor, Tensor as TensorOf } from '../../../engine/core/index.ts';
import type { RuntimeOptions } from '../../../engine/runtime/index.ts';
import type { FeatureStatistics, Head } from '../../../model/index.ts';
import { standardizeRows } from '../align-text-image/statistics.ts';
import type { Start, StartHead } from '../finetune-image-tower/start.ts';
import type { PictureCorpus } from './picture-corpus.ts';
import type { AlignModalitiesSettings } from './settings.ts';
import { type SpaceData, type TrainSpaceResult, trainSpace } from './train-space.ts';

/** The heads of pictures and texts, and the scale of cosines that they were trained with. */
export interface SpaceHeads {
  readonly picture: StartHead;
  readonly text: StartHead;
  readonly logitScale: number;
}

/** What `alignLanguages` needs. */
export interface AlignLanguagesOptions {
  readonly start: Start;
  readonly corpus: PictureCorpus;
  readonly settings: AlignModalitiesSettings;
  readonly runDirectory: string;
  readonly runtime?: RuntimeOptions;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** The heads that a bundle starts with. */
export function headsOf({ bundle, picture, text }: Start): SpaceHeads {
  return { picture, text, logitScale: bundle.manifest.logitScale };
}

/**
 * The heads a share of the way from those of `start` to `end`: between weights that were trained on from the same start lie better ones
 * (WiSE-FT, arXiv:2109.01903).
 */
export function mixHeads(start: SpaceHeads, end: SpaceHeads, share: number): SpaceHeads {
  const between = (a: StartHead, b: StartHead): StartHead => ({
    head: mixTree(a.head, b.head, share) as StartHead['head'],
    statistics: a.statistics,
  });
  return {
    picture: between(start.picture, end.picture),
    text: between(start.text, end.text),
    logitScale: start.logitScale + share * (end.logitScale - start.logitScale),
  };
}

function mixTree(a: unknown, b: unknown, share: number): unknown {
  if (a instanceof TensorOf) {
    const to = (b as Tensor).data;
    return new TensorOf(
      'float32',
      a.shape,
      Float32Array.from(a.data as Float32Array, (x, i) => x + share * (Number(to[i]) - x)),
    );
  }
  const entries = Object.entries(a as object).map(([name, one]) => [name, mixTree(one, (b as never)[name], share)]);
  return Array.isArray(a) ? entries.map(([, one]) => one) : Object.fromEntries(entries);
}

/** Trains the heads on. */
export async function alignLanguages(
  options: AlignLanguagesOptions,
): Promise<{ readonly heads: SpaceHeads; readonly result: TrainSpaceResult }> {
  const { start, corpus, settings, onProgress, signal } = options;
  const { seed, sampling, nameProbability, stageOne } = settings;
  const result = await trainSpace({
    data: pictureTextData(start, corpus, settings),
    modules: { picture: start.picture.head, text: start.text.head },
    stage: stageOne,
    sampling: { strategy: sampling, texts: ['text', 'chinese'], nameProbability },
    logitScale: start.bundle.manifest.logitScale,
    seed,
    runId: `stage one ${start.id.slice(0, 8)} ${corpus.texts.shape[0]} ${corpus.chinese?.shape[0] ?? 0}`,
    runDirectory: options.runDirectory,
    ...(options.runtime ? { runtime: options.runtime } : {}),
    ...(onProgress ? { onProgress } : {}),
    ...(signal ? { signal } : {}),
  });
  const { picture, text } = result.params.modules as unknown as Record<'picture' | 'text', Head<Tensor<'float32'>>>;
  const heads = {
    picture: { head: picture, statistics: start.picture.statistics },
    text: { head: text, statistics: start.text.statistics },
    logitScale: Math.exp(Number(result.params.logLogitScale.data[0])),
  };
  return { heads, result };
}

function pictureTextData(
  { picture, text }: Start,
  corpus: PictureCorpus,
  settings: AlignModalitiesSettings,
): SpaceData {
  const { pictureDropout, textDropout } = settings.stageOne;
  const texts = (features: Tensor<'float32'>) => ({
    table: standardized(features, text.statistics),
    module: 'text',
    dropout: textDropout,
  });
  return {
    modalities: {
      picture: {
        table: standardized(corpus.pictures, picture.statistics),
        module: 'picture',
        dropout: pictureDropout,
      },
      text: texts(corpus.texts),
      ...(corpus.chinese === undefined ? {} : { chinese: texts(corpus.chinese) }),
    },
    sources: corpus.sources,
    pairs: [['picture', 'text'], ...(corpus.chinese === undefined ? [] : ([['picture', 'chinese']] as const))],
  };
}

/** A copy of raw features, standardized. */
function standardized({ shape, data }: Tensor<'float32'>, statistics: FeatureStatistics): Tensor<'float32'> {
  const copy = new TensorOf('float32', shape, data.slice());
  standardizeRows(copy, statistics);
  return copy;
}
