/**
 * @file Animated emoji with their names in English and Chinese: Fluent's, from the packages @lobehub/fluent-emoji-anim-1 to -4. The models are
 * those of the source `fluent-3d`, so concept and split are those of the emoji. More than a third of the files hold one frame only; those
 * are not listed.
 */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { MissingDataError } from '../../engine/core/index.ts';
import { codePointsOf, hasSkinTone, type Split, sequenceKey } from './concept.ts';
import { type Emoji, readEmoji, readJson } from './emoji.ts';
import { defaultDataDirectory } from './packages.ts';

/** One animated picture with what is known about it. */
export interface MovingPicture {
  /** Unique, and the same on every machine: `fluent-anim/<code points>`. */
  readonly id: string;
  /** The package that it lies in. */
  readonly source: string;
  /** Path inside the package. */
  readonly file: string;
  /** Absolute path of the animated WebP. */
  readonly path: string;
  /** Absolute paths of the same animation in its skin tones. */
  readonly skinTonePaths: readonly string[];
  readonly concept: string;
  readonly split: Split;
  readonly isFlag: boolean;
  /** CLDR's short names. */
  readonly name: { readonly en: string; readonly zh: string };
  /** CLDR's keywords, the name left out. They are not cleared of words that name held-out concepts. */
  readonly keywords: { readonly en: readonly string[]; readonly zh: readonly string[] };
}

/** The packages of animated emoji. */
export const movingPicturePackages = [1, 2, 3, 4].map((part) => `@lobehub/fluent-emoji-anim-${part}`);

/** CLDR's words for an emoji in one language. */
interface Annotation {
  readonly default?: readonly string[];
  readonly tts?: readonly string[];
}

/**
 * Reads the really animated emoji, in the order of the emoji list. Pure given the installed packages.
 * @param directory the data folder that "npm run data" filled; `defaultDataDirectory()` unless given.
 * @throws MissingDataError when a package is not installed.
 */
export function readMovingPictures(directory: string = defaultDataDirectory()): MovingPicture[] {
  const modules = join(directory, 'node_modules');
  const chinese = readChineseNames(modules);
  const files = animatedFiles(modules);
  return readEmoji(modules).flatMap((emoji) => {
    const own = files.get(emoji.sequence);
    const zh = chinese.get(emoji.sequence);
    if (own?.plain === undefined || zh?.tts?.[0] === undefined) return [];
    return [movingPicture(emoji, { name: zh.tts[0], keywords: zh.default ?? [] }, own.plain, own.skinTones, modules)];
  });
}

interface PackageFile {
  readonly source: string;
  readonly file: string;
}

function movingPicture(
  { sequence, name, keywords, concept, split, isFlag }: Emoji,
  chinese: { readonly name: string; readonly keywords: readonly string[] },
  { source, file }: PackageFile,
  skinTones: readonly PackageFile[],
  modules: string,
): MovingPicture {
  const without = (words: readonly string[], own: string) => [...new Set(words)].filter((word) => word !== own);
  return {
    id: `fluent-anim/${sequence}`,
    source,
    file,
    path: join(modules, source, file),
    skinTonePaths: skinTones.map((toned) => join(modules, toned.source, toned.file)),
    concept,
    split,
    isFlag,
    name: { en: name, zh: chinese.name },
    keywords: { en: without(keywords, name), zh: without(chinese.keywords, chinese.name) },
  };
}

/** CLDR's Chinese names (`tts`) and keywords (`default`), by `sequenceKey`. @throws MissingDataError when CLDR is not installed. */
export function readChineseNames(modules: string): Map<string, Annotation> {
  const plain = readJson<{ annotations: { annotations: Record<string, Annotation> } }>(
    join(modules, 'cldr-annotations-full/annotations/zh/annotations.json'),
  );
  const derived = readJson<{ annotationsDerived: { annotations: Record<string, Annotation> } }>(
    join(modules, 'cldr-annotations-derived-full/annotationsDerived/zh/annotations.json'),
  );
  const entries = [
    ...Object.entries(plain.annotations.annotations),
    ...Object.entries(derived.annotationsDerived.annotations),
  ];
  return new Map(entries.map(([text, annotation]) => [sequenceKey(codePointsOf(text)), annotation]));
}

/** The animated files of each emoji, by its sequence without skin tones. */
function animatedFiles(modules: string): Map<string, { plain?: PackageFile; skinTones: PackageFile[] }> {
  const known = new Map<string, { plain?: PackageFile; skinTones: PackageFile[] }>();
  for (const source of movingPicturePackages) {
    const folder = join(modules, source, 'assets');
    for (const file of listWebP(folder)) {
      if (!isAnimatedWebP(join(folder, file))) continue;
      const codePoints = codePointsOf(file.slice(0, -'.webp'.length));
      const sequence = sequenceKey(codePoints.filter((point) => !hasSkinTone([0, point])));
      const own = known.get(sequence) ?? { skinTones: [] };
      if (hasSkinTone(codePoints)) own.skinTones.push({ source, file: `assets/${file}` });
      else own.plain = { source, file: `assets/${file}` };
      known.set(sequence, own);
    }
  }
  return known;
}

function listWebP(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => /^[0-9a-f-]+\.webp$/.test(file))
      .sort();
  } catch (cause) {
    throw new MissingDataError(`readMovingPictures: ${folder} is not installed; install the data with "npm run data"`, {
      cause,
    });
  }
}

/**
 * Whether a WebP file holds more than one frame: it reads the headers of its chunks (RIFF, of WebP's container specification) until the
 * second `ANMF`. False for what is no WebP.
 */
export function isAnimatedWebP(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const header = Buffer.alloc(12);
    if (readSync(file, header, 0, 12, 0) < 12) return false;
    if (header.toString('latin1', 0, 4) !== 'RIFF' || header.toString('latin1', 8, 12) !== 'WEBP') return false;
    let numFrames = 0;
    for (let at = 12; numFrames < 2; ) {
      if (readSync(file, header, 0, 8, at) < 8) return false;
      if (header.toString('latin1', 0, 4) === 'ANMF') numFrames++;
      const length = header.readUInt32LE(4);
      at += 8 + length + (length & 1);
    }
    return true;
  } finally {
    closeSync(file);
  }
}

/** Words that change places in a mirror. */
const mirrorWords: readonly (readonly [string, string])[] = [
  ['left', 'right'],
  ['leftwards', 'rightwards'],
  ['clockwise', 'counterclockwise'],
  ['左', '右'],
  ['顺时针', '逆时针'],
];

/** The name of what is seen in a mirror: "index pointing left" for "index pointing right"; the same name where it has no side. */
export function mirroredName(name: string): string {
  const other = new Map(mirrorWords.flatMap(([a, b]) => [[a, b] as const, [b, a] as const]));
  const words = [...other.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(words.map((word) => (/^[a-z]/.test(word) ? `\\b${word}\\b` : word)).join('|'), 'g');
  return name.replace(pattern, (word) => other.get(word)!);
}
