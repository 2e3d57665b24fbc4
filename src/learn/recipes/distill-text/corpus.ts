/**
 * @file What the student learns from: texts in English and Chinese, and for each the English texts that say the same, which the teacher reads.
 *
 * Chinese: CC-CEDICT's words and names, CLDR's names of training emoji and of places. English: the glosses themselves, captions of training
 * pictures, WordNet's words and definitions. A share of CC-CEDICT is kept for validation.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Rng } from '../../../engine/core/index.ts';
import { type DictionaryEntry, readDictionary } from '../../data/cedict.ts';
import { readEmoji } from '../../data/emoji.ts';
import { readCatalog, trainingSources } from '../../data/index.ts';
import { defaultDataDirectory } from '../../data/packages.ts';
import { type ParallelText, readEmojiNames, readLocaleNames, readSynsets } from '../../data/parallel-text.ts';
import { captionsOf } from '../align-text-image/corpus.ts';
import type { TextGroup } from './settings.ts';

/** Texts of the student and of the teacher that mean the same, as rows of the corpus's lists. */
export interface CorpusItem {
  /** The first is preferred: simplified characters. */
  readonly texts: readonly number[];
  readonly targets: readonly number[];
}

/** A question of validation: a Chinese word and its first gloss. */
export interface ValidationPair {
  readonly chinese: string;
  readonly english: string;
}

/** Everything that the recipe learns from. */
export interface TextCorpus {
  /** What the student reads. */
  readonly texts: readonly string[];
  /** What the teacher reads. */
  readonly targets: readonly string[];
  readonly groups: Readonly<Record<TextGroup, readonly CorpusItem[]>>;
  readonly validation: readonly ValidationPair[];
}

/** One in so many definitions is read: more would cost the teacher's time and be drawn once at most. */
const definitionsOneIn = 3;

/** Share of the dictionary's words that are never trained on. */
const heldOutShare = 0.02;

/** Whether a Chinese word is kept for validation: by a hash of it alone. */
export function isHeldOutWord(simplified: string): boolean {
  return (
    createHash('sha256').update(`sensorium words 1: ${simplified}`).digest().readUInt32BE(0) / 2 ** 32 < heldOutShare
  );
}

/** Reads the corpus out of the installed data. @throws MissingDataError if a package is missing. */
export async function readTextCorpus(directory: string = defaultDataDirectory()): Promise<TextCorpus> {
  const modules = join(directory, 'node_modules');
  const records = (await readCatalog({ sources: trainingSources, directory })).filter(({ split }) => split === 'train');
  return buildTextCorpus({
    dictionary: readDictionary(modules),
    emojiNames: readEmojiNames(modules, readEmoji(modules)),
    places: readLocaleNames(modules),
    captions: records.flatMap((record) => captionsOf(record, new Rng(`text/${record.id}`))),
    synsets: readSynsets(modules),
  });
}

/** The corpus of texts that are given. */
export function buildTextCorpus(from: {
  readonly dictionary: readonly DictionaryEntry[];
  readonly emojiNames: readonly ParallelText[];
  readonly places: readonly ParallelText[];
  readonly captions: readonly string[];
  readonly synsets: readonly { readonly words: readonly string[]; readonly definition: string }[];
}): TextCorpus {
  const [texts, targets] = [new Numbered(), new Numbered()];
  const heldOut = new Set(from.dictionary.map(({ simplified }) => simplified).filter(isHeldOutWord));
  const trained = from.dictionary.filter(({ simplified }) => !heldOut.has(simplified));
  const ofEntry = ({ simplified, traditional, glosses }: DictionaryEntry): CorpusItem => ({
    texts: [...new Set([simplified, traditional])].map(texts.rowOf),
    targets: [...new Set(glosses.flatMap(withoutTo))].map(targets.rowOf),
  });
  const ofPair = ({ chinese, english }: ParallelText): CorpusItem => ({
    texts: chinese.map(texts.rowOf),
    targets: english.map(targets.rowOf),
  });
  const alone = (list: readonly string[]): CorpusItem[] =>
    [...new Set(list)].map((text) => ({ texts: [texts.rowOf(text)], targets: [targets.rowOf(text)] }));
  const known = (pairs: readonly ParallelText[]) =>
    pairs.filter(({ chinese }) => !chinese.some((text) => heldOut.has(text)));
  const words = trained.filter(({ isProperName }) => !isProperName);
  const groups = {
    words: words.map(ofEntry),
    names: trained.filter(({ isProperName }) => isProperName).map(ofEntry),
    emoji: known(from.emojiNames).flatMap(withPhrases).map(ofPair),
    places: known(from.places).map(ofPair),
    glosses: alone(words.flatMap(({ glosses }) => glosses.flatMap(withoutTo))),
    captions: alone(from.captions),
    lemmas: alone(from.synsets.flatMap((synset) => synset.words)),
    definitions: alone(from.synsets.filter((_, i) => i % definitionsOneIn === 0).map(({ definition }) => definition)),
  };
  const validation = from.dictionary
    .filter(({ simplified, isProperName }) => !isProperName && heldOut.has(simplified))
    .map(({ simplified, glosses }) => ({ chinese: simplified, english: glosses[0]! }));
  return { texts: texts.list, targets: targets.list, groups, validation: distinct(validation) };
}

/** Every text once, with its number. */
class Numbered {
  readonly list: string[] = [];
  readonly #rows = new Map<string, number>();

  readonly rowOf = (text: string): number => {
    const known = this.#rows.get(text);
    if (known !== undefined) return known;
    this.#rows.set(text, this.list.length);
    return this.list.push(text) - 1;
  };
}

/** A verb with its "to" and without: Chinese has none. */
function withoutTo(gloss: string): string[] {
  return /^to \S/.test(gloss) ? [gloss, gloss.slice(3)] : [gloss];
}

/** The name of an emoji, and in phrases as people search. */
function withPhrases({ chinese, english }: ParallelText): ParallelText[] {
  const [name] = english;
  const phrase = `a picture of ${/^[aeiou]/i.test(name!) ? 'an' : 'a'} ${name}`;
  return [
    { chinese, english },
    { chinese: chinese.flatMap((text) => [`${text}的图片`, `一张${text}的照片`]), english: [phrase] },
  ];
}

/** Pairs none of whose texts occurred before. */
function distinct(pairs: readonly ValidationPair[]): ValidationPair[] {
  const seen = new Set<string>();
  return pairs.filter(({ chinese, english }) => {
    if (seen.has(chinese) || seen.has(english)) return false;
    seen.add(chinese).add(english);
    return true;
  });
}
