/**
 * @file `sensorium start` and `serve` as people run them: real processes, the real towers, the pictures of Twemoji; killed in the
 * middle, started again, stopped with Ctrl-C. The heads are untrained, so nothing here says how good the results are.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Status, searchResponse, status } from '../../src/serve/index.ts';
import { writeUntrainedBundle } from './untrained-bundle.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;
let model: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  await promisify(execFile)(process.execPath, ['scripts/build.mjs'], { cwd: root });
  folder = await mkdtemp(join(tmpdir(), 'start-'));
  model = join(folder, 'bundle');
  await writeUntrainedBundle(model);
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A server under way. */
interface Server {
  readonly child: ChildProcess;
  readonly url: string;
  readonly exited: Promise<number | null>;
}

/** Starts the program and waits for the address that it prints. */
async function startServer(...args: string[]): Promise<Server> {
  const child = spawn(process.execPath, ['dist/cli/main.js', ...args, '--port', '0', '--model', model], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  let complaints = '';
  child.stderr?.on('data', (chunk) => {
    complaints += chunk;
  });
  const url = await new Promise<string>((resolve, reject) => {
    let printed = '';
    child.stdout?.on('data', (chunk) => {
      printed += chunk;
      const address = /http:\/\/localhost:\d+/.exec(printed)?.[0];
      if (address !== undefined) resolve(address);
    });
    void exited.then((code) => reject(new Error(`exit code ${code}: ${complaints}`)));
  });
  return { child, url, exited };
}

/** The first status, as the server tells of changes, that fulfils the condition. */
async function statusWhen(url: string, isFulfilled: (value: Status) => boolean): Promise<Status> {
  const response = await fetch(`${url}/api/events`);
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      const value = status.parse(JSON.parse(/^data: (.*)$/m.exec(event)?.[1] ?? ''));
      if (isFulfilled(value)) return value;
      if (value.indexing.state === 'failed') throw new Error(value.indexing.message);
    }
  }
  throw new Error('the server stopped telling its status');
}

const search = async (url: string, text: string) =>
  searchResponse.parse(await (await fetch(`${url}/api/search?text=${encodeURIComponent(text)}`)).json());

describe('sensorium start', () => {
  it('shows the page at once, searches what is indexed so far, and goes on after a kill where it was', async () => {
    const library = join(folder, 'library');
    const first = await startServer('start', '--library', library);
    expect(await (await fetch(first.url)).text()).toContain('<title>Sensorium</title>');
    const growing = await statusWhen(first.url, ({ library }) => library.files >= 64);
    expect(growing.indexing).toMatchObject({ state: 'running', total: 3723 });
    expect(growing.library.credit).toContain('CC BY 4.0');
    const { hits, searched } = await search(first.url, 'a slice of pizza');
    expect(hits).toHaveLength(24);
    expect(searched).toBeLessThan(3700);
    const picture = await fetch(`${first.url}/api/files/${hits[0]?.id}`);
    expect(picture.headers.get('content-type')).toBe('image/svg+xml');
    expect(await picture.text()).toContain('<svg');
    const byPicture = await fetch(`${first.url}/api/search?top=1`, {
      method: 'POST',
      body: await (await fetch(`${first.url}/api/files/${hits[3]?.id}`)).arrayBuffer(),
    });
    expect(searchResponse.parse(await byPicture.json()).hits[0]?.score).toBeGreaterThan(0.999);
    const before = (await statusWhen(first.url, () => true)).library.files;
    first.child.kill('SIGKILL');
    await first.exited;

    const second = await startServer('start', '--library', library);
    const resumed = await statusWhen(second.url, ({ indexing }) => indexing.state === 'running');
    expect(resumed.indexing.done).toBeGreaterThanOrEqual(before);
    expect((await search(second.url, 'a slice of pizza')).searched).toBeGreaterThanOrEqual(before);
    second.child.kill('SIGINT');
    expect(await second.exited).toBe(0);
  }, 180_000);
});

describe('sensorium serve', () => {
  it('says that there is no library, and how to make one', async () => {
    const missing = startServer('serve', '--library', join(folder, 'nothing'));
    await expect(missing).rejects.toThrow(/exit code 1: .*no library in .*sensorium index/s);
  });

  it('says that a port is taken, and how to take another', async () => {
    const first = await startServer('start', '--library', join(folder, 'other'));
    const port = new URL(first.url).port;
    const second = promisify(execFile)(
      process.execPath,
      ['dist/cli/main.js', 'start', '--port', port, '--library', join(folder, 'third')],
      { cwd: root },
    );
    await expect(second).rejects.toThrow(`port ${port} is already in use`);
  });
});
