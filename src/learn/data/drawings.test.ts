import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MissingDataError } from '../../engine/core/index.ts';
import { readDescription, readDrawings } from './drawings.ts';

const svg = (title: string, ...keywords: string[]) =>
  `<svg><metadata><rdf:RDF><cc:Work><dc:title>${title}</dc:title><dc:subject><rdf:Bag>${keywords
    .map((keyword) => `<rdf:li>${keyword}</rdf:li>`)
    .join(
      '\n',
    )}</rdf:Bag></dc:subject><dc:creator><cc:Agent><dc:title>A. Painter</dc:title></cc:Agent></dc:creator></cc:Work></rdf:RDF></metadata></svg>`;

describe('readDrawings', () => {
  const directory = mkdtempSync(join(tmpdir(), 'drawings-'));
  const root = join(directory, 'debian/openclipart-svg/usr/share/openclipart/svg');
  const words = new Set(['apple', 'pie', 'crow', 'wrench']);
  const files: Record<string, string> = {
    'food/fruit/pie.svg': svg('Apple Pie (B and W) 2', 'food', 'apple_pie', 'hash(0x89f)'),
    'animals/crow.svg': svg('Crow', 'bird', 'crow'),
    'animals/duplicates/crow2.svg': svg('Crow', 'bird'),
    'tools/a.svg': svg('Clipart by Someone - wrench', 'tool'),
    'tools/b.svg': svg('Schlüssel', 'tool'),
    'shapes/stars/star.svg': svg('crow', 'star'),
  };
  for (const folder of [
    'buildings',
    'containers',
    'education',
    'electronics',
    'geography/astronomy',
    'office',
    'people',
  ])
    mkdirSync(join(root, folder), { recursive: true });
  for (const folder of ['plants', 'science', 'signs_and_symbols/weather', 'unsorted', 'transportation/boating'])
    mkdirSync(join(root, folder), { recursive: true });
  for (const folder of ['games/chess', 'holiday', 'music', 'party', 'sports', 'toys', '../transportation/vehicles'])
    mkdirSync(join(root, 'recreation', folder), { recursive: true });
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('takes drawings that their titles name in words, with their keywords', () => {
    const drawings = readDrawings(directory, (word) => words.has(word));
    expect(drawings.map(({ packageName, name, keywords }) => ({ packageName, name, keywords }))).toEqual([
      { packageName: 'animals/crow', name: 'crow', keywords: ['bird'] },
      { packageName: 'food/fruit/pie', name: 'apple pie', keywords: ['food'] },
    ]);
  });

  it('says where the package comes from if it is not there', () => {
    expect(() => readDrawings(join(directory, 'nowhere'), () => true)).toThrow(MissingDataError);
  });
});

describe('readDescription', () => {
  it('reads the title of the drawing, not that of its author', () => {
    expect(readDescription(svg('Crow', 'bird', 'unsorted', ''))).toEqual({ title: 'Crow', keywords: ['bird'] });
    expect(readDescription('<svg/>')).toEqual({ title: '', keywords: [] });
  });
});
