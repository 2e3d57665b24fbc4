/**
 * @file The icon sources: single-colour drawings on a transparent ground, named by their makers. Logos of companies are left out (they
 * are trade marks, and their names are not words), and so are icons that their own package calls deprecated.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readJson } from './emoji.ts';

/** The icon sources, all for training. */
export type IconSource = 'lucide' | 'tabler-outline' | 'tabler-filled' | 'mdi';

/** One icon of one source, as its package describes it. */
export interface Icon {
  readonly source: IconSource;
  /** The icon's name in its package: "arrow-up-right-2". Unique within the source. */
  readonly packageName: string;
  /** The name in words, without a number of variant: "arrow up right". */
  readonly name: string;
  /** Tags and other names in words, without repetitions of `name`. */
  readonly keywords: readonly string[];
  /** Absolute path. */
  readonly path: string;
}

/** Reads the icons of one source out of the `node_modules` folder of the data. */
export const readIcons: Readonly<Record<IconSource, (modules: string) => Icon[]>> = {
  lucide: readLucide,
  'tabler-outline': (modules) => readTabler(modules, 'outline'),
  'tabler-filled': (modules) => readTabler(modules, 'filled'),
  mdi: readMdi,
};

/** `tags.json` lists each drawing once; the folder also holds the same drawings under old names. */
function readLucide(modules: string): Icon[] {
  const directory = join(modules, 'lucide-static/icons');
  const tags = readJson<Record<string, string[]>>(join(modules, 'lucide-static/tags.json'));
  const files = new Set(readdirSync(directory));
  return Object.entries(tags)
    .filter(([name]) => files.has(`${name}.svg`))
    .map(([name, words]) => iconOf('lucide', name, words, join(directory, `${name}.svg`)));
}

interface TablerIcon {
  readonly name: string;
  readonly category: string;
  readonly tags: readonly (string | number)[];
  readonly styles: Readonly<Record<string, unknown>>;
}

function readTabler(modules: string, style: 'outline' | 'filled'): Icon[] {
  const directory = join(modules, '@tabler/icons/icons', style);
  const icons = Object.values(readJson<Record<string, TablerIcon>>(join(modules, '@tabler/icons/icons.json')));
  const files = new Set(readdirSync(directory));
  return icons
    .filter(({ name, category, styles }) => category !== 'Brand' && style in styles && files.has(`${name}.svg`))
    .map(({ name, tags }) => iconOf(`tabler-${style}`, name, tags.map(String), join(directory, `${name}.svg`)));
}

interface MdiIcon {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly tags: readonly string[];
  readonly deprecated: boolean;
}

/** Aliases are names of the thing; tags are a few broad subjects ("Food / Drink"), kept as words. */
function readMdi(modules: string): Icon[] {
  const directory = join(modules, '@mdi/svg/svg');
  return readJson<MdiIcon[]>(join(modules, '@mdi/svg/meta.json'))
    .filter(({ deprecated, tags }) => !deprecated && !tags.includes('Brand / Logo'))
    .map(({ name, aliases, tags }) => {
      const subjects = tags.flatMap((tag) => tag.split('/')).map((subject) => subject.trim().toLowerCase());
      return iconOf('mdi', name, [...aliases, ...subjects], join(directory, `${name}.svg`));
    });
}

function iconOf(source: IconSource, packageName: string, tags: readonly string[], path: string): Icon {
  const name = inWords(packageName);
  const keywords = [...new Set(tags.map(inWords))].filter((keyword) => keyword !== name && keyword !== '');
  return { source, packageName, name, keywords, path };
}

/** Words after which a number is part of what is drawn: the hours of a clock, the charge of a battery. */
const counted = /(number|numeric|multiple|dice|clock|hours?|battery|volume|wifi|signal|heading|tally|tallymark)$/;

/** "home-variant" and "home-2" are "home": what only tells apart the variants of one drawing says nothing about it. */
export function inWords(tag: string): string {
  const words = tag
    .toLowerCase()
    .split(/[\s_-]+/)
    .filter((word) => word !== '' && word !== 'variant');
  const before = words.at(-2);
  if (before !== undefined && /^[234]$/.test(words.at(-1)!) && /^\D{2,}$/.test(before) && !counted.test(before))
    words.pop();
  return words.join(' ');
}
