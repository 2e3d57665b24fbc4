/**
 * @file Every base emoji (no skin tones) with its English name, keywords, concept and split: the list that all emoji pictures are
 * matched with. The list itself is that of emoji-datasource (Unicode 16); names and keywords are CLDR's.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MissingDataError } from '../../engine/core/index.ts';
import {
  codePointsOf,
  emojiKey,
  hasSkinTone,
  isFlagEmoji,
  joinConcepts,
  type Split,
  sequenceKey,
  splitOf,
} from './concept.ts';

/** One base emoji. */
export interface Emoji {
  /** Hyphenated code points without variation selectors, as `sequenceKey` gives them. */
  readonly sequence: string;
  /** The CLDR short name: "man firefighter". */
  readonly name: string;
  /** CLDR keywords, in CLDR's order. */
  readonly keywords: readonly string[];
  /** The joined concept key. */
  readonly concept: string;
  readonly split: Split;
  readonly isFlag: boolean;
  /** Other names that packages know it by ("fork and knife" has the short name "fork_and_knife"). */
  readonly otherNames: readonly string[];
}

interface Annotation {
  readonly default?: readonly string[];
  readonly tts?: readonly string[];
}

interface DatasourceEmoji {
  readonly unified: string;
  readonly name: string | null;
  readonly short_names: readonly string[];
  readonly category: string;
}

/**
 * Reads the base emoji out of the installed packages.
 * @param modules The `node_modules` folder of the data.
 * @throws MissingDataError when a package is not installed.
 */
export function readEmoji(modules: string): Emoji[] {
  const annotations = readAnnotations(modules);
  const listed = readJson<DatasourceEmoji[]>(join(modules, 'emoji-datasource-google/emoji.json'));
  const named = listed.flatMap((entry) => {
    const codePoints = codePointsOf(entry.unified);
    const sequence = sequenceKey(codePoints);
    const annotation = annotations.get(sequence);
    const name = annotation?.tts?.[0];
    if (name === undefined || entry.category === 'Component' || hasSkinTone(codePoints)) return [];
    const otherNames = [entry.name ?? '', ...entry.short_names].filter((other) => other !== '');
    const keywords = annotation?.default ?? [];
    return [{ sequence, name, keywords, otherNames, key: emojiKey(codePoints), isFlag: isFlagEmoji(codePoints) }];
  });
  const concepts = joinConcepts(named);
  return named.map(({ key, ...emoji }) => {
    const concept = concepts.get(key) ?? key;
    return { ...emoji, concept, split: splitOf(concept) };
  });
}

/** CLDR's names and keywords by `sequenceKey`: the plain annotations and those derived for sequences. */
function readAnnotations(modules: string): Map<string, Annotation> {
  const plain = readJson<{ annotations: { annotations: Record<string, Annotation> } }>(
    join(modules, 'cldr-annotations-full/annotations/en/annotations.json'),
  );
  const derived = readJson<{ annotationsDerived: { annotations: Record<string, Annotation> } }>(
    join(modules, 'cldr-annotations-derived-full/annotationsDerived/en/annotations.json'),
  );
  const entries = [
    ...Object.entries(plain.annotations.annotations),
    ...Object.entries(derived.annotationsDerived.annotations),
  ];
  const textPoints = (text: string) => Array.from(text, (character) => character.codePointAt(0)!);
  return new Map(entries.map(([text, annotation]) => [sequenceKey(textPoints(text)), annotation]));
}

/**
 * Parses a JSON file of a data package.
 * @throws MissingDataError when it is not there, with the command that installs it.
 */
export function readJson<T>(path: string): T {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new MissingDataError(`readCatalog: ${path} is not installed; install the data with "npm run data"`, {
      cause,
    });
  }
  return JSON.parse(text) as T;
}
