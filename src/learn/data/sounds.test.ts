import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MissingDataError } from '../../engine/core/index.ts';
import { defaultDataDirectory, packageRoot } from './packages.ts';
import { readSoundDescriptions, readSounds, soundPackage, soundRecords } from './sounds.ts';

const descriptions = readSoundDescriptions();
const vocabulary = {
  named: (text: string) => (/\b(guitar|hidden)\b/.test(text) ? { concept: 'x', split: 'test' as const } : undefined),
};

describe('the descriptions of the sounds', () => {
  it('name every recording once, in words that no other recording has', () => {
    expect(descriptions).toHaveLength(206);
    for (const of of [
      descriptions.map(({ file }) => file),
      descriptions.map(({ text }) => text.en.toLowerCase()),
      descriptions.map(({ text }) => text.zh),
    ]) {
      expect(new Set(of).size).toBe(of.length);
    }
  });

  it('are written in the language that they say', () => {
    for (const { text } of descriptions) {
      expect(text.en).toMatch(/^[\x20-\x7e]+$/);
      expect(text.zh).toMatch(/\p{Script=Han}/u);
    }
  });

  it('are the questions of the suite, with the splits of the recordings', () => {
    const suite = JSON.parse(readFileSync(join(packageRoot, 'data/suites/text-sound.json'), 'utf8')) as {
      file: string;
      concept: string;
      split: string;
      text: object;
    }[];
    expect(suite.map(({ file, concept, text }) => ({ file, concept, text }))).toEqual(
      descriptions.map(({ file, concept, text }) => ({ file, concept, text })),
    );
    // The rule that needs no vocabulary: recordings of large concepts are told apart by their file alone.
    for (const { file, conceptSplit, split } of soundRecords(descriptions, vocabulary, '')) {
      const large = descriptions.filter((one) => one.concept === descriptions.find((d) => d.file === file)!.concept);
      if (large.length >= 8) {
        expect(conceptSplit, file).toBe('train');
        expect(suite.find((item) => item.file === file)?.split, file).toBe(split);
      }
    }
  });

  it('are refused where they are not there', () => {
    expect(() => readSoundDescriptions('/nowhere/sounds.json')).toThrow(MissingDataError);
  });
});

describe('soundRecords', () => {
  const of = (concept: string, count: number, keywords: string[] = []) =>
    Array.from({ length: count }, (_, i) => ({
      file: `samples/${concept}_${i}.flac`,
      concept,
      text: { en: `${concept} ${i}`, zh: `${concept} ${i}` },
      keywords,
    }));
  const records = soundRecords(
    [...of('drum', 40, ['hidden', 'loud']), ...of('guitar', 9), ...of('lone', 2)],
    vocabulary,
    '/data',
  );
  const named = (concept: string) => records.filter((record) => record.concept === concept);

  it('holds a concept out whose name the pictures hold out, however large', () => {
    expect(named('guitar').every(({ split, conceptSplit }) => split === 'test' && conceptSplit === 'test')).toBe(true);
  });

  it('parts the recordings of a large concept about 70 to 15 to 15', () => {
    const share = (split: string) => named('drum').filter((record) => record.split === split).length / 40;
    expect(share('train')).toBeGreaterThan(0.5);
    expect(share('train')).toBeLessThan(0.9);
    expect(share('validation') + share('test') + share('train')).toBe(1);
  });

  it('does not part two recordings of one thing', () => {
    expect(new Set(named('lone').map(({ split }) => split)).size).toBe(1);
  });

  it('takes keywords that name something held out from what trains, and from nothing else', () => {
    for (const { split, keywords } of named('drum')) expect(keywords.includes('hidden')).toBe(split !== 'train');
  });

  it('tells where each file lies', () => {
    expect(records[0]).toMatchObject({ id: 'supersonic/drum_0', path: '/data/samples/drum_0.flac' });
  });
});

const isInstalled = existsSync(join(defaultDataDirectory(), 'node_modules', soundPackage));
describe.runIf(isInstalled)('readSounds', () => {
  it('finds every file, and trains on no name that the pictures hold out', () => {
    const sounds = readSounds();
    for (const { path } of sounds) expect(existsSync(path), path).toBe(true);
    const heldOut = new Set(
      sounds.filter(({ conceptSplit }) => conceptSplit !== 'train').map(({ concept }) => concept),
    );
    expect([...heldOut].sort()).toEqual(['door', 'drone', 'glitch', 'guitar', 'phone', 'vinyl', 'wood']);
    for (const { split, concept } of sounds) if (heldOut.has(concept)) expect(split).not.toBe('train');
  });
});
