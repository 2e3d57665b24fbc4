/**
 * @file What recall has to remember without a library: the files of the suites whose packages are installed, with their names; and the facts of a bundle, or where it
 * has none, those that the installed data gives.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Facts, type Modality, parseFacts, readBundle } from '../../bundle/index.ts';
import { MissingDataError } from '../../engine/core/index.ts';
import { conceptFacts } from '../data/concept-facts.ts';
import { mediaFolder, readSuiteFile } from './suite-file.ts';

/** A file with the name that people give it. */
export interface RememberedItem {
  readonly modality: 'image' | 'audio' | 'video';
  readonly path: string;
  readonly name: string;
}

const files = [
  ['text-image', 'image'],
  ['text-sound', 'audio'],
  ['text-video', 'video'],
] as const;

/**
 * The files of the suites that are installed, of the modalities given.
 * @throws MissingDataError if none are, with the command that installs them.
 */
export async function rememberedItems(
  modalities: readonly Modality[],
  dataDirectory?: string,
): Promise<RememberedItem[]> {
  const items: RememberedItem[] = [];
  const folders = new Map<string, string | undefined>();
  for (const [name, modality] of files) {
    if (!modalities.includes(modality)) continue;
    for (const { source, file, text } of await readSuiteFile(name)) {
      if (!folders.has(source)) folders.set(source, installedFolder(source, dataDirectory));
      const folder = folders.get(source);
      if (folder !== undefined && existsSync(join(folder, file))) {
        items.push({ modality, path: join(folder, file), name: text.en });
      }
    }
  }
  if (items.length > 0) return items;
  throw new MissingDataError(
    `there is nothing to remember: none of ${[...folders.keys()].join(', ')} is installed; run "npm run data"`,
  );
}

function installedFolder(source: string, dataDirectory: string | undefined): string | undefined {
  try {
    return mediaFolder(source, dataDirectory);
  } catch (error) {
    if (error instanceof MissingDataError) return undefined;
    throw error;
  }
}

/** The facts of a bundle, else those that the installed data gives; undefined where there are neither. */
export async function factsOf(bundleDirectory: string, dataDirectory?: string): Promise<Facts | undefined> {
  const { manifest, files: contents } = await readBundle(bundleDirectory);
  const file = manifest.kind === 'multimodal' ? manifest.facts : undefined;
  if (file !== undefined) return parseFacts(contents.get(file)!, join(bundleDirectory, file));
  try {
    return conceptFacts(dataDirectory);
  } catch (error) {
    if (error instanceof MissingDataError) return undefined;
    throw error;
  }
}
