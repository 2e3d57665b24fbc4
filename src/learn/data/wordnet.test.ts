/** @file Reading WordNet's file format, on a dictionary of three synsets written here. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MissingDataError } from '../../engine/core/index.ts';
import { openWordNet, type WordNet } from './wordnet.ts';

const licence = '  1 This is where the licence stands.\n  2 It has two lines.\n';

/** Writes `data.noun` and `index.noun` in the format of wndb(5WN), with true byte offsets. */
function writeDictionary(directory: string, synsets: readonly (readonly string[])[]): void {
  let data = licence;
  const offsets = new Map<string, string[]>();
  for (const words of synsets) {
    const offset = String(data.length).padStart(8, '0');
    const count = words.length.toString(16).padStart(2, '0');
    data += `${offset} 06 n ${count} ${words.map((word) => `${word} 0`).join(' ')} 001 @ 00000000 n 0000 | gloss of ${words[0]}; also more; "an example"  \n`;
    for (const word of words) offsets.set(word.toLowerCase(), [...(offsets.get(word.toLowerCase()) ?? []), offset]);
  }
  const lines = [...offsets].sort(([a], [b]) => (a < b ? -1 : 1));
  const index = lines.map(([word, at]) => `${word} n ${at.length} 1 @ ${at.length} 0 ${at.join(' ')}  \n`);
  writeFileSync(join(directory, 'data.noun'), data);
  writeFileSync(join(directory, 'index.noun'), licence + index.join(''));
}

describe('openWordNet', () => {
  const directory = mkdtempSync(join(tmpdir(), 'wordnet-'));
  let wordNet: WordNet;
  beforeAll(() => {
    writeDictionary(directory, [
      ['car', 'auto', 'motorcar'],
      ['car', 'railroad_car'],
      ['hot_dog', 'Wiener', 'frankfurter'],
      ['zebra'],
    ]);
    wordNet = openWordNet(directory);
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('gives the words of every sense, in order', () => {
    expect(wordNet.synonyms('car')).toEqual(['auto', 'motorcar', 'railroad car']);
  });
  it('finds phrases, and ignores upper case', () => {
    expect(wordNet.synonyms('Hot dog')).toEqual(['wiener', 'frankfurter']);
    expect(wordNet.synonyms('wiener')).toEqual(['hot dog', 'frankfurter']);
  });
  it('finds the first and the last line', () => {
    expect(wordNet.synonyms('auto')).toEqual(['car', 'motorcar']);
    expect(wordNet.synonyms('zebra')).toEqual([]);
  });
  it('knows nothing of other words, not even of the licence', () => {
    for (const word of ['aardvark', 'ca', 'cars', 'zzz', '', '1', 'this']) expect(wordNet.synonyms(word)).toEqual([]);
  });
  it('gives the senses of a noun with their glosses, without examples', () => {
    expect(wordNet.senses('car').map(({ words }) => words)).toEqual([
      ['car', 'auto', 'motorcar'],
      ['car', 'railroad car'],
    ]);
    expect(wordNet.senses('Hot dog')[0]).toMatchObject({ gloss: expect.stringMatching(/^gloss of [\w]+$/) });
    expect(wordNet.senses('aardvark')).toEqual([]);
    expect(wordNet.senses('')).toEqual([]);
  });
  it('says how to install what is missing', () => {
    expect(() => openWordNet(join(directory, 'nowhere'))).toThrow(MissingDataError);
    expect(() => openWordNet(join(directory, 'nowhere'))).toThrow(/npm run data/);
  });
});
