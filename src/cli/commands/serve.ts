/** @file `sensorium serve`: serves a library over HTTP, with the search page. */
import { defineCommand } from 'citty';
import { defaultHost, defaultPort, serveLibrary } from '../../serve/index.ts';
import { UsageError } from '../failure.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { outputOptions, printJson, printLines } from '../output.ts';

/** Options of every command that listens. */
export const listenOptions = {
  port: { type: 'string', description: 'The port; 0 takes a free one', default: String(defaultPort), valueHint: 'n' },
  host: { type: 'string', description: 'The address to listen on', default: defaultHost, valueHint: 'address' },
  model: { type: 'string', description: 'A bundle; the built-in one by default', valueHint: 'bundle' },
} as const;

/** The port that was asked for. @throws UsageError */
export function portOf(command: string, port: string): number {
  const value = /^\d{1,5}$/.test(port) ? Number(port) : Number.NaN;
  if (!(value <= 65_535)) throw new UsageError(`${command}: --port must be from 0 to 65535, got ${port}`);
  return value;
}

/** Prints where the page is: the address alone on a line, or as JSON. */
export function printAddress(url: string, asJson: boolean | undefined): void {
  if (asJson) printJson({ url });
  else printLines(url);
}

export default defineCommand({
  meta: { name: 'serve', description: 'Serve a library over HTTP, with the search page' },
  args: {
    library: { type: 'string', description: 'The folder of the library', valueHint: 'dir' },
    ...listenOptions,
    ...outputOptions,
  },
  async run({ args }) {
    if (!args.library) throw new UsageError('serve: say where the library is: --library <dir>');
    const interrupt = listenForInterrupt();
    const serving = await serveLibrary({
      library: args.library,
      host: args.host,
      port: portOf('serve', args.port),
      ...(args.model ? { model: args.model } : {}),
      onFault: (error) => process.stderr.write(`${error instanceof Error ? error.stack : error}\n`),
    });
    printAddress(serving.url, args.json);
    await untilAborted(interrupt.signal);
    await serving.close();
    interrupt.dispose();
  },
});

/** Resolves when the signal is aborted. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
