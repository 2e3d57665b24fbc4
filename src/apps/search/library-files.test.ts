/** @file Files by their ids, and what they can be filtered by, without a store. */
import { describe, expect, it } from 'vitest';
import { fileIdOf } from './file-id.ts';
import { FileIds, facetsOf } from './library-files.ts';
import type { StoredFile } from './store/segment.ts';

const file = (fileNumber: number, path: string, changes: Partial<StoredFile> = {}): StoredFile => ({
  fileNumber,
  path,
  kind: 'image',
  sizeBytes: 1,
  modifiedMs: 1000 * fileNumber,
  contentHash: 'h',
  format: 'png',
  width: 1,
  height: 1,
  durationSeconds: 0,
  tenant: '',
  tags: [],
  indexedAtMs: 1,
  ...changes,
});
const mapOf = (...files: StoredFile[]) => new Map(files.map((one) => [one.fileNumber, one]));

describe('FileIds', () => {
  it('finds files that were never asked for, and those that come later', () => {
    const ids = new FileIds();
    const files = mapOf(file(1, '/a/x.png'), file(2, '/a/y.png'));
    expect(ids.find(fileIdOf('/a/y.png'), files)?.fileNumber).toBe(2);
    expect(ids.find(fileIdOf('/a/z.png'), files)).toBeUndefined();
    files.set(3, file(3, '/a/z.png'));
    expect(ids.find(fileIdOf('/a/z.png'), files)?.fileNumber).toBe(3);
    for (const id of ['', '/a/x.png', '__proto__']) expect(ids.find(id, files)).toBeUndefined();
  });

  it('follows a file that was written anew, and forgets one that has left', () => {
    const ids = new FileIds();
    const files = mapOf(file(1, '/a/x.png'), file(2, '/a/y.png'));
    expect(ids.find(fileIdOf('/a/x.png'), files)?.fileNumber).toBe(1);
    files.delete(1);
    files.set(3, file(3, '/a/x.png'));
    expect(ids.find(fileIdOf('/a/x.png'), files)?.fileNumber).toBe(3);
    files.delete(3);
    expect(ids.find(fileIdOf('/a/x.png'), files)).toBeUndefined();
  });
});

describe('facetsOf', () => {
  it('counts kinds, tags and folders, and passes over folders that hold only another', () => {
    const facets = facetsOf([
      file(1, '/media/trip/a.png', { tags: ['sea', 'sun'] }),
      file(2, '/media/trip/2024/b.mp4', { kind: 'video', durationSeconds: 90, tags: ['sea'] }),
      file(3, '/media/deep/er/c.flac', { kind: 'audio', durationSeconds: 4 }),
    ]);
    expect(facets.files).toEqual({ image: 1, audio: 1, video: 1, document: 0 });
    expect(facets.folders.map(({ name, numFiles }) => [name, numFiles])).toEqual([
      ['deep/er', 1],
      ['trip', 2],
      ['trip/2024', 1],
    ]);
    expect(facets.folders[1]?.path).toBe('/media/trip');
    expect(facets.tags).toEqual([
      { tag: 'sea', numFiles: 2 },
      { tag: 'sun', numFiles: 1 },
    ]);
    expect(facets.modifiedMs).toEqual({ first: 1000, last: 3000 });
    expect(facets.longestSeconds).toBe(90);
  });

  it('offers no folder where all files lie in one, and nothing of an empty library', () => {
    expect(facetsOf([file(1, '/a/x.png'), file(2, '/a/y.png')]).folders).toEqual([]);
    expect(facetsOf([])).toEqual({
      files: { image: 0, audio: 0, video: 0, document: 0 },
      folders: [],
      tags: [],
      modifiedMs: null,
      longestSeconds: 0,
    });
  });
});
