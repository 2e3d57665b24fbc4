/** @file Fetching from Debian with programs that stand for apt and dpkg, so that no network and no apt is needed. */
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MissingDataError } from '../../engine/core/index.ts';
import { describeDebian, installDebian } from './debian.ts';
import { debianPackages } from './debian-packages.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sensorium-debian-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function program(name: string, script: string): string {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n[ "$1" = --version ] && exit 0\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

const onUnix = process.platform !== 'win32';
const names = ['oxygen-sounds', 'sound-theme-freedesktop'];
const goodApt = () => program('apt', 'echo "$2" > "$2_1_all.deb"');
const goodDpkg = () => program('dpkg', 'mkdir -p "$3/usr" && cat "$2" > "$3/usr/name"');

describe.runIf(onUnix)('installDebian', () => {
  it('fetches what is missing, each package whole, and nothing again', async () => {
    const programs = { apt: goodApt(), dpkg: goodDpkg() };
    const done: number[] = [];
    const after = await installDebian({ directory, names, programs, onProgress: (event) => done.push(event.done) });
    const installed = after.packages.filter(({ state }) => state === 'installed').map(({ name }) => name);
    expect(installed).toEqual(names);
    expect(after.skipped).toBeUndefined();
    expect(readFileSync(join(directory, 'debian/oxygen-sounds/usr/name'), 'utf8')).toBe('oxygen-sounds\n');
    expect(done).toEqual([0, 1, 2]);
    const broken = { apt: program('apt', 'exit 1'), dpkg: programs.dpkg };
    expect((await installDebian({ directory, names, programs: broken })).packages).toEqual(after.packages);
  });

  it('leaves nothing behind where a download or the unpacking fails, and says what was said', async () => {
    const noNetwork = { apt: program('apt', 'echo "E: no network" >&2; exit 100'), dpkg: goodDpkg() };
    await expect(installDebian({ directory, names, programs: noNetwork })).rejects.toThrow(/E: no network/);
    const badArchive = { apt: goodApt(), dpkg: program('dpkg', 'mkdir -p "$3"; exit 2') };
    await expect(installDebian({ directory, names, programs: badArchive })).rejects.toThrow(MissingDataError);
    expect(readdirSync(join(directory, 'debian'))).toEqual([]);
  });

  it('stops when told to', async () => {
    const programs = { apt: program('apt', 'sleep 20'), dpkg: goodDpkg() };
    const controller = new AbortController();
    const waiting = installDebian({ directory, names, programs, signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(describeDebian(directory).packages.every(({ state }) => state === 'missing')).toBe(true);
  });
});

describe('installDebian without apt', () => {
  it('says so and changes nothing', async () => {
    const programs = { apt: join(directory, 'no-such-program'), dpkg: join(directory, 'nor-this') };
    const result = await installDebian({ directory, names, programs });
    expect(result.skipped).toContain('no-such-program is not on this machine');
    expect(result.skipped).toContain('oxygen-sounds, sound-theme-freedesktop');
    expect(existsSync(join(directory, 'debian'))).toBe(false);
  });

  it('refuses a name that is not in the table', async () => {
    await expect(installDebian({ directory, names: ['vim'] })).rejects.toThrow('no package vim');
  });
});

describe('the table of Debian packages', () => {
  it('trains on nothing that is shared under its own licence alone', () => {
    for (const { name, use, licence } of debianPackages) {
      if (/GPL|-SA-/.test(licence)) expect(use, name).toBe('evaluation');
    }
  });
});
