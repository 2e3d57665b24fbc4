/** @file How the questions of `data/suites/text-image.json` are made: Twemoji's pictures with CLDR's names, one for each English name, flags left out. */
import { basename, join } from 'node:path';
import { codePointsOf, sequenceKey } from '../data/concept.ts';
import { defaultDataDirectory, evaluationItems, readCatalog } from '../data/index.ts';
import { readChineseNames } from '../data/moving-pictures.ts';
import type { SuiteItem } from './suite-file.ts';

/** The questions, training's concepts first. @throws MissingDataError if the data is not installed. */
export async function textImageQuestions(directory: string = defaultDataDirectory()): Promise<SuiteItem[]> {
  const records = await readCatalog({ sources: ['twemoji'], directory });
  const chinese = readChineseNames(join(directory, 'node_modules'));
  const splits = [
    ['seen', 'train'],
    ['validation', 'validation'],
    ['unseen', 'test'],
  ] as const;
  return splits.flatMap(([question, split]) =>
    evaluationItems(records, question).map(({ path, text, concept }) => {
      const file = basename(path);
      const zh = chinese.get(sequenceKey(codePointsOf(basename(file, '.svg'))))?.tts?.[0];
      if (zh === undefined) throw new RangeError(`textImageQuestions: CLDR has no Chinese name for ${file}`);
      return { file, source: '@twemoji/svg', concept, split, text: { en: text, zh } };
    }),
  );
}
