/** @file Reads a tree of sources and says what in it breaks the import table. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import typescript from 'typescript';
import { importTable, packageHomes } from './import-table.ts';

/** One source file with what it imports. */
export interface SourceFile {
  /** Path from the root of the tree, with forward slashes: `src/media/image.ts`. */
  readonly path: string;
  readonly text: string;
  /** The specifiers as written. */
  readonly imports: readonly string[];
}

/** All TypeScript files under the given folders of `root`, except tests and declarations. */
export function readSources(root: string, folders: readonly string[] = ['src', 'studio']): SourceFile[] {
  const files: SourceFile[] = [];
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      const full = join(entry.parentPath, entry.name);
      if (!entry.isFile() || !/\.tsx?$/.test(entry.name) || /\.(test|d)\.ts$/.test(entry.name)) continue;
      const text = readFileSync(full, 'utf8');
      const imports = typescript.preProcessFile(text, true, true).importedFiles.map((file) => file.fileName);
      files.push({ path: relative(root, full).split('\\').join('/'), text, imports });
    }
  }
  return files;
}

/**
 * The room of a file: the longest row of the table that holds it. `undefined` for a file that only gathers rooms
 * (`src/index.ts`, `src/engine/index.ts`) and for one that is in no room at all.
 */
export function roomOf(path: string): string | undefined {
  const inside = path.replace(/^src\//, '');
  const rooms = Object.keys(importTable).filter((room) => inside.startsWith(`${room}/`));
  return rooms.sort((a, b) => b.length - a.length)[0];
}

/** Files that gather several rooms under one name. */
const gatherers = [
  'src/index.ts',
  'src/engine/index.ts',
  'src/engine/browser.ts',
  'src/model/index.ts',
  'src/serve/index.ts',
];

/** What must be entered by its `index.ts`: each folder of the engine and of the applications, else the whole room. */
function doorOf(path: string): string {
  const [first = '', second = '', third] = path.replace(/^src\//, '').split('/');
  const hasDoors = first === 'engine' || first === 'apps' || (first === 'serve' && second === 'protocol');
  return hasDoors && third !== undefined ? `${first}/${second}` : first;
}

const isWithin = (room: string, allowed: string) => room === allowed || room.startsWith(`${allowed}/`);

/** Every broken rule, one sentence each; empty when the tree is in order. */
export function brokenRules(files: readonly SourceFile[]): string[] {
  const broken: string[] = [];
  const edges = new Map<string, Map<string, string>>();
  for (const file of files) {
    const room = roomOf(file.path);
    const gathers = gatherers.includes(file.path);
    if (room === undefined && !gathers) broken.push(`${file.path} is in no room of the import table`);
    for (const specifier of file.imports) {
      if (!specifier.startsWith('.')) {
        const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
        const homes = packageHomes[name];
        if (homes !== undefined && room !== undefined && !homes.some((home) => isWithin(room, home))) {
          broken.push(`${file.path} imports ${name}, whose home is ${homes.join(' or ')}`);
        }
        continue;
      }
      const target = posix.normalize(posix.join(dirname(file.path), specifier));
      if (!/\.tsx?$/.test(target)) continue;
      if (doorOf(target) !== doorOf(file.path) && posix.basename(target) !== 'index.ts') {
        broken.push(`${file.path} imports ${target} of another room; import its index.ts`);
      }
      if (gathers || room === undefined) continue;
      const targetRoom = roomOf(target) ?? target.replace(/^src\//, '').replace(/\/index\.ts$/, '');
      if (targetRoom === room) continue;
      if (!importTable[room]?.some((allowed) => isWithin(targetRoom, allowed))) {
        broken.push(`${file.path} (${room}) imports ${target} (${targetRoom}), which the import table does not allow`);
      }
      if (!edges.has(room)) edges.set(room, new Map());
      edges.get(room)?.set(targetRoom, file.path);
    }
  }
  for (const cycle of findCycles(edges)) broken.push(`rooms import one another in a circle: ${cycle.join(' -> ')}`);
  return broken;
}

/** Circles among rooms, each found once per room that starts one. */
function findCycles(edges: ReadonlyMap<string, ReadonlyMap<string, string>>): string[][] {
  const cycles: string[][] = [];
  for (const start of edges.keys()) {
    const visited = new Set<string>();
    const walk = (room: string, path: string[]): void => {
      for (const next of edges.get(room)?.keys() ?? []) {
        if (next === start) cycles.push([...path, start]);
        else if (!visited.has(next)) {
          visited.add(next);
          walk(next, [...path, next]);
        }
      }
    };
    walk(start, [start]);
  }
  return cycles;
}
