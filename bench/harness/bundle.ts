/**
 * @file Contenders in TypeScript as plain JavaScript, one file each, so that the process which is measured holds no compiler. The packages
 * that they use are not taken in.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Bundles the given files of `bench/`; returns where each one lies, by the name of its source, and a function that removes them. */
export async function bundlePeers(sources: readonly string[]): Promise<{
  readonly paths: Readonly<Record<string, string>>;
  remove(): void;
}> {
  const folder = join(root, 'node_modules/.cache/sensorium', `bench-${process.pid}`);
  const nameOf = (source: string) => basename(source, '.ts');
  await build({
    configFile: false,
    root,
    logLevel: 'error',
    build: {
      ssr: true,
      outDir: folder,
      emptyOutDir: true,
      minify: false,
      rolldownOptions: { input: Object.fromEntries(sources.map((source) => [nameOf(source), join(root, source)])) },
    },
  });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  return {
    paths: Object.fromEntries(sources.map((source) => [nameOf(source), join(folder, `${nameOf(source)}.js`)])),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
