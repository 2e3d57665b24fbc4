/**
 * @file `sensorium start`: the search page at once, over a first library to try: the pictures of Twemoji, which the built-in
 * model was not trained on. They are indexed beside the server; a later start goes on where the last one stopped.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineCommand } from 'citty';
import { cacheFolder } from '../../bundle/index.ts';
import { serveLibrary } from '../../serve/index.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { outputOptions } from '../output.ts';
import { showProgress } from '../progress-bar.ts';
import { listenOptions, portOf, printAddress, untilAborted } from './serve.ts';

/** In a clone `libraries/twemoji` of the clone; for an installed package, which may not be written to, the user's cache. */
function defaultLibrary(): string {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const isClone = existsSync(join(root, 'studio', 'index.html'));
  return isClone ? join(root, 'libraries', 'twemoji') : join(cacheFolder(), 'libraries', 'twemoji');
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
    const folder = dirname(createRequire(import.meta.url).resolve('@twemoji/svg/package.json'));
    const tell = (line: string) => {
      if (!args.quiet && !args.json) process.stderr.write(`${line}\n`);
    };
    const serving = await serveLibrary({
      library: args.library || defaultLibrary(),
      host: args.host,
      port: portOf('start', args.port),
      ...(args.model ? { model: args.model } : {}),
      index: { folder, rebuild: true },
      credit: 'Pictures: Twemoji, CC BY 4.0',
      onIndexing(event) {
        if (event.type === 'progress') {
          const { done, total } = event;
          bar.onProgress({ stage: 'indexing pictures', done, total, unit: 'pictures' });
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
