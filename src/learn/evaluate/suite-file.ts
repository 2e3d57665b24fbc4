/**
 * @file The questions of the suites, `data/suites/<name>.json`: files of packages, each with what it shows or sounds like in English and Chinese. They
 * are committed, so that an evaluation asks the same everywhere and needs no training data, only the packages of the files.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { FormatError, MissingDataError } from '../../engine/core/index.ts';
import { defaultDataDirectory } from '../data/index.ts';

const itemSchema = z.object({
  /** The file inside its package. */
  file: z.string().regex(/^(?!.*\.\.)[^/\\\0][^\\\0]*$/, 'must be a path inside the package'),
  /** The package: of npm, or of Debian. */
  source: z.string().regex(/^(@[\w.-]+\/)?[\w][\w.+-]*$/, 'must be the name of a package'),
  concept: z.string(),
  /** Which training may have seen the concept: that of `splitOf`. */
  split: z.enum(['train', 'validation', 'test']),
  text: z.object({ en: z.string().min(1), zh: z.string().min(1) }),
});

/** One file of a suite and the texts that should find it. */
export type SuiteItem = z.infer<typeof itemSchema>;

const motionSchema = itemSchema.extend({
  /** What the same clip shows when it runs backward or is mirrored. */
  opposite: z.object({ en: z.string().min(1), zh: z.string().min(1) }),
  /** How the opposite is made of the clip. */
  turned: z.enum(['reversed', 'mirrored']),
  /** How a still picture is made to move; absent where the file moves by itself. */
  motion: z.string().optional(),
  /** Draws the motion's ground, size and path. */
  seed: z.string().optional(),
});

/** One moving picture whose text tells it from its opposite. */
export type MotionItem = z.infer<typeof motionSchema>;

const suitesFolder = fileURLToPath(new URL('../../../data/suites/', import.meta.url));

/** The questions of a suite file. @throws MissingDataError if it is not there; FormatError if it is no suite. */
export function readSuiteFile(name: string, folder: string = suitesFolder): Promise<SuiteItem[]> {
  return read(name, folder, itemSchema);
}

/** The questions of a suite file about motion. @throws as `readSuiteFile` does. */
export function readMotionFile(name: string, folder: string = suitesFolder): Promise<MotionItem[]> {
  return read(name, folder, motionSchema);
}

async function read<Item>(name: string, folder: string, schema: z.ZodType<Item>): Promise<Item[]> {
  const path = join(folder, `${name}.json`);
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new MissingDataError(`the suite needs ${path}, which is not there; install Sensorium again`, { cause });
  });
  const parsed = z.array(schema).safeParse(parseJson(text, path));
  if (parsed.success) return parsed.data;
  const { path: at, message } = parsed.error.issues[0]!;
  throw new FormatError(`${path}: ${at.join('.')}: ${message}`);
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FormatError(`${path}: not JSON: ${(cause as Error).message}`, { cause });
  }
}

/**
 * The folder of a package of media: as a dependency of Sensorium, in the data folder, or unpacked from a Debian package there.
 * @throws MissingDataError if it is in none of them, with the command that installs it.
 */
export function mediaFolder(source: string, dataDirectory: string = defaultDataDirectory()): string {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${source}/package.json`));
  } catch {
    const known = [join(dataDirectory, 'node_modules', source), join(dataDirectory, 'debian', source)].find(existsSync);
    if (known !== undefined) return known;
    throw new MissingDataError(
      `needs the media of ${source}, which are not installed; install them with "npm run data"`,
    );
  }
}
