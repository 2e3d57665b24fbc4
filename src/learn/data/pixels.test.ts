import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cachedPixels, type PixelOptions, type ShownPicture, shownPictureKey } from './pixels.ts';

let directory: string;
let pictures: ShownPicture[];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sensorium-pixels-'));
  pictures = await Promise.all(
    [0, 1, 2, 3, 4].map(async (i) => {
      const path = join(directory, `${i}.svg`);
      const colour = `rgb(${i * 50},0,255)`;
      await writeFile(
        path,
        `<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8" fill="${colour}"/></svg>`,
      );
      return { record: { id: `plain/${i}`, path }, view: {} };
    }),
  );
});
afterEach(() => rm(directory, { recursive: true }));

const draw = (changes: Partial<PixelOptions> = {}) =>
  cachedPixels({
    pictures,
    size: 8,
    directory: join(directory, 'cache'),
    shardSize: 2,
    unit: 'pictures',
    ...changes,
  });

/** The first pixel of each picture. */
const colours = (table: Awaited<ReturnType<typeof cachedPixels>>) =>
  Array.from({ length: table.numPictures }, (_, row) => {
    const target = new Uint8Array(8 * 8 * 3 + 5);
    table.copy(row, target, 5);
    expect(Array.from(target.subarray(0, 5))).toEqual([0, 0, 0, 0, 0]);
    return Array.from(target.subarray(5, 8));
  });

const expected = [0, 50, 100, 150, 200].map((red) => [red, 0, 255]);

describe('cachedPixels', () => {
  it('draws every picture, and gives the same from its shards when the files are gone', async () => {
    expect(colours(await draw())).toEqual(expected);
    expect(await readdir(join(directory, 'cache'))).toHaveLength(3);
    await Promise.all(pictures.map(({ record }) => rm(record.path)));
    expect(colours(await draw())).toEqual(expected);
  });

  it('goes on after a stop, and keeps the shards that were whole', async () => {
    const controller = new AbortController();
    const stopped = draw({
      signal: controller.signal,
      onProgress: ({ done }) => {
        if (done === 4) controller.abort(new Error('enough'));
      },
    });
    await expect(stopped).rejects.toThrow('enough');
    await rm(pictures[0]!.record.path);
    expect(colours(await draw())).toEqual(expected);
  });

  it('draws a damaged shard anew', async () => {
    await draw();
    for (const name of await readdir(join(directory, 'cache'))) {
      const path = join(directory, 'cache', name);
      await writeFile(path, (await readFile(path)).subarray(0, 60));
    }
    expect(colours(await draw())).toEqual(expected);
  });

  it('draws again for another size or another view', async () => {
    await draw();
    const other = await draw({ size: 6 });
    expect(other.size).toBe(6);
    await draw({ pictures: pictures.map(({ record }) => ({ record, view: { grayscale: true } })) });
    expect(await readdir(join(directory, 'cache'))).toHaveLength(9);
  });

  it('tells views of one picture apart, by the file that a view shows too', () => {
    const [{ record }] = pictures as [ShownPicture];
    const keys = [{}, { padding: 0.1 }, { path: '/a/dark.png' }, { path: '/b/dark.png' }].map((view) =>
      shownPictureKey({ record, view }),
    );
    expect(new Set(keys).size).toBe(3);
    expect(keys[2]).toBe(keys[3]);
  });
});
