/** @file Where each emoji source keeps its pictures, and which emoji each file draws. */
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { MissingDataError } from '../../engine/core/index.ts';
import { codePointsOf, hasSkinTone, sequenceKey } from './concept.ts';
import type { Emoji } from './emoji.ts';

/** The emoji sources to train on, and the two artists that are held out. */
export type EmojiSource =
  | 'noto'
  | 'fluent-3d'
  | 'fluent-color'
  | 'fluent-flat'
  | 'fluent-high-contrast'
  | 'twemoji'
  | 'openmoji';

/** One emoji as one artist drew it. */
export interface EmojiPicture {
  readonly source: EmojiSource;
  readonly emoji: Emoji;
  /** Absolute path. */
  readonly path: string;
  /** Absolute paths of the same emoji in its skin tones; empty where it has none. */
  readonly skinTonePaths: readonly string[];
}

interface EmojiFolder {
  readonly folder: (modules: string) => string;
  /** Files are named by code points, or by the emoji's name. */
  readonly namedBy: 'code points' | 'name';
}

const folders: Readonly<Record<EmojiSource, EmojiFolder>> = {
  noto: { folder: (modules) => join(modules, 'emoji-datasource-google/img/google/64'), namedBy: 'code points' },
  'fluent-3d': { folder: (modules) => join(modules, '@lobehub/fluent-emoji-3d/assets'), namedBy: 'code points' },
  'fluent-color': { folder: (modules) => join(modules, 'fluentui-emoji/icons/modern'), namedBy: 'name' },
  'fluent-flat': { folder: (modules) => join(modules, 'fluentui-emoji/icons/flat'), namedBy: 'name' },
  'fluent-high-contrast': { folder: (modules) => join(modules, 'fluentui-emoji/icons/high-contrast'), namedBy: 'name' },
  twemoji: { folder: twemojiFolder, namedBy: 'code points' },
  openmoji: { folder: (modules) => join(modules, 'openmoji/color/svg'), namedBy: 'code points' },
};

/** Twemoji is a dependency of the package itself, for it is what the first search library is made of. */
function twemojiFolder(): string {
  return dirname(createRequire(import.meta.url).resolve('@twemoji/svg/package.json'));
}

/** Pictures that show something else than their name says: Noto's sheet has the flag of Saudi Arabia in the place of Sark's. */
const wrongPictures = new Set(['noto/1f1e8-1f1f6']);

/**
 * The pictures of one source, in the order of `emoji`; an emoji that the source does not draw is left out.
 * @throws MissingDataError when the source is not installed.
 */
export function readEmojiPictures(modules: string, source: EmojiSource, emoji: readonly Emoji[]): EmojiPicture[] {
  const { folder, namedBy } = folders[source];
  const directory = folder(modules);
  const files = listPictures(directory);
  const filesOf = namedBy === 'name' ? byName(files) : byCodePoints(files);
  return emoji.flatMap((one) => {
    const { plain, skinTones } = filesOf(one);
    if (plain === undefined || wrongPictures.has(`${source}/${one.sequence}`)) return [];
    const skinTonePaths = skinTones.map((file) => join(directory, file));
    return [{ source, emoji: one, path: join(directory, plain), skinTonePaths }];
  });
}

/** The files that draw one emoji. */
interface EmojiFiles {
  readonly plain: string | undefined;
  readonly skinTones: readonly string[];
}

function listPictures(directory: string): string[] {
  try {
    return readdirSync(directory).filter((file) => /\.(svg|png|webp)$/.test(file));
  } catch (cause) {
    throw new MissingDataError(`readCatalog: ${directory} is not installed; install the data with "npm run data"`, {
      cause,
    });
  }
}

function byCodePoints(files: readonly string[]): (emoji: Emoji) => EmojiFiles {
  const known = new Map<string, string>();
  const toned = new Map<string, string[]>();
  for (const file of files) {
    const stem = file.slice(0, file.lastIndexOf('.'));
    if (!/^[0-9a-f]{2,6}(-[0-9a-f]{2,6})*$/i.test(stem)) continue;
    const codePoints = codePointsOf(stem);
    if (hasSkinTone(codePoints)) {
      const base = sequenceKey(codePoints.filter((codePoint) => !hasSkinTone([codePoint])));
      toned.set(base, [...(toned.get(base) ?? []), file]);
    } else known.set(sequenceKey(codePoints), file);
  }
  return ({ sequence }) => ({ plain: known.get(sequence), skinTones: toned.get(sequence) ?? [] });
}

/** Names of Fluent's files that are not CLDR's of today, by the name of the emoji. */
const fluentNames: ReadonlyMap<string, string> = new Map([
  ['keycap: #', 'keycap hashtag'],
  ['keycap: *', 'keycap asterisk'],
  ['phoenix', 'phoenix bird'],
  ['black bird', 'blackbird'],
  ['face with crossed-out eyes', 'knocked out face'],
  ['stuffed flatbread', 'stuffedbread'],
  ['red triangle pointed up', 'red triangle'],
  ['men with bunny ears', 'man with bunny ears'],
  ['people with bunny ears', 'person with bunny ears'],
  ['people wrestling', 'person wrestling'],
  ['woman: blond hair', 'woman blonde hair'],
  ['man: blond hair', 'man blonde hair'],
  ['person: blond hair', 'person blonde hair'],
  ['deaf woman', 'woman deaf'],
  ['deaf man', 'man deaf'],
  ['deaf person', 'person deaf'],
  ['mermaid', 'woman merpeople'],
  ['merman', 'man merpeople'],
  ['merperson', 'person merpeople'],
  ...['superhero', 'supervillain', 'mage', 'fairy', 'vampire', 'elf', 'genie', 'zombie'].map(
    (name): [string, string] => [name, `person ${name}`],
  ),
]);

const fluentTones = ['light', 'medium-light', 'medium', 'medium-dark', 'dark'];

/** Fluent names its files by the Unicode name of the time; a person has one file for each skin tone, "default" being none. */
function byName(files: readonly string[]): (emoji: Emoji) => EmojiFiles {
  const known = new Set(files);
  return (emoji) => {
    for (const name of [fluentNames.get(emoji.name) ?? emoji.name, ...emoji.otherNames]) {
      const slug = slugOf(name);
      const found = [`${slug}-default.svg`, `${slug}.svg`].find((file) => known.has(file));
      if (found === undefined) continue;
      return {
        plain: found,
        skinTones: fluentTones.map((tone) => `${slug}-${tone}.svg`).filter((file) => known.has(file)),
      };
    }
    return { plain: undefined, skinTones: [] };
  };
}

/** "woman: red hair" is "woman-red-hair"; "Japanese “here” button" is "japanese-here-button". */
function slugOf(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}|[’'“”".!():,&]/gu, '')
    .toLowerCase()
    .replace(/[\s_-]+/g, '-');
}
