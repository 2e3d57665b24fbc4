/**
 * @file The table of retrieval suites: which things of which files look for which others, and who may be asked for whom. Questions are asked only
 * for what training did not see: another artist's pictures, held-out concepts, held-out recordings.
 */
import type { Modality } from '../../bundle/index.ts';
import type { SuiteItem } from './suite-file.ts';

/** Languages of the texts of suites. */
export type SuiteLanguage = 'en' | 'zh';

/** One side of a suite: the texts or the media of a file of questions. */
export interface SuiteSide {
  /** The name of the file in `data/suites`. */
  readonly file: string;
  readonly modality: Modality;
  /** The language of its texts; of media, that of the names that link them to the other side. */
  readonly language: SuiteLanguage;
}

/** Which items ask and which are asked for. */
export interface SuiteTask {
  readonly task: string;
  isQuery(item: SuiteItem): boolean;
  isCandidate(item: SuiteItem): boolean;
}

/** A suite in both directions, each side looking for the other. Things of both sides belong together if their keys are the same. */
export interface RetrievalSuite {
  readonly name: string;
  readonly sides: readonly [SuiteSide, SuiteSide];
  keyOf(item: SuiteItem, side: SuiteSide): string;
  readonly tasks: readonly SuiteTask[];
}

/** Test concepts among all held-out ones: validation's make it harder, and are asked for by nobody. */
const unseenConcept = {
  isQuery: ({ split }: SuiteItem) => split === 'test',
  isCandidate: ({ split }: SuiteItem) => split !== 'train',
};

const unseenArtist: readonly SuiteTask[] = [
  {
    task: 'seen-concept-unseen-artist',
    isQuery: ({ split }) => split === 'train',
    isCandidate: ({ split }) => split === 'train',
  },
  { task: 'unseen-concept-unseen-artist', ...unseenConcept },
];

const unseenOnly: readonly SuiteTask[] = [{ task: 'unseen-concept', ...unseenConcept }];

const mediaOf = {
  image: { file: 'text-image', modality: 'image', tasks: unseenArtist },
  video: { file: 'text-video', modality: 'video', tasks: unseenOnly },
  sound: { file: 'text-sound', modality: 'audio', tasks: unseenOnly },
} as const;

/** Texts and media of the same file: what has the same text belongs together. */
function textSuite(medium: keyof typeof mediaOf, language: SuiteLanguage): RetrievalSuite {
  const { file, modality, tasks } = mediaOf[medium];
  return {
    name: `text-${medium}${language === 'en' ? '' : `-${language}`}`,
    sides: [
      { file, modality: 'text', language },
      { file, modality, language },
    ],
    keyOf: (item) => nameKey(item.text[language]),
    tasks,
  };
}

/** Media of two files: what has the same English name belongs together. */
function mediaSuite(first: keyof typeof mediaOf, second: keyof typeof mediaOf): RetrievalSuite {
  const side = (medium: keyof typeof mediaOf): SuiteSide => ({
    file: mediaOf[medium].file,
    modality: mediaOf[medium].modality,
    language: 'en',
  });
  return {
    name: `${first}-${second}`,
    sides: [side(first), side(second)],
    keyOf: (item) => nameKey(item.text.en),
    tasks: unseenOnly,
  };
}

function nameKey(text: string): string {
  return text.normalize('NFKC').toLowerCase().trim();
}

/** Every retrieval suite. */
export const retrievalSuites: readonly RetrievalSuite[] = [
  textSuite('image', 'en'),
  textSuite('image', 'zh'),
  textSuite('video', 'en'),
  textSuite('video', 'zh'),
  textSuite('sound', 'en'),
  textSuite('sound', 'zh'),
  mediaSuite('image', 'video'),
  mediaSuite('image', 'sound'),
  mediaSuite('video', 'sound'),
];
