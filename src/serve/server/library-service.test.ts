/** @file The service over real libraries on disk, with an encoder of colours. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { colourEncoder, colouredSvg } from '../../../test/e2e/colour-encoder.ts';
import { fileIdOf, indexFolder, openLibrary } from '../../apps/search/index.ts';
import { MediaError, MissingDataError } from '../../engine/core/index.ts';
import { LibraryService } from './library-service.ts';
import { NotFoundError, NotReadyError } from './service.ts';

let folder: string;
let directory: string;
let service: LibraryService;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'service-'));
  directory = join(folder, 'library');
  for (const colour of ['red', 'green', 'blue']) await writeFile(join(folder, `${colour}.svg`), colouredSvg(colour));
  service = new LibraryService({ directory });
});
afterEach(async () => {
  await service.close();
  await rm(folder, { recursive: true, force: true });
});

const index = async (encoder = colourEncoder) => {
  const library = await openLibrary(directory, { create: true, encoderId: encoder.id, dim: encoder.dim });
  await indexFolder({ library, folder, encoder });
  await library.close();
};

describe('LibraryService', () => {
  it('finds by text and by picture, and hands out only files of the library', async () => {
    await index();
    await service.useEncoder(async () => colourEncoder);
    const byText = await service.search([{ text: 'something blue' }], 2);
    expect(byText.hits.map((hit) => hit.name)[0]).toBe('blue.svg');
    expect(byText.hits).toHaveLength(2);
    expect(byText.searched).toBe(3);
    expect(byText.hits[0]?.score).toBeCloseTo(1, 4);
    const byPicture = await service.search([{ media: Buffer.from(colouredSvg('#fe0000')) }], 1);
    expect(byPicture.hits[0]).toMatchObject({ name: 'red.svg', width: 40, height: 40 });

    const id = byText.hits[0]?.id ?? '';
    expect(id).toMatch(/^[\w-]{22}$/);
    expect(await service.fileOf(id)).toEqual({ path: join(folder, 'blue.svg'), kind: 'image' });
    expect(await service.fileOf('blue.svg')).toBeUndefined();
    expect(await service.fileOf(join(folder, 'blue.svg'))).toBeUndefined();
  });

  it('hands out a file of the library that another process found, and its moments', async () => {
    await index();
    const id = fileIdOf(join(folder, 'green.svg'));
    expect(await service.fileOf(id)).toEqual({ path: join(folder, 'green.svg'), kind: 'image' });
    await service.useEncoder(async () => colourEncoder);
    const [green] = await service.momentsOf(id, [{ text: 'green' }]);
    expect(green).toMatchObject({ kind: 'image', segment: 0, hasThumbnail: false });
    // CSS green is half as bright as the word.
    expect(green?.score).toBeGreaterThan(0.99);
    const [byItself] = await service.momentsOf(id, [{ like: { id, segment: 0 } }]);
    expect(byItself?.score).toBeCloseTo(1, 4);
    const gone = fileIdOf(join(folder, 'gone.svg'));
    await expect(service.momentsOf(gone, [{ text: 'green' }])).rejects.toThrow(NotFoundError);
    await expect(service.search([{ like: { id, segment: 7 } }], 1)).rejects.toThrow(NotFoundError);
    await expect(service.search([{ like: { id: gone, segment: 0 } }], 1)).rejects.toThrow(NotFoundError);
  });

  it('takes parts together, for and against', async () => {
    await index();
    await service.useEncoder(async () => colourEncoder);
    const like = { id: fileIdOf(join(folder, 'red.svg')), segment: 0 };
    const both = await service.search([{ like }, { text: 'blue', weight: 0.7 }], 3);
    expect(both.hits.map(({ name }) => name)).toEqual(['red.svg', 'blue.svg', 'green.svg']);
    const against = await service.search([{ text: 'white' }, { text: 'red', weight: -0.5 }], 3);
    expect(against.hits.at(-1)?.name).toBe('red.svg');
  });

  it('offers what there is to choose, and looks only there', async () => {
    await mkdir(join(folder, 'trip'));
    await writeFile(join(folder, 'trip', 'white.svg'), colouredSvg('white'));
    await writeFile(join(folder, 'trip', 'broken.png'), 'no picture');
    await index();
    await service.useEncoder(async () => colourEncoder);
    await service.refresh();
    const { kinds, folders } = await service.facets();
    expect(kinds).toEqual({ image: 4, audio: 0, video: 0, document: 0 });
    expect(folders).toEqual([{ id: expect.stringMatching(/^[\w-]{22}$/), name: 'trip', files: 1 }]);
    const { hits } = await service.search([{ text: 'red' }], 5, { folder: folders[0]?.id ?? '' });
    expect(hits.map(({ name }) => name)).toEqual(['white.svg']);
    await expect(service.search([{ text: 'red' }], 5, { folder: '/etc' })).rejects.toThrow(NotFoundError);
    expect(service.status().library.refused).toBe(1);
    const refused = await service.refused(0, 10);
    expect(refused).toMatchObject({ total: 1, files: [{ name: 'broken.png', folder: '' }] });
    expect(refused.files[0]?.reason).not.toContain(folder);
    expect((await service.refused(1, 10)).files).toEqual([]);
  });

  it('no longer hands out a picture that has left the library', async () => {
    await index();
    await service.useEncoder(async () => colourEncoder);
    const [hit] = (await service.search([{ text: 'blue' }], 1)).hits;
    await rm(join(folder, 'blue.svg'));
    await index();
    expect(await service.fileOf(hit?.id ?? '')).toBeUndefined();
  });

  it('lets a search wait for the encoder', async () => {
    await index();
    const waiting = service.search([{ text: 'green' }], 1);
    expect(service.status().encoder.state).toBe('loading');
    await service.useEncoder(async () => colourEncoder);
    expect((await waiting).hits[0]?.name).toBe('green.svg');
    expect(service.status().encoder).toEqual({ state: 'ready', id: 'colours-1' });
  });

  it('closes, or opens anew, only when nothing is asked of it any more', async () => {
    await index();
    await service.useEncoder(async () => colourEncoder);
    const asked = Array.from({ length: 20 }, () => service.search([{ text: 'red' }], 1));
    const reopened = service.onIndexing({ type: 'library-ready' });
    asked.push(...Array.from({ length: 20 }, () => service.search([{ text: 'red' }], 1)));
    const closed = service.close();
    for (const { hits } of await Promise.all(asked)) expect(hits[0]?.name).toBe('red.svg');
    await Promise.all([reopened, closed]);
  });

  it('is empty until the library is made, then searches what is in it so far', async () => {
    await service.useEncoder(async () => colourEncoder);
    expect(await service.search([{ text: 'red' }], 5)).toEqual({ hits: [], weaker: [], searched: 0, notice: null });
    await expect(service.refresh(true)).rejects.toThrow(MissingDataError);
    let told = 0;
    service.onStatus(() => {
      told += 1;
    });
    await index();
    await service.onIndexing({ type: 'library-ready' });
    await service.onIndexing({ type: 'progress', done: 3, total: 3 });
    expect(service.status()).toMatchObject({ library: { files: 3 }, indexing: { state: 'running', done: 3 } });
    expect(told).toBeGreaterThan(1);
    expect((await service.search([{ text: 'red' }], 5)).hits).toHaveLength(3);
  });

  it('says so when the query is Chinese, and when the picture is none', async () => {
    await index();
    await service.useEncoder(async () => colourEncoder);
    expect(await service.search([{ text: '红色' }], 5)).toMatchObject({
      hits: [],
      notice: { kind: 'chinese-not-yet' },
    });
    await expect(service.search([{ media: Buffer.from('no picture at all') }], 5)).rejects.toThrow(MediaError);
  });

  it('tells why it cannot search: no encoder, or another one’s library', async () => {
    await index();
    const waiting = service.search([{ text: 'red' }], 1);
    await service.useEncoder(async () => {
      throw new MissingDataError('no bundle in models/');
    });
    await expect(waiting).rejects.toThrow(NotReadyError);
    expect(service.status().encoder).toEqual({ state: 'failed', message: 'no bundle in models/' });

    const other = new LibraryService({ directory });
    await other.useEncoder(async () => ({ ...colourEncoder, id: 'colours-2' }));
    await expect(other.search([{ text: 'red' }], 1)).rejects.toThrow(/colours-1/);
    await other.close();
  });
});
