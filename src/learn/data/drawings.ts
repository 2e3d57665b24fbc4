/**
 * @file Drawings to train on that are neither emoji nor icons: those of the Open Clip Art Library (Debian's package openclipart-svg, public domain)
 * that lie in folders of things (animals, food, plants, tools, ...) and whose title says in English what they show. Left out are flags,
 * playing cards, patterns, sets of program icons, and titles that name a collection or an author.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MissingDataError } from '../../engine/core/index.ts';

/** A source of drawings. */
export type DrawingSource = 'openclipart';

/** One drawing as its own file describes it. */
export interface Drawing {
  /** Path inside the collection, without the ending: "animals/birds/crow". */
  readonly packageName: string;
  /** Its title in words: "apple pie". */
  readonly name: string;
  /** Keywords in words, without repetitions of `name`. */
  readonly keywords: readonly string[];
  /** Absolute path. */
  readonly path: string;
}

/** Folders of the collection whose drawings show things, and are named for them. */
const folders = [
  'animals',
  'buildings',
  'containers',
  'education',
  'electronics',
  'food',
  'geography/astronomy',
  'office',
  'people',
  'plants',
  'recreation/games/chess',
  'recreation/holiday',
  'recreation/music',
  'recreation/party',
  'recreation/sports',
  'recreation/toys',
  'science',
  'signs_and_symbols/weather',
  'tools',
  'transportation/boating',
  'transportation/vehicles',
  'unsorted',
];

/** Titles that do not say what is shown. */
const namelessTitle =
  /clip ?art|\bby\b|icons?\b|collection|theme|symbols? ?signs|various|untitled|library|public domain|template|example|\bset\b|contour/i;
/** Keywords of the collection's own making. */
const ownKeyword = /^(hash.*|unsorted|clip ?arts?|svg|public ?domain|signs[_ ]and[_ ]symbols|icons?|externalsource)$/i;

/** Where the package's files lie under the data folder. */
const collection = 'debian/openclipart-svg/usr/share/openclipart/svg';

/**
 * Reads the drawings whose names are made of words that `isWord` knows, in the order of their paths.
 * @param directory the data folder.
 * @throws MissingDataError when the package is not there.
 */
export function readDrawings(directory: string, isWord: (word: string) => boolean): Drawing[] {
  const root = join(directory, collection);
  const drawings = folders.flatMap((folder) => filesUnder(root, folder));
  return drawings.sort().flatMap((file) => {
    const path = join(root, file);
    const { title, keywords } = readDescription(readFileSync(path, 'latin1'));
    const name = nameOf(title);
    if (name === undefined || !name.split(' ').some((word) => word.length > 2 && isWord(word))) return [];
    const words = keywords.map(phraseOf).filter((keyword) => keyword !== '' && keyword !== name);
    return [{ packageName: file.slice(0, -'.svg'.length), name, keywords: [...new Set(words)], path }];
  });
}

function filesUnder(root: string, folder: string): string[] {
  try {
    return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.svg') && !file.includes('duplicates'))
      .map((file) => `${folder}/${file.replaceAll('\\', '/')}`);
  } catch (cause) {
    throw new MissingDataError(
      `readDrawings: ${join(root, folder)} is not there; "sensorium data" fetches openclipart-svg where apt-get is`,
      { cause },
    );
  }
}

/** The title and the subjects of an SVG's own metadata (Dublin Core inside RDF). */
export function readDescription(svg: string): { readonly title: string; readonly keywords: readonly string[] } {
  const title = /<dc:title[^>]*>([^<]*)<\/dc:title>/.exec(svg)?.[1] ?? '';
  const subject = /<dc:subject>([\s\S]*?)<\/dc:subject>/.exec(svg)?.[1] ?? '';
  const keywords = [...subject.matchAll(/<rdf:li[^>]*>([^<]*)<\/rdf:li>/g)].map(([, keyword]) => keyword!.trim());
  return { title: title.trim(), keywords: keywords.filter((keyword) => keyword !== '' && !ownKeyword.test(keyword)) };
}

/** "Apple Pie (B and W) 2" is "apple pie"; undefined for what names no thing. */
function nameOf(title: string): string | undefined {
  if (title === '' || namelessTitle.test(title)) return undefined;
  const name = phraseOf(title.replace(/\([^)]*\)/g, ' '));
  return name === '' || name.split(' ').length > 6 ? undefined : name;
}

function phraseOf(text: string): string {
  return text
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/&[a-z]+;|[^a-z' -]/g, ' ')
    .replace(/[-\s]+/g, ' ')
    .trim();
}
