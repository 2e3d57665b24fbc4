/**
 * @file Fetches data packages of Debian without root where the machine has apt: `apt-get download` into a folder of its own, `dpkg-deb -x` beside
 * it, and a rename that makes the package appear whole or not at all. No script of a package is run. Elsewhere nothing is fetched, and the
 * answer says why.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MissingDataError, type OnProgress } from '../../engine/core/index.ts';
import { type DebianPackage, debianPackages } from './debian-packages.ts';

/** What a data folder holds of Debian's packages. */
export interface DebianDescription {
  /** Absolute path of the folder that holds one folder a package. */
  readonly directory: string;
  readonly packages: readonly (DebianPackage & { readonly state: 'installed' | 'missing' })[];
}

/** What `installDebian` is told. */
export interface DebianOptions {
  /** The data folder; packages go into its `debian/`. */
  readonly directory: string;
  /** The packages to fetch; all if absent. */
  readonly names?: readonly string[];
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
  /** The programs that fetch and unpack, unless a test says otherwise. */
  readonly programs?: { readonly apt: string; readonly dpkg: string };
}

/** What was fetched, or why nothing was. */
export interface DebianResult extends DebianDescription {
  /** A sentence, where the machine cannot fetch Debian's packages. */
  readonly skipped?: string;
}

/** Which of Debian's packages are in a data folder. */
export function describeDebian(directory: string): DebianDescription {
  const folder = join(resolve(directory), 'debian');
  const stateOf = ({ name }: DebianPackage) => (existsSync(join(folder, name)) ? 'installed' : 'missing');
  return { directory: folder, packages: debianPackages.map((one) => ({ ...one, state: stateOf(one) })) };
}

/**
 * Fetches the packages that are missing, one after another.
 * @throws RangeError for a name that is not in the table; MissingDataError when a download or unpacking fails, or the disk is too full;
 * the reason of `signal` when it is aborted.
 */
export async function installDebian(options: DebianOptions): Promise<DebianResult> {
  const { names = debianPackages.map(({ name }) => name), onProgress, signal } = options;
  const programs = options.programs ?? { apt: 'apt-get', dpkg: 'dpkg-deb' };
  const before = describeDebian(options.directory);
  const unknown = names.filter((name) => !debianPackages.some((one) => one.name === name));
  if (unknown.length > 0) throw new RangeError(`installDebian: there is no package ${unknown.join(', ')} in the table`);
  const wanted = before.packages.filter(({ name, state }) => state === 'missing' && names.includes(name));
  if (wanted.length === 0) return before;
  for (const program of Object.values(programs)) {
    if (!(await runs(program))) {
      const skipped = `${program} is not on this machine, so Debian's packages are left out: ${wanted.map(({ name }) => name).join(', ')}.`;
      return { ...before, skipped };
    }
  }
  await mkdir(before.directory, { recursive: true });
  await requireSpace(before.directory, wanted);
  for (const [i, one] of wanted.entries()) {
    signal?.throwIfAborted();
    onProgress?.({ stage: 'fetching from Debian', done: i, total: wanted.length, unit: 'packages' });
    await fetchPackage(one.name, before.directory, programs, signal);
  }
  onProgress?.({ stage: 'fetching from Debian', done: wanted.length, total: wanted.length, unit: 'packages' });
  return describeDebian(options.directory);
}

async function fetchPackage(
  name: string,
  directory: string,
  { apt, dpkg }: { readonly apt: string; readonly dpkg: string },
  signal: AbortSignal | undefined,
): Promise<void> {
  const work = await mkdtemp(join(directory, '.fetching-'));
  try {
    await run(apt, ['download', name], work, signal);
    const archive = (await readdir(work)).find((file) => file.startsWith(`${name}_`) && file.endsWith('.deb'));
    if (archive === undefined) throw new MissingDataError(`installDebian: ${apt} ended well but gave no ${name}_*.deb`);
    await run(dpkg, ['-x', archive, 'content'], work, signal);
    await rename(join(work, 'content'), join(directory, name));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Whether a program can be started. */
function runs(program: string): Promise<boolean> {
  return new Promise((done) => {
    execFile(program, ['--version'], (error) => done(error === null));
  });
}

async function requireSpace(directory: string, wanted: readonly DebianPackage[]): Promise<void> {
  const needed = wanted.reduce((sum, { downloadBytes, unpackedBytes }) => sum + downloadBytes + unpackedBytes, 0);
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize >= needed) return;
  const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
  throw new MissingDataError(
    `installDebian: ${directory} needs ${megabytes(needed)} free and has ${megabytes(bavail * bsize)}; choose another folder with --data`,
  );
}

function run(program: string, args: readonly string[], cwd: string, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((done, fail) => {
    const options = { cwd, maxBuffer: 1 << 24, ...(signal ? { signal } : {}) };
    execFile(program, args, options, (error, _out, said) => {
      if (error === null) return done();
      if (signal?.aborted) return fail(signal.reason);
      const why = said.trim().split('\n').slice(-2).join('; ') || error.message;
      const failed = `installDebian: ${program} ${args.join(' ')} failed: ${why}`;
      fail(new MissingDataError(failed, { cause: error }));
    });
  });
}
