/**
 * @file `sensorium start`: the search page at once, over a first library to try: the pictures of Twemoji, which the built-in
 * model was not trained on, and the sounds and moving pictures of the demonstration packages as far as they are installed (in a clone they
 * are). They are indexed beside the server; a later start goes on where the last one stopped.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineCommand } from 'citty';
import { cacheFolder } from '../../bundle/index.ts';
import { serveLibrary } from '../../serve/index.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { outputOptions } from '../output.ts';
import { showProgress } from '../progress-bar.ts';
import { listenOptions, portOf, printAddress, untilAborted } from './serve.ts';

/** In a clone `libraries/demonstration` of the clone; for an installed package, which may not be written to, the user's cache. */
function defaultLibrary(): string {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const isClone = existsSync(join(root, 'studio', 'index.html'));
  return isClone ? join(root, 'libraries', 'demonstration') : join(cacheFolder(), 'libraries', 'demonstration');
}

/** What is shown, in the order in which it is indexed. */
const demonstrations = [
  { name: '@twemoji/svg', folder: '', credit: 'Pictures: Twemoji, CC BY 4.0' },
  { name: 'supersonic-scsynth-samples', folder: 'samples', credit: 'Sounds: Sonic Pi samples, CC0' },
  { name: '@lobehub/fluent-emoji-anim-1', folder: 'assets', credit: 'Moving pictures: Fluent Emoji, MIT' },
] as const;

/** Where an npm package is installed, if it is. */
function packageFolder(name: string): string | undefined {
  const roots = createRequire(import.meta.url).resolve.paths(name) ?? [];
  return roots.map((root) => join(root, name)).find((folder) => existsSync(join(folder, 'package.json')));
}

export default defineCommand({
  meta: { name: 'start', description: 'Serve the search page, with a first library to try' },
  args: {
    library: { type: 'string', description: 'The folder of the library', valueHint: 'dir' },
    ...listenOptions,
    ...outputOptions,
  },
  async run({ args }) {
    const interrupt = listenForInterrupt();
    const bar = showProgress(args);
    const shown = demonstrations.flatMap(({ name, folder, credit }) => {
      const root = packageFolder(name);
      return root === undefined ? [] : [{ folder: join(root, folder), credit }];
    });
    const tell = (line: string) => {
      if (!args.quiet && !args.json) process.stderr.write(`${line}\n`);
    };
    const serving = await serveLibrary({
      library: args.library || defaultLibrary(),
      host: args.host,
      port: portOf('start', args.port),
      ...(args.model ? { model: args.model } : {}),
      index: { folders: shown.map(({ folder }) => folder), rebuild: true },
      credit: shown.map(({ credit }) => credit).join(' · '),
      onIndexing(event) {
        if (event.type === 'progress') {
          const { done, total } = event;
          bar.onProgress({ stage: 'indexing files', done, total, unit: 'files' });
        } else if (event.type === 'done') {
          bar.close();
          tell('the library is up to date');
        } else if (event.type === 'failed') {
          bar.close();
          process.stderr.write(`sensorium: indexing stopped: ${event.message}\n`);
        }
      },
      onFault: (error) => process.stderr.write(`${error instanceof Error ? error.stack : error}\n`),
    });
    printAddress(serving.url, args.json);
    await untilAborted(interrupt.signal);
    bar.close();
    await serving.close();
    interrupt.dispose();
  },
});
