/**
 * @file The page in a real browser, over a real library of coloured squares. Skipped with a word where no Chromium is found;
 * `.ci/run` installs one.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { indexFolder, openLibrary } from '../../src/apps/search/index.ts';
import type { TextImageEncoder } from '../../src/bundle/index.ts';
import { createApp, LibraryService, type Listening, listen } from '../../src/serve/index.ts';
import { browserPath, startBrowser } from './browser.ts';
import { colourEncoder, colouredSvg } from './colour-encoder.ts';

const pageDirectory = join(dirname(fileURLToPath(import.meta.url)), '../../dist/studio');
const colours = ['red', 'green', 'blue', 'yellow', 'white', '#400', '#040', '#004', '#440', '#844', '#484', '#448'];

if (browserPath === undefined) {
  process.stderr.write(
    'test/e2e/page.test.ts: no Chromium was found, so the page is not tested; install Debian’s chromium\n',
  );
}

describe.skipIf(browserPath === undefined)('the page', () => {
  let folder: string;
  let service: LibraryService;
  let server: Listening;
  let browser: Browser;
  let letEncoderLoad: () => void = () => {};
  const complaints: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'page-'));
    for (const [i, colour] of colours.entries()) {
      await writeFile(
        join(folder, `${String(i).padStart(2, '0')}-${colour.replace('#', '')}.svg`),
        colouredSvg(colour),
      );
    }
    const directory = join(folder, 'library');
    const library = await openLibrary(directory, { create: true, encoderId: colourEncoder.id, dim: colourEncoder.dim });
    await indexFolder({ library, folder, encoder: colourEncoder });
    await library.close();
    service = new LibraryService({ directory, credit: 'Pictures: squares' });
    await service.refresh(true);
    const loaded = new Promise<TextImageEncoder>((resolve) => {
      letEncoderLoad = () => resolve(colourEncoder);
    });
    void service.useEncoder(() => loaded);
    const onFault = (error: unknown) => complaints.push(`server: ${error}`);
    server = await listen(await createApp({ service, pageDirectory, onFault }), { host: '127.0.0.1', port: 0 });
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await service?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Opens the page; anything in its console, any failure, and any request that leaves this server is a complaint. */
  const open = async (options: BrowserContextOptions = {}, path = ''): Promise<Page> => {
    const context = await browser.newContext({ locale: 'en-GB', ...options });
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
  const box = (page: Page) => page.locator('input[name=q]');
  const tiles = (page: Page) => page.locator('.results:not(.waiting) button.tile');
  const nameOf = (page: Page, index: number) => tiles(page).nth(index).getAttribute('title');
  const focusedName = (page: Page) => page.evaluate(() => document.activeElement?.getAttribute('title'));
  const overflow = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
    expect(complaints.splice(0)).toEqual([]);
  });

  it('is there before the encoder, and answers the waiting search when that has loaded', async () => {
    const page = await open();
    expect(await page.evaluate(() => document.activeElement?.getAttribute('name'))).toBe('q');
    await page.keyboard.type('blue');
    await page.keyboard.press('Enter');
    await page.getByText('Waiting for the model to load').waitFor();
    letEncoderLoad();
    await tiles(page).first().waitFor();
    expect(await nameOf(page, 0)).toBe('02-blue.svg');
    expect(await tiles(page).count()).toBe(colours.length);
    expect(await tiles(page).first().locator('.score-number').textContent()).toBe('1.00');
  });

  it('searches while somebody types, keeps the query in the address, and goes back', async () => {
    const page = await open();
    await box(page).pressSequentially('red');
    await tiles(page).first().waitFor();
    expect(await nameOf(page, 0)).toBe('00-red.svg');
    expect(new URL(page.url()).searchParams.get('q')).toBe('red');
    await box(page).fill('green');
    await box(page).press('Enter');
    await page.waitForFunction(() => document.querySelector('button.tile')?.getAttribute('title') === '01-green.svg');
    await page.goBack();
    await page.waitForFunction(() => document.querySelector('button.tile')?.getAttribute('title') === '00-red.svg');
    expect(await box(page).inputValue()).toBe('red');
    await page.reload();
    await tiles(page).first().waitFor();
    expect(await nameOf(page, 0)).toBe('00-red.svg');
  });

  it('is driven by the keyboard alone: arrows, Enter, Escape, slash', async () => {
    const page = await open({ viewport: { width: 1000, height: 800 } }, '?q=red');
    await tiles(page).first().waitFor();
    const columns = await page.evaluate(() => {
      const tops = [...document.querySelectorAll<HTMLElement>('.results li')].map((tile) => tile.offsetTop);
      return tops.filter((top) => top === tops[0]).length;
    });
    expect(columns).toBeGreaterThan(2);
    await box(page).focus();
    await page.keyboard.press('ArrowDown');
    expect(await focusedName(page)).toBe(await nameOf(page, 0));
    await page.keyboard.press('ArrowRight');
    expect(await focusedName(page)).toBe(await nameOf(page, 1));
    await page.keyboard.press('ArrowDown');
    expect(await focusedName(page)).toBe(await nameOf(page, 1 + columns));
    await page.keyboard.press('Enter');
    const dialog = page.locator('dialog[open]');
    await dialog.waitFor();
    expect(await dialog.locator('.large-name').textContent()).toBe(await nameOf(page, 1 + columns));
    await page.keyboard.press('ArrowLeft');
    expect(await dialog.locator('.large-name').textContent()).toBe(await nameOf(page, columns));
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    // The browser first gives the focus back to the tile that was opened; the page then moves it on.
    const last = await nameOf(page, columns);
    await page.waitForFunction((name) => document.activeElement?.getAttribute('title') === name, last);
    expect(await box(page).inputValue()).toBe('red');
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowUp');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('name'))).toBe('q');
    await page.keyboard.press('Escape');
    expect(await box(page).inputValue()).toBe('');
    expect(await tiles(page).count()).toBe(0);
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await page.keyboard.press('/');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('name'))).toBe('q');
    expect(await box(page).inputValue()).toBe('');
  });

  it('searches by a picture that is dropped, pasted or picked', async () => {
    const page = await open();
    const bring = (kind: 'drop' | 'paste', colour: string) =>
      page.evaluate(
        ([kind, svg]) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([svg ?? ''], 'square.svg', { type: 'image/svg+xml' }));
          const options = { bubbles: true, cancelable: true };
          const event =
            kind === 'drop'
              ? new DragEvent('drop', { ...options, dataTransfer: transfer })
              : new ClipboardEvent('paste', { ...options, clipboardData: transfer });
          document.body.dispatchEvent(event);
        },
        [kind, colouredSvg(colour)],
      );
    const isFirst = (name: string) =>
      page.waitForFunction((wanted) => document.querySelector('button.tile')?.getAttribute('title') === wanted, name);
    await bring('drop', 'yellow');
    await isFirst('03-yellow.svg');
    expect(await page.locator('.query-example-name').textContent()).toBe('square.svg');
    await bring('paste', 'blue');
    await isFirst('02-blue.svg');
    await page.setInputFiles('input[type=file]', join(folder, '01-green.svg'));
    await isFirst('01-green.svg');
    await tiles(page).nth(0).click();
    await page.getByRole('button', { name: 'Find similar' }).click();
    await isFirst('01-green.svg');
    expect(await page.locator('.query-example-name').textContent()).toBe('Like 01-green.svg');
  });

  it('explains what cannot be searched by', async () => {
    const page = await open();
    const bad = { name: 'bad.png', mimeType: 'image/png', buffer: Buffer.from('this is no picture') };
    await page.setInputFiles('input[type=file]', bad);
    await page.getByRole('alert').getByText('cannot be used').waitFor();
    // The browser itself logs the refusal of the request.
    expect(complaints.splice(0)).toEqual([expect.stringContaining('400')]);
    await page.setInputFiles('input[type=file]', {
      name: 'a.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from('text'),
    });
    await page.getByText('That is not a picture').waitFor();
    const large = { name: 'large.png', mimeType: 'image/png', buffer: Buffer.alloc(20_000_001) };
    await page.setInputFiles('input[type=file]', large);
    await page.getByText('20 MB is the limit').waitFor();
  });

  it('fits a phone without scrolling sideways', async () => {
    for (const width of [320, 360, 390]) {
      const page = await open({ viewport: { width, height: 740 }, isMobile: true, hasTouch: true });
      expect(await overflow(page), `at rest, ${width}`).toBeLessThanOrEqual(0);
      await page.getByRole('button', { name: 'a slice of pizza' }).tap();
      await tiles(page).first().waitFor();
      expect(await overflow(page), `results, ${width}`).toBeLessThanOrEqual(0);
      await tiles(page).first().tap();
      await page.locator('dialog[open]').waitFor();
      expect(await overflow(page), `large, ${width}`).toBeLessThanOrEqual(0);
    }
  });

  it('speaks Chinese where the browser does, says when a model knows no Chinese, and remembers a change', async () => {
    const page = await open({ locale: 'zh-CN' });
    await page.getByText('描述一下，就能找到').waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('zh');
    await box(page).fill('红色的方块');
    await box(page).press('Enter');
    await page.getByText('此模型不支持中文').waitFor();
    expect(await tiles(page).count()).toBe(0);
    await page.getByRole('button', { name: 'English' }).click();
    await page.getByText('does not understand Chinese').waitFor();
    await page.reload();
    await page.getByText('does not understand Chinese').waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('en');
  });

  it('shows how far the indexing has come', async () => {
    const page = await open();
    await page.getByText('12 pictures').waitFor();
    await page.getByText('Pictures: squares').waitFor();
    await service.onIndexing({ type: 'progress', done: 1240, total: 3689 });
    await page.getByText('1,240 of 3,689 files indexed').waitFor();
    expect(await page.locator('footer progress').getAttribute('value')).toBe('1240');
    await service.onIndexing({ type: 'failed', message: 'the disk is full' });
    await page.getByText('Indexing stopped: the disk is full').waitFor();
  });

  it('has readable contrast in light and dark', async () => {
    const style = await readFile(join(pageDirectory, '../../studio/style.css'), 'utf8');
    const variables = (block: string) =>
      new Map([...block.matchAll(/--([\w-]+): (#\w{6});/g)].map(([, k, v]) => [k, v] as const));
    const [light = '', dark = ''] = [...style.matchAll(/:root \{(.*?)\}/gs)].map(([, block]) => block);
    const luminance = (hex: string) => {
      const [r, g, b] = [1, 3, 5].map((at) => {
        const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
        return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
    };
    for (const theme of [variables(light), variables(dark)]) {
      const pairs = [
        ['text', 'ground'],
        ['text', 'surface'],
        ['text', 'raised'],
        ['quiet', 'ground'],
        ['quiet', 'surface'],
        ['accent', 'surface'],
        ['accent-text', 'accent'],
        ['warning-text', 'warning-ground'],
        ['failure-text', 'failure-ground'],
      ] as const;
      for (const [front, back] of pairs) {
        const [a, b] = [luminance(theme.get(front)!), luminance(theme.get(back)!)].sort((x, y) => y - x) as [
          number,
          number,
        ];
        expect((a + 0.05) / (b + 0.05), `${front} on ${back}`).toBeGreaterThanOrEqual(4.5);
      }
    }
  });
});
