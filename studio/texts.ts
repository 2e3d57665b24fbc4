/** @file Every sentence of the page, in each of its languages. A sentence that one language lacks does not compile. */
import type { ApiErrorKind, FileKind, SearchNotice, SegmentKind } from '../src/serve/protocol/index.ts';
import type { CaptureProblem } from './capture.ts';
import { en } from './texts-en.ts';
import { zh } from './texts-zh.ts';

/** The languages of the interface, by the code that browsers use, each in its own name. */
export const languages = { en: 'English', zh: '中文' } as const;

/** The code of an interface language. */
export type Language = keyof typeof languages;

/** Queries to begin with, in each language. */
export const exampleQueries = {
  en: ['a slice of pizza', 'a sleepy cat', 'fast vehicle', 'snare drum', 'vinyl scratch', 'waving hand'],
  zh: ['披萨', '猫', '快车', '军鼓', '唱片刮擦声', '挥手'],
} as const satisfies Readonly<Record<Language, readonly string[]>>;

/** The sentences of one language. */
export interface Texts {
  readonly headline: string;
  readonly tagline: string;
  readonly language: string;
  readonly tryThese: string;
  readonly keys: readonly (readonly [key: string, does: string])[];

  readonly searchLabel: string;
  readonly placeholder: string;
  readonly besideLabel: string;
  readonly besidePlaceholder: string;
  readonly pickFile: string;
  readonly removeFile: string;
  readonly clear: string;
  readonly dropHere: string;
  readonly like: (name: string) => string;
  readonly anEarlierFind: string;
  readonly addWithout: string;
  readonly without: string;
  readonly withoutPlaceholder: string;
  readonly removeWithout: string;

  readonly record: string;
  readonly stopRecording: string;
  readonly recording: Readonly<Record<'asking' | 'recording' | 'reading', string>>;
  readonly camera: string;
  readonly cameraSees: string;
  readonly cameraAsking: string;
  readonly cameraNote: string;
  readonly takePicture: string;
  readonly cancel: string;
  readonly capture: Readonly<Record<CaptureProblem, string>>;

  readonly results: string;
  readonly loading: string;
  readonly waitingForEncoder: string;
  readonly encoderFailed: string;
  readonly encoderLoading: string;
  readonly nothingYet: string;
  readonly noHits: string;
  readonly noHitsHere: string;
  readonly nothingMatches: string;
  readonly weaker: string;
  readonly notice: Readonly<Record<SearchNotice['kind'], string>>;
  readonly found: (hits: string, searched: string, milliseconds: string) => string;
  readonly hitLabel: (rank: string, kind: string, name: string, when: string, score: string) => string;
  readonly scoreName: (isProbability: boolean, score: string) => string;
  /** In place of a score, where a file was found by its words. */
  readonly byWords: string;
  readonly kindOf: Readonly<Record<SegmentKind, string>>;
  readonly page: (page: string) => string;

  readonly close: string;
  readonly previous: string;
  readonly next: string;
  readonly place: (index: string, count: string) => string;
  readonly findSimilar: string;
  readonly openFile: string;
  readonly inAll: (duration: string) => string;
  readonly cannotPlay: string;
  readonly timeline: string;
  readonly lanes: Readonly<Record<'video' | 'audio', string>>;
  readonly momentLabel: (when: string, score: string, isFound: boolean) => string;

  readonly kindsLabel: string;
  readonly kinds: Readonly<Record<SegmentKind | 'all', string>>;
  readonly filters: string;
  readonly any: string;
  readonly fileType: string;
  readonly types: Readonly<Record<FileKind, string>>;
  readonly from: string;
  readonly to: string;
  /** Either day may be empty. */
  readonly dates: (from: string, to: string) => string;
  readonly allOfOneDay: (day: string) => string;
  readonly lengthLabel: string;
  readonly lengths: Readonly<Record<'-10' | '10-60' | '60-600' | '600-', string>>;
  readonly folder: string;
  readonly aFolder: string;
  readonly tags: string;
  readonly removeFilter: (filter: string) => string;
  readonly clearAll: string;

  readonly connectionLost: string;
  readonly starting: string;
  readonly indexing: (done: string, total: string) => string;
  readonly perSecond: (rate: string) => string;
  readonly mediaPerHour: (hours: string) => string;
  readonly timeLeft: (seconds: number) => string;
  readonly counts: Readonly<Record<FileKind, (count: string, value: number) => string>>;
  readonly indexingFailed: (message: string) => string;
  readonly refused: (count: string, value: number) => string;
  readonly refusedTitle: string;
  readonly showMore: string;

  readonly tryAgain: string;
  readonly notAFile: string;
  readonly seconds: (seconds: string) => string;
  readonly failure: Readonly<Record<ApiErrorKind | 'unreachable', (message: string) => string>>;
}

/** The sentences by language. */
export const texts: Readonly<Record<Language, Texts>> = { en, zh };
