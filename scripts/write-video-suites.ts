/**
 * @file Writes `data/suites/text-video.json` and `data/suites/text-motion.json` from the installed data:
 * `node --import ./scripts/typescript.mjs scripts/write-video-suites.ts`.
 */
import { writeFileSync } from 'node:fs';
import { motionQuestions, videoQuestions } from '../src/learn/data/moving-pictures-questions.ts';

const suites = { 'text-video': videoQuestions(), 'text-motion': await motionQuestions() };
for (const [name, items] of Object.entries(suites)) {
  writeFileSync(`data/suites/${name}.json`, `[\n${items.map((item) => `  ${JSON.stringify(item)}`).join(',\n')}\n]\n`);
  process.stdout.write(`${name}: ${items.length} questions\n`);
}
