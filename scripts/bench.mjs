/**
 * @file Runs one bench from its source: `npm run bench -- <name> [options of that bench]`. Without a name it lists them.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, 'bench');
const [name, ...options] = process.argv.slice(2);
const names = existsSync(folder)
  ? readdirSync(folder)
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .map((file) => file.slice(0, -3))
  : [];

if (name === undefined || !names.includes(name)) {
  process.stderr.write(`usage: npm run bench -- <name>; names: ${names.join(', ')}\n`);
  process.exitCode = 2;
} else {
  const hooks = pathToFileURL(join(root, 'scripts/typescript.mjs')).href;
  const child = spawn(process.execPath, ['--import', hooks, '--expose-gc', join(folder, `${name}.ts`), ...options], {
    stdio: 'inherit',
    cwd: root,
  });
  child.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}
