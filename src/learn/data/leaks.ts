/**
 * @file Keeps the names of held-out concepts out of what is trained on. The vocabulary of a held-out (validation or test) concept is its
 * lemmas, in full words, and their WordNet noun synonyms in every sense. A text leaks when one of these occurs in it as a run of whole words
 * ("pizza" in "pizza slice", not "art" in "chart"; plural endings do not matter).
 *
 * Two kinds of words are exempt, because they name attributes or half the data: words for people ("man", "person"), and colours and
 * sizes. A synonym that is the lemma of a training concept is exempt too: it names that concept first.
 */
import { isPlainAttribute, lemmaOf, phrasesOf, type Split, wordsOf } from './concept.ts';
import type { Emoji } from './emoji.ts';
import type { WordNet } from './wordnet.ts';

/** A held-out concept that a text names. */
export interface HeldOutConcept {
  readonly concept: string;
  readonly split: Exclude<Split, 'train'>;
}

/** Recognizes held-out concepts in texts. */
export interface HeldOutVocabulary {
  /** The first held-out concept that the text names, a test concept before a validation concept; undefined when it names none. */
  named(text: string): HeldOutConcept | undefined;
  /** The lemmas alone, in the form of `lemmaOf`. */
  readonly lemmas: ReadonlySet<string>;
  /** Lemmas and synonyms. */
  readonly size: number;
}

/** Collects the vocabulary of the held-out concepts of `emoji`; flags are left out, for icons have none to name. */
export function heldOutVocabulary(emoji: readonly Emoji[], wordNet: Pick<WordNet, 'synonyms'>): HeldOutVocabulary {
  const lemmas = new Map<string, HeldOutConcept>();
  const trained = new Set<string>();
  for (const { name, concept, split, isFlag } of emoji) {
    if (isFlag) continue;
    const lemma = lemmaOf(name);
    if (split === 'train') trained.add(lemma);
    else if (!isPlainAttribute(lemma)) lemmas.set(lemma, { concept, split });
  }
  const phrases = new Map(lemmas);
  for (const [lemma, heldOut] of lemmas) {
    for (const synonym of wordNet.synonyms(lemma)) {
      const phrase = wordsOf(synonym).join(' ');
      if (phrases.has(phrase) || trained.has(phrase) || isPlainAttribute(phrase)) continue;
      phrases.set(phrase, heldOut);
    }
  }
  return {
    lemmas: new Set(lemmas.keys()),
    size: phrases.size,
    named(text) {
      const found = phrasesOf(wordsOf(text)).flatMap((phrase) => phrases.get(phrase) ?? []);
      return found.find(({ split }) => split === 'test') ?? found[0];
    },
  };
}
