/**
 * @file The questions about moving pictures, as the suites `text-video` and `text-motion` keep them in `data/suites`: which file, of which package,
 * and the texts that belong to it. `scripts/write-video-suites.ts` writes them.
 */
import { join } from 'node:path';
import { Rng } from '../../engine/core/index.ts';
import { type PictureRecord, readCatalog } from './catalog.ts';
import { type MotionName, motions, motionTexts } from './motions.ts';
import { mirroredName, readChineseNames, readMovingPictures } from './moving-pictures.ts';
import { defaultDataDirectory } from './packages.ts';

/** A text in both languages. */
interface BothTexts {
  readonly en: string;
  readonly zh: string;
}

/** One moving picture and the text that should find it. */
export interface VideoQuestion {
  readonly file: string;
  readonly source: string;
  readonly concept: string;
  readonly split: 'train' | 'validation' | 'test';
  readonly text: BothTexts;
}

/** One clip and the text that tells it from the same frames turned. */
export interface MotionQuestion extends VideoQuestion {
  /** What the turned frames show. */
  readonly opposite: BothTexts;
  readonly turned: 'reversed' | 'mirrored';
  /** How a still picture is set in motion; absent where the file moves by itself. */
  readonly motion?: MotionName;
  readonly seed?: string;
}

/** All animated emoji but flags, by name. @throws MissingDataError when a package is not installed. */
export function videoQuestions(directory?: string): VideoQuestion[] {
  return readMovingPictures(directory)
    .filter((picture) => !picture.isFlag)
    .map(({ file, source, concept, split, name }) => ({ file, source, concept, split, text: name }));
}

/** Motions that are told from their opposite, and how the opposite comes about. */
const asked: readonly (readonly [MotionName, MotionQuestion['turned']])[] = [
  ['moves-left', 'reversed'],
  ['moves-left', 'mirrored'],
  ['rises', 'reversed'],
  ['grows', 'reversed'],
  ['turns-clockwise', 'reversed'],
  ['appears', 'reversed'],
];

/** How many pictures are set in motion. */
const numPictures = 40;

/**
 * Twemoji of test concepts set in motion, and the animated emoji whose names say left or right, those of training concepts too, for there are
 * few. @throws MissingDataError when a package is not installed.
 */
export async function motionQuestions(directory: string = defaultDataDirectory()): Promise<MotionQuestion[]> {
  const chinese = readChineseNames(join(directory, 'node_modules'));
  const records = await readCatalog({ directory, sources: ['twemoji'] });
  const nameOf = ({ id, name }: PictureRecord) => ({ en: name, zh: chinese.get(id.split('/')[1]!)?.tts?.[0] });
  const drawn = records.filter(({ split, isFlag }) => split === 'test' && !isFlag);
  const distinct = [...new Map(drawn.map((record) => [record.name, record])).values()];
  const chosen = new Rng('text-motion').shuffle(distinct).slice(0, numPictures);
  const composed = chosen.flatMap((record) => {
    const { en, zh } = nameOf(record);
    if (zh === undefined) return [];
    const textOf = (motion: MotionName) => ({
      en: motionTexts(en, motion, 'en')[0]!,
      zh: motionTexts(zh, motion, 'zh')[0]!,
    });
    const file = record.path.slice(record.path.lastIndexOf('/') + 1);
    return asked.map(([motion, turned]): MotionQuestion => {
      const text = textOf(motion);
      const opposite = textOf(motions[motion][turned]);
      const { concept, split } = record;
      return {
        file,
        source: '@twemoji/svg',
        concept,
        split,
        text,
        opposite,
        turned,
        motion,
        seed: `${file} ${motion}`,
      };
    });
  });
  const sided = videoQuestions(directory).flatMap((question): MotionQuestion[] => {
    const opposite = { en: mirroredName(question.text.en), zh: mirroredName(question.text.zh) };
    return opposite.en === question.text.en || opposite.zh === question.text.zh
      ? []
      : [{ ...question, opposite, turned: 'mirrored' }];
  });
  return [...composed, ...sided];
}
