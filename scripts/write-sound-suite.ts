/** @file Writes `data/suites/text-sound.json` from the installed data: `node --import ./scripts/typescript.mjs scripts/write-sound-suite.ts`. */
import { writeFileSync } from 'node:fs';
import { readSounds, soundPackage } from '../src/learn/data/sounds.ts';

const items = readSounds().map(({ file, concept, split, text }) => ({
  file,
  source: soundPackage,
  concept,
  split,
  text,
}));
writeFileSync('data/suites/text-sound.json', `[\n${items.map((item) => `  ${JSON.stringify(item)}`).join(',\n')}\n]\n`);
process.stdout.write(`${items.length} sounds\n`);
