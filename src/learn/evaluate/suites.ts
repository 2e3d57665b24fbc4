/**
 * @file The table of retrieval suites: which things of which files look for which others, and who may be asked for whom. Questions are asked only
 * for what training did not see: another artist's pictures, held-out concepts, held-out recordings.
 */
import type { Modality } from '../../bundle/index.ts';
import { lemmaOf } from '../data/concept.ts';
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

/** Where an item stands: on which side of a suite, beside which others. */
export interface ItemPlace {
  readonly side: SuiteSide;
  /** The concepts of the side's file that training may have seen. */
  readonly trainedConcepts: ReadonlySet<string>;
}

/** Which items ask and which are asked for. */
export interface SuiteTask {
  readonly task: string;
  isQuery(item: SuiteItem, place: ItemPlace): boolean;
  isCandidate(item: SuiteItem, place: ItemPlace): boolean;
  /** Items of both sides belong together if their keys are the same. */
  keyOf(item: SuiteItem, side: SuiteSide): string;
}

/** A suite in both directions, each side looking for the other. */
export interface RetrievalSuite {
  readonly name: string;
  readonly sides: readonly [SuiteSide, SuiteSide];
  readonly tasks: readonly SuiteTask[];
}

const isTest = ({ split }: SuiteItem) => split === 'test';
const isHeldOut = ({ split }: SuiteItem) => split !== 'train';
const isTrained = ({ split }: SuiteItem) => split === 'train';
const hasSeenConcept = ({ concept }: SuiteItem, { trainedConcepts }: ItemPlace) => trainedConcepts.has(concept);

const textKey = ({ text }: SuiteItem, { language }: SuiteSide) => text[language].normalize('NFKC').toLowerCase().trim();
const conceptKey = ({ concept }: SuiteItem) => concept;
/** What a sound is of, or the lemma of the name of what is seen. */
const thingKey = ({ concept, text }: SuiteItem, { modality }: SuiteSide) =>
  lemmaOf(modality === 'audio' ? concept : text.en);

// Queries are test's; validation's items make it harder as candidates, and are asked for by nobody.
const pictureTasks: readonly SuiteTask[] = [
  { task: 'seen-concept-unseen-artist', isQuery: isTrained, isCandidate: isTrained, keyOf: textKey },
  { task: 'unseen-concept-unseen-artist', isQuery: isTest, isCandidate: isHeldOut, keyOf: textKey },
];

const videoTasks: readonly SuiteTask[] = [
  { task: 'unseen-concept', isQuery: isTest, isCandidate: isHeldOut, keyOf: textKey },
];

/** Sounds are few, and many are of the same thing under other words: each question is also asked for any sound of the same thing. */
const soundTasks: readonly SuiteTask[] = [textKey, conceptKey].flatMap((keyOf) => {
  const asked = keyOf === conceptKey ? ', same thing' : '';
  return [
    {
      task: `seen-concept-unseen-recording${asked}`,
      isQuery: (item: SuiteItem, place: ItemPlace) => isTest(item) && hasSeenConcept(item, place),
      isCandidate: isHeldOut,
      keyOf,
    },
    {
      task: `unseen-concept${asked}`,
      isQuery: (item: SuiteItem, place: ItemPlace) => isTest(item) && !hasSeenConcept(item, place),
      isCandidate: isHeldOut,
      keyOf,
    },
  ];
});

/** No training sees Twemoji's pictures; of sounds and moving pictures, only what was held out. */
const isUnseen = (item: SuiteItem, { side }: ItemPlace) => side.modality === 'image' || isHeldOut(item);
const withSounds: readonly SuiteTask[] = [
  { task: 'unseen-media', isQuery: isUnseen, isCandidate: isUnseen, keyOf: thingKey },
];

const mediaOf = {
  image: { file: 'text-image', modality: 'image', tasks: pictureTasks },
  video: { file: 'text-video', modality: 'video', tasks: videoTasks },
  sound: { file: 'text-sound', modality: 'audio', tasks: soundTasks },
} as const;

type Medium = keyof typeof mediaOf;

/** Texts and media of the same file. */
function textSuite(medium: Medium, language: SuiteLanguage): RetrievalSuite {
  const { file, modality, tasks } = mediaOf[medium];
  return {
    name: `text-${medium}${language === 'en' ? '' : `-${language}`}`,
    sides: [
      { file, modality: 'text', language },
      { file, modality, language },
    ],
    tasks,
  };
}

/** Media of two files, linked by their English names. */
function mediaSuite(first: Medium, second: Medium, tasks: readonly SuiteTask[]): RetrievalSuite {
  const side = (medium: Medium): SuiteSide => ({
    file: mediaOf[medium].file,
    modality: mediaOf[medium].modality,
    language: 'en',
  });
  return { name: `${first}-${second}`, sides: [side(first), side(second)], tasks };
}

/** Every retrieval suite. */
export const retrievalSuites: readonly RetrievalSuite[] = [
  textSuite('image', 'en'),
  textSuite('image', 'zh'),
  textSuite('video', 'en'),
  textSuite('video', 'zh'),
  textSuite('sound', 'en'),
  textSuite('sound', 'zh'),
  mediaSuite('image', 'video', videoTasks),
  mediaSuite('image', 'sound', withSounds),
  mediaSuite('video', 'sound', withSounds),
];
