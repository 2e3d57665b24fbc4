/** @file Holds the sources to the house rules: the import table, file sizes, documented exports, real entry points. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { exportsOf, undocumentedExports } from './documented-exports.ts';
import { importTable, longFiles } from './import-table.ts';
import { brokenRules, readSources, roomOf } from './scan.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const files = readSources(root);
const numLines = (text: string) => text.trimEnd().split('\n').length;

describe('the sources', () => {
  it('are really seen by the scan', () => {
    expect(files.length).toBeGreaterThan(40);
    const rooms = new Set(files.map((file) => roomOf(file.path)));
    for (const room of ['engine/core', 'engine/graph', 'media', 'model', 'learn', 'apps', 'serve', 'cli', 'studio']) {
      expect(rooms, `no file of ${room} was seen`).toContain(room);
    }
    expect(files.reduce((sum, file) => sum + file.imports.length, 0)).toBeGreaterThan(100);
  });

  it('import only what the import table allows, through the other room’s index', () => {
    expect(brokenRules(files)).toEqual([]);
  });

  it('import only files that exist', () => {
    const missing = files.flatMap((file) =>
      file.imports
        .filter((specifier) => specifier.startsWith('.') && !existsSync(join(root, dirname(file.path), specifier)))
        .map((specifier) => `${file.path}: ${specifier}`),
    );
    expect(missing).toEqual([]);
  });

  it('stay within 400 lines a file', () => {
    const long = files.filter((file) => numLines(file.text) > 400).map((file) => file.path);
    expect(long.filter((path) => !(path in longFiles))).toEqual([]);
    expect(Object.keys(longFiles).filter((path) => !long.includes(path))).toEqual([]);
  });

  it('open with a @file comment', () => {
    const without = files.filter((file) => !/^(#!.*\n)?\/\*\*\s+(\* )?@file /.test(file.text));
    expect(without.map((file) => file.path)).toEqual([]);
  });

  it('document every symbol that an index exports', () => {
    const indexes = files.filter((file) => /^src\/.*\/index\.ts$/.test(file.path));
    expect(indexes.length).toBeGreaterThan(5);
    expect(exportsOf(join(root, 'src/engine/core/index.ts')).size).toBeGreaterThan(20);
    expect(indexes.flatMap((file) => undocumentedExports(join(root, file.path)))).toEqual([]);
  });
});

describe('package.json', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

  it('exports only entry points that have a source', () => {
    const targets = Object.values(manifest.exports)
      .filter((target): target is { default: string } => typeof target === 'object')
      .map((target) => target.default);
    targets.push(...(Object.values(manifest.bin) as string[]));
    const sources = targets.map((target) => target.replace('./dist/', 'src/').replace(/\.js$/, '.ts'));
    expect(sources.length).toBeGreaterThan(5);
    expect(sources.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('lists every package that the sources import', () => {
    const declared = { ...manifest.dependencies, ...manifest.peerDependencies };
    const bundled = { ...declared, ...manifest.devDependencies };
    const undeclared = files.flatMap((file) =>
      file.imports
        .filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
        .map((specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'))
        .filter((name) => !(name in (file.path.startsWith('studio/') ? bundled : declared)))
        .map((name) => `${file.path}: ${name}`),
    );
    expect(undeclared).toEqual([]);
  });
});

describe('package-lock.json', () => {
  it('names the binaries of every platform; run "node scripts/complete-lock.mjs" after an install', () => {
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    const packages: Record<string, { optionalDependencies?: Record<string, string> }> = lock.packages;
    const named = Object.values(packages).flatMap((entry) => Object.entries(entry.optionalDependencies ?? {}));
    const exact = named.filter(([, version]) => /^\d+\.\d+\.\d+$/.test(version)).map(([name]) => name);
    expect(exact.length).toBeGreaterThan(20);
    expect(exact.filter((name) => !(`node_modules/${name}` in packages))).toEqual([]);
  });
});

describe('the rules', () => {
  const fixture = mkdtempSync(join(tmpdir(), 'architecture-'));
  afterAll(() => rmSync(fixture, { recursive: true, force: true }));

  /** The rules broken by a tree of the given files. */
  const brokenIn = (tree: Readonly<Record<string, string>>) => {
    const folder = mkdtempSync(join(fixture, 'tree-'));
    for (const [path, text] of Object.entries(tree)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    return brokenRules(readSources(folder, ['src']));
  };

  it('accept imports that run downward through an index', () => {
    expect(
      brokenIn({
        'src/media/image.ts': `import { Tensor } from '../engine/core/index.ts';`,
        'src/apps/search/index.ts': `import * as engine from '../../engine/index.ts';`,
        'src/engine/index.ts': `export * from './core/index.ts';`,
        'src/engine/graph/ops/add.ts': `import { Node } from '../graph.ts';`,
      }),
    ).toEqual([]);
  });

  it('catch an upward import, in any way of writing it', () => {
    const target = '../apps/search/index.ts';
    for (const text of [
      `import { search } from '${target}';`,
      `import type { Search } from '${target}';`,
      `export * from '${target}';`,
      `import '${target}';`,
      `const search = await import('${target}');`,
    ]) {
      expect(brokenIn({ 'src/model/bad.ts': text }), text).toEqual([
        expect.stringContaining('which the import table does not allow'),
      ]);
    }
  });

  it('catch an import past the index, a package away from home, a file in no room', () => {
    expect(brokenIn({ 'src/media/bad.ts': `import '../engine/core/tensor.ts';` })[0]).toContain('import its index.ts');
    expect(brokenIn({ 'src/model/bad.ts': `import ort from 'onnxruntime-node';` })[0]).toContain('whose home is');
    expect(brokenIn({ 'src/utils/bad.ts': '' })[0]).toContain('in no room');
  });

  it('catch a circle among rooms', () => {
    const broken = brokenIn({
      'src/media/a.ts': `import '../model/index.ts';`,
      'src/model/index.ts': '',
      'src/model/b.ts': `import '../media/index.ts';`,
    });
    expect(broken.some((rule) => rule.includes('in a circle'))).toBe(true);
  });

  it('hold a table without circles that names only its own rooms', () => {
    const rooms = Object.keys(importTable);
    for (const [room, allowed] of Object.entries(importTable)) {
      for (const other of allowed) {
        expect(
          rooms.some((name) => name === other || name.startsWith(`${other}/`)),
          `${room} names ${other}`,
        ).toBe(true);
      }
    }
  });
});
