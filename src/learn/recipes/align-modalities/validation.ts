/**
 * @file What stage one is chosen by: retrieval of pictures that training never saw and that the suites do not ask for, in both languages. The questions
 * are those of `finetune-image-tower/validation.ts`, fewer of them: validation concepts by two artists of training (`heldOutConcepts`), training
 * concepts by OpenMoji (`heldOutArtist`), validation concepts by OpenMoji (`heldOutBoth`). All are R@10 from text to picture.
 */
import { join } from 'node:path';
import type { PictureTower, TextTower } from '../../../bundle/index.ts';
import { float32Data, type OnProgress, Rng, Tensor } from '../../../engine/core/index.ts';
import { loadExecutable } from '../../../engine/runtime/index.ts';
import { renderPicture } from '../../../media/index.ts';
import { cachedFeatures } from '../../data/features.ts';
import { evaluationItems, type PictureSource, readCatalog } from '../../data/index.ts';
import { joinFeatures } from '../../data/join-features.ts';
import { readChineseNames } from '../../data/moving-pictures.ts';
import { defaultDataDirectory } from '../../data/packages.ts';
import { ranksOf, retrievalFigures } from '../../evaluate/retrieval.ts';

/** R@10 in one language. */
export interface LanguageFigures {
  readonly heldOutConcepts: number;
  readonly heldOutArtist: number;
  readonly heldOutBoth: number;
}

/** The figures of heads, by language. */
export type LanguageTable = Readonly<Record<string, LanguageFigures>>;

/** Questions whose pictures and texts have gone through the towers. */
interface Question {
  readonly figure: keyof LanguageFigures;
  /** `[items, F]` */
  readonly pictures: Tensor<'float32'>;
  /** What is asked, by language. */
  readonly names: Readonly<Record<'en' | 'zh', readonly string[]>>;
  /** `[items, G]` by language. */
  readonly texts: Readonly<Record<string, Tensor<'float32'>>>;
}

/** What validation asks. */
export interface ValidationQuestions {
  readonly questions: readonly Question[];
  /** Width of each output of the picture tower. */
  readonly ports: PictureTower['ports'];
}

const artists = ['noto', 'fluent-3d'] as const;
/** Pictures of OpenMoji that are asked for, of about 1,200. */
const numOfHeldOutArtist = 400;

/** Reads the questions, and computes (or reads from the cache) their features. */
export async function readQuestions(options: {
  readonly pictureTower: PictureTower;
  readonly textTowers: Readonly<Record<string, TextTower>>;
  readonly padding: number;
  readonly cacheDirectory: string;
  readonly dataDirectory?: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}): Promise<ValidationQuestions> {
  const { pictureTower, textTowers, padding, cacheDirectory, dataDirectory = defaultDataDirectory() } = options;
  const records = await readCatalog({ sources: [...artists, 'openmoji'], directory: dataDirectory });
  const chinese = readChineseNames(join(dataDirectory, 'node_modules'));
  const of = (source: PictureSource, split: 'seen' | 'validation') => {
    const own = records.filter((record) => record.source === source);
    const named = evaluationItems(own, split).map((item) => ({
      ...item,
      chinese: chinese.get(item.id.split('/')[1]!)?.tts?.[0],
    }));
    // In both languages no two items share their text.
    return [
      ...new Map(named.flatMap((item) => (item.chinese === undefined ? [] : [[item.chinese, item] as const]))).values(),
    ];
  };
  const asked = [
    ...artists.map((artist) => ['heldOutConcepts', of(artist, 'validation')] as const),
    ['heldOutArtist', new Rng('openmoji').shuffle(of('openmoji', 'seen')).slice(0, numOfHeldOutArtist)] as const,
    ['heldOutBoth', of('openmoji', 'validation')] as const,
  ];
  const during = {
    directory: cacheDirectory,
    ...(options.onProgress ? { onProgress: options.onProgress } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
  };
  const questions: Question[] = [];
  for (const [figure, items] of asked) {
    const pictures = await cachedFeatures({
      ...during,
      items,
      keyOf: ({ id }) => id,
      encoderId: `${pictureTower.id} padded ${padding}`,
      encode: async (part) => {
        const drawn = part.map(({ path }) => renderPicture(path, { size: pictureTower.size, padding }));
        return joinFeatures(await pictureTower.run(await Promise.all(drawn)), pictureTower.outputs);
      },
      batchSize: 32,
      unit: 'pictures of validation',
    });
    const texts: Record<string, Tensor<'float32'>> = {};
    for (const [language, tower] of Object.entries(textTowers)) {
      texts[language] = await tower.run(items.map((item) => (language === 'zh' ? item.chinese! : item.text)));
    }
    const names = { en: items.map(({ text }) => text), zh: items.map((item) => item.chinese!) };
    questions.push({ figure, pictures, names, texts });
  }
  return { questions, ports: pictureTower.ports };
}

/** The figures of heads, as ONNX, by language. */
export async function validateHeads(
  heads: { readonly picture: Uint8Array; readonly text: Uint8Array },
  { questions, ports }: ValidationQuestions,
): Promise<Record<string, LanguageFigures>> {
  const [picture, text] = await Promise.all([loadExecutable(heads.picture), loadExecutable(heads.text)]);
  const shares: Record<string, Record<keyof LanguageFigures, number[]>> = {};
  try {
    for (const question of questions) {
      const pictures = await picture.run(splitColumns(question.pictures, ports));
      const candidates = asRows(pictures.embedding);
      for (const [language, features] of Object.entries(question.texts)) {
        const queries = asRows((await text.run({ features })).embedding);
        const ranks = ranksOf(queries, candidates, [...Array(queries.shape[0]!).keys()]);
        shares[language] ??= { heldOutConcepts: [], heldOutArtist: [], heldOutBoth: [] };
        shares[language][question.figure].push(retrievalFigures(ranks).r10);
      }
    }
  } finally {
    await Promise.all([picture.close(), text.close()]);
  }
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return Object.fromEntries(
    Object.entries(shares).map(([language, { heldOutConcepts, heldOutArtist, heldOutBoth }]) => [
      language,
      {
        heldOutConcepts: mean(heldOutConcepts),
        heldOutArtist: mean(heldOutArtist),
        heldOutBoth: mean(heldOutBoth),
      },
    ]),
  );
}

/**
 * The heads to keep: those with the highest mean over languages and questions, among those whose mean in English is not below that of
 * `start`; `start` itself if none is higher.
 */
export function preferred<T extends { readonly table: LanguageTable }>(start: T, others: readonly T[]): T {
  const english = ({ table }: T) => meanOf(table.en!);
  const score = ({ table }: T) => {
    const means = Object.values(table).map(meanOf);
    return means.reduce((sum, mean) => sum + mean, 0) / means.length;
  };
  return others
    .filter((one) => english(one) >= english(start))
    .reduce((best, one) => (score(one) > score(best) ? one : best), start);
}

function meanOf({ heldOutConcepts, heldOutArtist, heldOutBoth }: LanguageFigures): number {
  return (heldOutConcepts + heldOutArtist + heldOutBoth) / 3;
}

function asRows(tensor: Tensor | undefined): Tensor<'float32'> {
  return new Tensor('float32', tensor!.shape, float32Data(tensor!, 'embedding'));
}

/** `[N, F1 + F2 + ...]` as the outputs of the tower that were put side by side. */
export function splitColumns(rows: Tensor<'float32'>, ports: PictureTower['ports']): Record<string, Tensor<'float32'>> {
  const [numRows, width] = rows.shape as [number, number];
  let column = 0;
  return Object.fromEntries(
    ports.map(({ name, dim }) => {
      const data = new Float32Array(numRows * dim);
      for (let row = 0; row < numRows; row++) {
        data.set(rows.data.subarray(row * width + column, row * width + column + dim), row * dim);
      }
      column += dim;
      return [name, new Tensor('float32', [numRows, dim], data)];
    }),
  );
}
