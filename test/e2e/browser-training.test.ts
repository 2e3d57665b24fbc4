/**
 * @file The example page that trains in the browser: built, opened in a real Chromium, and held to the same training in Node. Skipped
 * with a word where no Chromium is found; `.ci/run` installs one. WebGPU runs on a software adapter.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { batchSize, drawBatch, initParams, loss } from '../../examples/browser/model.ts';
import { adamW, compileTrainStep, Rng, spec } from '../../src/engine/index.ts';
import { browserPath, startBrowser } from './browser.ts';

const example = fileURLToPath(new URL('../../examples/browser', import.meta.url));
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
};

if (browserPath === undefined) {
  process.stderr.write('test/e2e/browser-training.test.ts: no Chromium was found; install Debian’s chromium\n');
}

async function serve(folder: string): Promise<Server> {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const file = join(folder, path === '/' ? 'index.html' : path);
    const content = await readFile(file).catch(() => undefined);
    response.writeHead(content === undefined ? 404 : 200, { 'content-type': types[extname(file)] ?? 'text/plain' });
    response.end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** The losses of the same training in Node. */
async function lossesInNode(numSteps: number): Promise<number[]> {
  const step = await compileTrainStep({
    params: initParams(new Rng('spirals')),
    batch: { points: spec([batchSize, 2]), labels: spec([batchSize, 1]) },
    loss,
    optimizer: adamW({ learningRate: 0.01, weightDecay: 0.001 }),
  });
  const [rng, losses] = [new Rng('points'), [] as number[]];
  for (let i = 0; i < numSteps; i++) losses.push((await step.run(drawBatch(rng))).loss);
  await step.close();
  return losses;
}

describe.skipIf(browserPath === undefined)('training in the browser', () => {
  let folder: string;
  let server: Server;
  let address: string;

  beforeAll(async () => {
    const { build } = await import('vite');
    folder = await mkdtemp(join(tmpdir(), 'browser-training-'));
    await build({
      configFile: join(example, 'vite.config.ts'),
      root: example,
      logLevel: 'error',
      build: { outDir: folder, emptyOutDir: true },
    });
    server = await serve(folder);
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  afterAll(async () => {
    server?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  /** Opens the page, trains on a device, and gives the losses of every step. */
  async function train(browser: Browser, device: string, numSteps: number): Promise<number[]> {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`${address}?steps=${numSteps}`);
    await page.getByLabel('Device').selectOption(device);
    await page.getByRole('button', { name: 'Train' }).click();
    await page.waitForFunction('document.body.dataset.state !== undefined', undefined, { timeout: 110_000 });
    const picture = process.env.SCREENSHOTS;
    if (picture !== undefined) await page.screenshot({ path: join(picture, `browser-${device}.png`), fullPage: true });
    expect(await page.getByRole('status').textContent()).toContain(`Done after ${numSteps} steps`);
    expect(complaints).toEqual([]);
    const losses = JSON.parse((await page.evaluate('document.body.dataset.losses')) as string) as number[];
    await page.close();
    return losses;
  }

  function expectSameStart(losses: readonly number[], expected: readonly number[]): void {
    expect(losses.length).toBeGreaterThanOrEqual(expected.length);
    expected.forEach((value, i) => {
      expect(Math.abs(losses[i]! - value), `loss of step ${i}`).toBeLessThan(2e-3);
    });
  }

  it('learns the spirals in WebAssembly, step by step as Node does', async () => {
    const browser = await startBrowser();
    try {
      const losses = await train(browser, 'wasm', 300);
      expectSameStart(losses, await lossesInNode(40));
      expect(losses.at(-1)!).toBeLessThan(0.1);
    } finally {
      await browser.close();
    }
  }, 120_000);

  it('learns the same on WebGPU, with the state on the device', async () => {
    const browser = await startBrowser(['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader']);
    try {
      expectSameStart(await train(browser, 'webgpu', 20), await lossesInNode(20));
    } finally {
      await browser.close();
    }
  }, 120_000);
});
