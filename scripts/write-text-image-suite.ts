/** @file Writes `data/suites/text-image.json` from the installed data: `node --import ./scripts/typescript.mjs scripts/write-text-image-suite.ts`. */
import { writeFileSync } from 'node:fs';
import { textImageQuestions } from '../src/learn/evaluate/text-image-questions.ts';

const items = await textImageQuestions();
writeFileSync('data/suites/text-image.json', `[\n${items.map((item) => `  ${JSON.stringify(item)}`).join(',\n')}\n]\n`);
process.stdout.write(`${items.length} questions\n`);
