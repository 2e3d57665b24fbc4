/** @file Holds ARCHITECTURE.md to the sources: its table is the one that is tested, and its tree names the folders that exist. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { importTable } from './import-table.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const markdown = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');

/** The folders of the tree in the document, as paths: two spaces of indent a level, `name/` first on the line. */
function documentedFolders(): string[] {
  const tree = /```text\n(src\/\n.*?)```/s.exec(markdown)?.[1] ?? '';
  const path: string[] = [];
  return [...tree.matchAll(/^( *)([\w-]+)\//gm)].map(([, indent = '', name = '']) => {
    path.length = indent.length / 2;
    path.push(name);
    return path.join('/');
  });
}

describe('ARCHITECTURE.md', () => {
  it('shows the import table that is tested', () => {
    const rows = [...markdown.matchAll(/^\| ([\w/]+) +\| (.+?) +\|$/gm)].map(([, room = '', allowed = '']) => [
      room,
      allowed === '-' ? [] : allowed.split(', '),
    ]);
    expect(Object.fromEntries(rows.filter(([room]) => room !== 'room'))).toEqual(importTable);
  });

  it('shows every folder of the sources, and no other', () => {
    const found = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
    expect(documentedFolders().sort()).toEqual(['src', 'studio', ...found].sort());
  });
});
