/**
 * @file The page in a real browser over a library of all four kinds, with segments whose times and vectors the test writes: what is found is played at its
 * moment; queries are combined, recorded and photographed. The microphone hears a WAV file, the camera sees Chromium's own test picture.
 */
import { copyFile, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openLibrary } from '../../src/apps/search/index.ts';
import { type Encoder, loadEncoder } from '../../src/bundle/index.ts';
import { createApp, LibraryService, type Listening, listen } from '../../src/serve/index.ts';
import { browserPath, startBrowser } from './browser.ts';
import { writeColourBundle } from './colour-bundle.ts';
import { colouredSvg } from './colour-encoder.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const film = join(root, 'test/fixtures/media/film-three-colours.webm');

/** A WebP of one pixel. */
const onePixel = Buffer.from('UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA', 'base64');

/** Seconds of a tone as a WAV file, 16 kHz mono. */
function toneWav(frequencyHz: number, seconds: number): Buffer {
  const samples = Int16Array.from({ length: 16_000 * seconds }, (_, i) =>
    Math.round(20_000 * Math.sin((2 * Math.PI * frequencyHz * i) / 16_000)),
  );
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(16_000, 24);
  header.writeUInt32LE(32_000, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([header, Buffer.from(samples.buffer)]);
}

describe.skipIf(browserPath === undefined)('the page over four kinds', () => {
  let folder: string;
  let service: LibraryService;
  let server: Listening;
  let browser: Browser;
  let encoder: Encoder;
  const complaints: string[] = [];

  /** Rows whose vectors are those of words: the film is red, green, blue for 4 s each, low for 6 s, then middle. */
  async function writeLibrary(directory: string): Promise<void> {
    const library = await openLibrary(directory, { create: true, encoderId: encoder.id, dim: encoder.dim });
    const writer = await library.startWriting();
    const vectorOf = async (words: string) => (await encoder.encodeTexts([words])).data.slice();
    const put = async (
      name: string,
      kind: 'image' | 'audio' | 'video' | 'document',
      durationSeconds: number,
      parts: readonly (readonly ['image' | 'audio' | 'video' | 'text', string, number, number])[],
      modifiedMs = Date.UTC(2024, 4, 5, 12),
      tags: readonly string[] = [],
    ) => {
      const path = join(folder, name);
      const size = kind === 'image' || kind === 'video' ? 64 : 0;
      const file = {
        ...{ kind, path, durationSeconds, tags, modifiedMs, width: size, height: size, tenant: '', sizeBytes: 1 },
        ...{ contentHash: name, format: name.split('.').at(-1)!, indexedAtMs: 1 },
      };
      const segments = await Promise.all(
        parts.map(async ([kind, words, startSeconds, endSeconds]) => ({
          ...{ kind, startSeconds, endSeconds, keyFrameSeconds: startSeconds, page: kind === 'text' ? 2 : 0 },
          ...{ vector: await vectorOf(words), text: words, thumbnail: kind === 'video' ? onePixel : new Uint8Array() },
        })),
      );
      await writer.put({ indexed: [{ file, segments }] });
    };
    await put('film.webm', 'video', 12, [
      ['video', 'red', 0, 4],
      ['video', 'green', 4, 8],
      ['video', 'blue', 8, 12],
      ['audio', 'low', 0, 6],
      ['audio', 'middle', 6, 12],
    ]);
    await put('low.wav', 'audio', 2, [['audio', 'low', 0, 2]]);
    await put('high.wav', 'audio', 2, [['audio', 'high', 0, 2]]);
    await put('red.svg', 'image', 0, [['image', 'red', 0, 0]], Date.UTC(2020, 0, 2, 12), ['warm']);
    await put('trip/white.svg', 'image', 0, [['image', 'white', 0, 0]], Date.UTC(2022, 0, 2, 12));
    await put('green.md', 'document', 0, [['text', 'green', 0, 0]]);
    await writer.put({
      refused: [{ path: join(folder, 'broken.mp4'), sizeBytes: 1, modifiedMs: 1, reason: 'it is cut short' }],
    });
    await writer.close();
    await library.close();
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'page-moments-'));
    await mkdir(join(folder, 'trip'));
    await copyFile(film, join(folder, 'film.webm'));
    await writeFile(join(folder, 'low.wav'), toneWav(300, 2));
    await writeFile(join(folder, 'high.wav'), toneWav(6000, 2));
    await writeFile(join(folder, 'red.svg'), colouredSvg('red'));
    await writeFile(join(folder, 'trip/white.svg'), colouredSvg('white'));
    await writeFile(join(folder, 'green.md'), 'green');
    await utimes(join(folder, 'red.svg'), 1, 1);
    const model = join(folder, 'model');
    await writeColourBundle(model);
    encoder = await loadEncoder(model);
    const directory = join(folder, 'library');
    await writeLibrary(directory);
    service = new LibraryService({ directory });
    await service.refresh(true);
    await service.useEncoder(async () => encoder);
    const onFault = (error: unknown) => complaints.push(`server: ${error}`);
    const pageDirectory = join(root, 'dist/studio');
    server = await listen(await createApp({ service, pageDirectory, onFault }), { host: '127.0.0.1', port: 0 });
    const microphone = join(folder, 'microphone.wav');
    await writeFile(microphone, toneWav(6000, 4));
    browser = await startBrowser([
      ...['--disable-gpu', '--use-fake-device-for-media-stream', '--autoplay-policy=no-user-gesture-required'],
      `--use-file-for-fake-audio-capture=${microphone}`,
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await service?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Opens the page; anything in its console, and any request that leaves this server, is a complaint. */
  const open = async (path = '', options: BrowserContextOptions = {}): Promise<Page> => {
    const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1100, height: 900 }, ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => complaints.push(`script: ${error.message}`));
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (!['blob:', 'data:'].includes(protocol) && origin !== server.url) complaints.push(`request: ${request.url()}`);
    });
    await page.goto(`${server.url}/${path}`);
    return page;
  };
  const tiles = (page: Page) => page.locator('.results:not(.waiting) button.tile');
  const isFirst = (page: Page, name: string) =>
    page.waitForFunction((wanted) => document.querySelector('button.tile')?.getAttribute('title') === wanted, name);
  const timeOf = (page: Page, selector: string) =>
    page.locator(selector).evaluate((player) => (player as HTMLMediaElement).currentTime);
  /** Waits until a player plays within these seconds. */
  const playsWithin = (page: Page, selector: string, from: number, to: number) =>
    page.waitForFunction(
      ([selector, from, to]) => {
        const player = document.querySelector(selector as string) as HTMLMediaElement | null;
        return (
          player !== null && !player.paused && player.currentTime > Number(from) && player.currentTime < Number(to)
        );
      },
      [selector, from, to],
    );

  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
    expect(complaints.splice(0)).toEqual([]);
  });

  it('shows a moment with its kind and times, and plays it muted, over and over, where the pointer rests', async () => {
    const page = await open('?q=blue');
    const tile = page.getByRole('button', { name: /seen, film\.webm, 0:08–0:12, similarity/ });
    await tile.hover();
    await playsWithin(page, 'video.moment-player', 8, 12);
    expect(await page.locator('video.moment-player').evaluate((video) => (video as HTMLVideoElement).muted)).toBe(true);
    await page.locator('video.moment-player').evaluate((video) => {
      (video as HTMLVideoElement).currentTime = 11.9;
    });
    await playsWithin(page, 'video.moment-player', 8, 9.5);
    await page.mouse.move(0, 0);
    await page.locator('video.moment-player').waitFor({ state: 'detached' });
  });

  it('lets nothing be heard on hover before a click', async () => {
    const page = await open('?q=high&type=audio');
    await isFirst(page, 'high.wav');
    await tiles(page).first().hover();
    // That nothing happens can only be seen by waiting longer than a tile does.
    await page.waitForTimeout(400);
    expect(await page.locator('video.moment-player').count()).toBe(0);
    await page.mouse.click(5, 300);
    await tiles(page).first().hover();
    await playsWithin(page, 'video.moment-player', 0, 2);
  });

  it('opens large at the moment, and jumps along the timeline by click and by keys', async () => {
    const page = await open('?q=green&type=video');
    await isFirst(page, 'film.webm');
    await tiles(page).first().click();
    await playsWithin(page, '.large-picture video', 3.99, 8);
    const timeline = page.getByRole('region', { name: 'All moments of this file' });
    const seen = timeline.getByRole('group', { name: 'Seen' }).getByRole('button');
    expect(await seen.count()).toBe(3);
    expect(await timeline.getByRole('group', { name: 'Heard' }).getByRole('button').count()).toBe(2);
    const found = timeline.locator('[aria-current=true]');
    expect(await found.getAttribute('aria-label')).toMatch(/^0:04–0:08, similarity 1\.00, the one found$/);
    const height = (index: number) =>
      seen
        .nth(index)
        .locator('.bar-height')
        .evaluate((bar) => bar.getBoundingClientRect().height);
    await expect.poll(async () => (await height(1)) > 2 * (await height(0))).toBe(true);
    await seen.nth(2).click();
    await playsWithin(page, '.large-picture video', 7.99, 12);
    await page.keyboard.press('Home');
    await playsWithin(page, '.large-picture video', -1, 4);
    await page.keyboard.press('ArrowRight');
    await playsWithin(page, '.large-picture video', 3.99, 8);
    expect(await timeOf(page, '.large-picture video')).toBeLessThan(8);
    await page.keyboard.press('Escape');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
  });

  it('filters by what the library has, keeps it in the address, goes back, and clears', async () => {
    const page = await open('?q=red');
    await tiles(page).first().waitFor();
    const all = await tiles(page).count();
    expect(all).toBe(6);
    await page
      .getByRole('group', { name: 'What to find' })
      .getByRole('button', { name: /Pictures/ })
      .click();
    await page.waitForFunction(() => document.querySelectorAll('button.tile').length === 2);
    await page.getByRole('button', { name: 'Filters' }).click();
    await page.getByLabel('Folder').selectOption({ label: 'trip (1)' });
    await isFirst(page, 'white.svg');
    const values = new URL(page.url()).searchParams;
    expect([values.get('q'), values.get('kind'), values.get('folder')]).toEqual([
      'red',
      'image',
      expect.stringMatching(/^[\w-]{22}$/),
    ]);
    await page.reload();
    await isFirst(page, 'white.svg');
    await page.goBack();
    await page.waitForFunction(() => document.querySelectorAll('button.tile').length === 2);
    await page.getByRole('button', { name: 'Filters' }).click();
    await page.getByLabel('to', { exact: true }).fill('2020-12-31');
    await isFirst(page, 'red.svg');
    await page.waitForFunction(() => document.querySelectorAll('button.tile').length === 1);
    await page.getByRole('button', { name: /Remove the filter: until/ }).click();
    await page.getByRole('group', { name: 'Tags' }).getByRole('button', { name: /warm/ }).click();
    await page.waitForFunction(() => document.querySelectorAll('button.tile').length === 1);
    await page.getByRole('button', { name: 'Clear all' }).click();
    await page.waitForFunction(() => document.querySelectorAll('button.tile').length === 2);
  });

  it('combines a dropped picture with a text and with what is not wanted, and finds more like a find', async () => {
    const page = await open();
    await page.setInputFiles('input[type=file]', join(folder, 'red.svg'));
    await isFirst(page, 'red.svg');
    const asked = vi.spyOn(service, 'search');
    const partsBeside = () => asked.mock.calls.at(-1)?.[0].slice(1);
    await page.getByLabel(/^Like this, but/).fill('green');
    await expect.poll(partsBeside).toEqual([{ text: 'green', weight: 0.7 }]);
    expect(asked.mock.calls.at(-1)?.[0][0]).toMatchObject({ media: expect.any(Uint8Array), weight: 1 });
    await page.getByRole('button', { name: '− But not…' }).click();
    await page.getByLabel('But not').fill('blue');
    await expect.poll(partsBeside).toEqual([
      { text: 'green', weight: 0.7 },
      { text: 'blue', weight: -0.5 },
    ]);
    asked.mockRestore();
    await page.getByRole('button', { name: 'Remove the file' }).click();
    await page.waitForURL(/q=green&not=blue/);
    await tiles(page).first().click();
    await page.getByRole('button', { name: 'Find similar' }).click();
    await page.waitForURL(/like=[\w-]{22}\.\d/);
    await tiles(page).first().waitFor();
    await page.reload();
    await page.getByText(/^Like /).waitFor();
  });

  it('searches by what the microphone hears while the button is held, and by a picture of the camera', async () => {
    const page = await open('', { permissions: ['microphone', 'camera'] });
    await page.getByRole('button', { name: /^Record a sound/ }).hover();
    await page.mouse.down();
    await page.getByText('Recording what the microphone hears').waitFor();
    await page.waitForFunction(() => {
      const time = document.querySelector('.capture-time span')?.getAnimations()[0]?.currentTime;
      return Number(time) > 1200;
    });
    await page.mouse.up();
    await isFirst(page, 'high.wav');
    await page.getByText('recording.wav').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Take a picture to search by' }).click();
    await page.getByText('One picture is taken when you say so').waitFor();
    await page.getByRole('button', { name: 'Take the picture' }).click();
    await tiles(page).first().waitFor();
    await page.getByText('photo.jpg').waitFor();
    expect(await page.locator('dialog[open]').count()).toBe(0);
  });

  it('explains in Chinese why there is no microphone, and lists what could not be indexed', async () => {
    const page = await open('', { locale: 'zh-CN' });
    await page.getByRole('button', { name: /^录一段声音/ }).click();
    await page.getByRole('alert').getByText('浏览器未获准使用该设备').waitFor();
    await page.getByRole('button', { name: '1 个文件无法索引' }).click();
    const refused = page.getByRole('dialog', { name: '无法索引的文件' });
    await refused.getByText('it is cut short').waitFor();
    await refused.getByRole('button', { name: '关闭' }).click();
    await service.onIndexing({ type: 'progress', done: 5, total: 9, mediaHoursPerHour: 120 });
    await page.getByText('每小时处理 120 小时媒体').waitFor();
  });
});
