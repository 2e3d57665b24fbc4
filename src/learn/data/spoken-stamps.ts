/**
 * @file Pictures with spoken descriptions: the stamps of Tux Paint, photographs and drawings that volunteers describe aloud, each in a few words of their own
 * language ("Un guépard."). Debian's package `tuxpaint-stamps-default` holds them, under GPL-2.0; they serve an experiment, and nothing trained on them is shipped.
 *
 * Stamps fall into splits by family, so that near-same ones never straddle: families share the first word of the file's name ("lion", "lion-2") or the
 * English description. A family is held out whole, its words in every language with it.
 */
import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { MissingDataError, Rng } from '../../engine/core/index.ts';
import type { Split } from './concept.ts';
import { defaultDataDirectory } from './packages.ts';

/** One recording of a description. */
export interface StampRecording {
  /** Code of the language, as in the file's name. */
  readonly language: string;
  readonly path: string;
}

/** A picture and what is said of it. */
export interface SpokenStamp {
  /** Path inside the folder of stamps, with `/`, without extension. */
  readonly id: string;
  readonly path: string;
  /** The top folder: "animals". */
  readonly category: string;
  /** The family that decides the split, by the least id in it. */
  readonly family: string;
  readonly split: Split;
  readonly recordings: readonly StampRecording[];
}

/** Where the stamps lie and which are taken. */
export interface SpokenStampOptions {
  /** The data folder; its default if absent. */
  readonly directory?: string;
  /** Categories with fewer stamps are left out; 30 if absent. */
  readonly minStamps?: number;
}

/** Languages with hundreds of recordings. */
const languages = ['be', 'bg', 'ca', 'da', 'el', 'es', 'fr', 'ro', 'ru'];

/** Letters and coins: the same sign many times over, in the hand of one font or mint. */
const leftOut = /^symbols\/(alphabets|money)\//;

/**
 * The stamps that have a recording, in the order of their files: the same on every machine.
 * @throws MissingDataError if the package is not in the data folder.
 */
export function readSpokenStamps(options: SpokenStampOptions = {}): SpokenStamp[] {
  const { directory = defaultDataDirectory(), minStamps = 30 } = options;
  const root = join(directory, 'debian/tuxpaint-stamps-default/usr/share/tuxpaint/stamps');
  const files = filesUnder(root);
  const known = new Set(files);
  const found = files
    .filter((file) => /\.(png|svg)$/.test(file) && !/_(mirror|flip)\./.test(file) && !leftOut.test(file))
    .map((file) => {
      const id = file.replace(/\.\w+$/, '');
      const recordings = languages
        .map((language) => ({ language, file: `${id}_desc_${language}.ogg` }))
        .filter((one) => known.has(one.file))
        .map((one) => ({ language: one.language, path: join(root, one.file) }));
      const description = known.has(`${id}.txt`) ? firstLine(join(root, `${id}.txt`)) : '';
      return { id, path: join(root, file), category: id.split('/')[0]!, description, recordings };
    })
    .filter(({ recordings }) => recordings.length > 0)
    // A picture that is there as PNG and as SVG counts once.
    .filter(({ id }, i, all) => all.findIndex((other) => other.id === id) === i);
  const counts = new Map<string, number>();
  for (const { category } of found) counts.set(category, (counts.get(category) ?? 0) + 1);
  const families = familiesOf(found);
  return found
    .filter(({ category }) => counts.get(category)! >= minStamps)
    .map(({ description: _, ...stamp }) => {
      const family = families.get(stamp.id)!;
      return { ...stamp, family, split: splitOfFamily(family) };
    });
}

/** 60 % train, 15 % validation, 25 % test. */
function splitOfFamily(family: string): Split {
  const at = new Rng(`stamps/${family}`).uniform();
  return at < 0.6 ? 'train' : at < 0.75 ? 'validation' : 'test';
}

/** The family of each id: the least id that is linked to it by a shared first word or description, directly or by way of others. */
function familiesOf(stamps: readonly { readonly id: string; readonly description: string }[]): Map<string, string> {
  const parents = new Map<string, string>();
  const rootOf = (node: string): string => {
    const parent = parents.get(node);
    return parent === undefined || parent === node ? node : rootOf(parent);
  };
  const least = new Map<string, string>();
  for (const { id, description } of stamps) {
    const keys = [wordKey(id), ...(description === '' ? [] : [`text ${description.toLowerCase()}`])].map(rootOf);
    for (const key of keys) parents.set(key, keys[0]!);
  }
  const rootOfStamp = (id: string) => rootOf(wordKey(id));
  for (const { id } of stamps) {
    const root = rootOfStamp(id);
    const before = least.get(root);
    if (before === undefined || id < before) least.set(root, id);
  }
  return new Map(stamps.map(({ id }) => [id, least.get(rootOfStamp(id))!]));
}

/** The first word of a stamp's file name, as a key of the links between families. */
function wordKey(id: string): string {
  const name = id.split('/').at(-1)!.toLowerCase();
  return `word ${name.replace(/^[\d_-]+/, '').split(/[-_. \d]/)[0]}`;
}

function firstLine(path: string): string {
  return readFileSync(path, 'utf8').split('\n')[0]!.trim();
}

/** Paths of all files below a folder, with `/`, sorted. */
function filesUnder(root: string): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(root, { recursive: true, withFileTypes: true });
  } catch (cause) {
    throw new MissingDataError(
      `the stamps of Tux Paint are not in ${root}; run "sensorium data", which fetches tuxpaint-stamps-default where the machine has apt`,
      { cause },
    );
  }
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}
