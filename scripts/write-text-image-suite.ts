/** @file Writes `data/suites/text-image.json` from the installed data: `node --import ./scripts/typescript.mjs scripts/write-text-image-suite.ts`. */
import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { evaluationItems, readCatalog } from '../src/learn/data/index.ts';

const records = await readCatalog({ sources: ['twemoji'] });
const splits = [
  ['seen', 'train'],
  ['validation', 'validation'],
  ['unseen', 'test'],
] as const;
const items = splits.flatMap(([question, split]) =>
  evaluationItems(records, question).map(({ path, text }) => ({ file: basename(path), text, split })),
);
writeFileSync('data/suites/text-image.json', `[\n${items.map((item) => `  ${JSON.stringify(item)}`).join(',\n')}\n]\n`);
process.stdout.write(`${items.length} questions\n`);
