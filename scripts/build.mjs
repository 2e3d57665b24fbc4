/**
 * @file Builds `dist/`: the library and the command (TypeScript, emitted without checking; `npm run check` checks) and the
 * web page (Vite). Does nothing when `dist/` already stands for the same sources. The new tree is built aside and moved into
 * place, so that a running server or a second build never sees half of one.
 *
 * Usage: node scripts/build.mjs [--force]
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const target = join(root, 'dist');
const stampName = '.built-from';
const sources = ['src', 'studio', 'scripts/build.mjs', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];

/** Names, sizes and times of everything that `dist/` is made from, as one short hash. */
async function fingerprint() {
  const lines = [];
  const visit = async (path) => {
    const info = await stat(path);
    if (info.isDirectory()) {
      for (const name of (await readdir(path)).sort()) await visit(join(path, name));
    } else if (!path.endsWith('.test.ts')) {
      lines.push(`${relative(root, path)} ${info.size} ${info.mtimeMs}`);
    }
  };
  for (const source of sources) if (existsSync(join(root, source))) await visit(join(root, source));
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

/** Emits JavaScript and declarations of `src/` into `directory`. */
async function emitLibrary(directory) {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const options = ['-p', join(root, 'tsconfig.build.json'), '--noCheck', '--outDir', directory];
  await promisify(execFile)(process.execPath, [compiler, ...options], { cwd: root, maxBuffer: 1 << 26 });
  await chmod(join(directory, 'cli/main.js'), 0o755);
}

/** Bundles the web page into `directory`. */
async function bundlePage(directory) {
  const { build } = await import('vite');
  await build({
    configFile: join(root, 'studio/vite.config.ts'),
    root: join(root, 'studio'),
    logLevel: 'warn',
    build: { outDir: directory, emptyOutDir: true },
  });
}

/** Puts the new tree in the place of the old one; another build may do the same at the same time, and the last one stays. */
async function moveIntoPlace(aside, old) {
  for (let attempt = 1; ; attempt++) {
    await rename(target, `${old}-${attempt}`).catch((error) => {
      if (error.code !== 'ENOENT') throw error;
    });
    try {
      return await rename(aside, target);
    } catch (error) {
      if (attempt === 10 || !['ENOTEMPTY', 'EEXIST'].includes(error.code)) throw error;
    } finally {
      await rm(`${old}-${attempt}`, { recursive: true, force: true });
    }
  }
}

/** Lets `npx sensorium` in a clone find the command at once, as it would in a project that installed the package. */
async function linkCommand() {
  const link = join(root, 'node_modules/.bin/sensorium');
  if (process.platform === 'win32' || (await lstat(link).catch(() => undefined))) return;
  await mkdir(dirname(link), { recursive: true });
  await symlink('../../dist/cli/main.js', link).catch(() => undefined);
}

const canBuild = existsSync(join(root, 'node_modules/typescript'));
if (!canBuild) process.stderr.write('dist/ was not built: the development dependencies are not installed\n');
const stamp = await fingerprint();
const current = await readFile(join(target, stampName), 'utf8').catch(() => '');
if (canBuild && (current !== stamp || process.argv.includes('--force'))) {
  const started = performance.now();
  const aside = join(root, 'node_modules/.cache/sensorium', `dist-${process.pid}`);
  const old = `${aside}-old`;
  try {
    await rm(aside, { recursive: true, force: true });
    await Promise.all([emitLibrary(aside), bundlePage(join(aside, 'studio'))]);
    await writeFile(join(aside, stampName), stamp);
    await moveIntoPlace(aside, old);
    process.stderr.write(`built dist/ in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
  } catch (error) {
    process.stderr.write(`build failed: ${error.stdout || error.stack || error}\n`);
    process.exitCode = 1;
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}
await linkCommand();
