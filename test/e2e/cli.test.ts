/** @file The `sensorium` program as people run it: real processes, exit codes, what goes to stdout and what to stderr. */
import { execFile, spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;
beforeAll(async () => {
  // Does nothing when dist/ already stands for these sources.
  await promisify(execFile)(process.execPath, ['scripts/build.mjs'], { cwd: root });
  folder = await mkdtemp(join(tmpdir(), 'cli-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program as it is built. `onStderr` may act on what it has printed so far. */
function sensorium(args: string[], onStderr?: (text: string, kill: (signal: NodeJS.Signals) => void) => void) {
  const { CI: _, SENSORIUM_DEBUG: __, ...env } = process.env;
  const child = spawn(process.execPath, ['dist/cli/main.js', ...args], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
    onStderr?.(stderr, (signal) => child.kill(signal));
  });
  return new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

describe('the shell of the program', () => {
  test('lists its commands', async () => {
    const { code, stdout, stderr } = await sensorium(['--help']);
    expect([code, stderr]).toEqual([0, '']);
    for (const name of ['start', 'index', 'search', 'serve', 'data', 'train', 'eval'])
      expect(stdout).toContain(`  ${name} `);
  });

  test('says its version', async () => {
    const manifest = createRequire(import.meta.url)(join(root, 'package.json')) as { version: string };
    expect((await sensorium(['--version'])).stdout).toBe(`${manifest.version}\n`);
  });

  test('without a command shows what there is, as a wrong use', async () => {
    const { code, stdout } = await sensorium([]);
    expect(code).toBe(2);
    expect(stdout).toContain('usage: sensorium <command>');
  });
});

describe('wrong command lines end with code 2, one line on stderr, and nothing on stdout', () => {
  test.each([
    [['fly'], /no command is named "fly"; there are start, index/],
    [['constructor'], /no command is named "constructor"/],
    [['search', '--libary', 'x'], /search: there is no option --libary; see sensorium search --help/],
    [['search', '--library'], /search: --library needs a value/],
    [['search', '--library', 'x'], /say what to look for: --text "a slice of pizza", --image <file>, --audio/],
    [['search', '--text', 'x'], /say where the library is: --library <dir>/],
    [['search', '--library', 'x', '--not', 'a'], /say what to look for/],
    [['search', '--library', 'x', '--text', '  '], /--text must not be empty/],
    [
      ['search', '--library', 'x', '--text', 'a', '--top', 'many'],
      /--top must be a whole number from 1 to 1000, got many/,
    ],
    [['search', '--library', 'x', '--text', 'a', 'slice'], /"slice" was not expected; put quotes around spaces/],
    [['index', '--library', 'x'], /FOLDER/],
    [['index', 'pictures'], /say where the library is: --library <dir>/],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await sensorium(args);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect([code, stdout]).toEqual([2, '']);
  });
});

describe('failures end with code 1 and one line', () => {
  test('no library there: says how to make one; the stack only when asked', async () => {
    const args = ['search', '--library', join(folder, 'none'), '--text', 'a dog'];
    const plain = await sensorium(args);
    expect([plain.code, plain.stdout]).toEqual([1, '']);
    expect(plain.stderr).toMatch(
      /^sensorium: no library in .*none; make one with: sensorium index <folder> --library .*\n$/,
    );
    const verbose = await sensorium([...args, '--verbose']);
    expect(verbose.stderr).toMatch(/\n\s+at .*library\.js/);
  });
});

describe('from a folder of pictures to an answer, with the built-in model', () => {
  /** Things that differ as much as things can. */
  const pictures = { pizza: '1f355', dog: '1f415', car: '1f697', guitar: '1f3b8', tree: '1f333', airplane: '2708' };
  let album: string;
  let library: string;

  beforeAll(async () => {
    album = join(folder, 'my album');
    library = join(folder, 'library');
    await mkdir(album);
    const twemoji = dirname(createRequire(import.meta.url).resolve('@twemoji/svg/package.json'));
    for (const [name, code] of Object.entries(pictures)) {
      await copyFile(join(twemoji, `${code}.svg`), join(album, `${name}.svg`));
    }
    await writeFile(join(album, 'broken.png'), Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]));
  });

  test('index reports what it did, also as JSON alone; a second run has nothing to do', async () => {
    const first = await sensorium(['index', album, '--library', library, '--json']);
    expect([first.code, first.stderr]).toEqual([0, '']);
    expect(JSON.parse(first.stdout)).toMatchObject({
      files: { image: 6, audio: 0, video: 0 },
      added: 6,
      unchanged: 0,
      skipped: [{ path: join(album, 'broken.png'), reason: expect.stringMatching(/damaged PNG/) }],
    });
    const second = await sensorium(['index', album, '--library', library]);
    expect(second.code).toBe(0);
    expect(second.stdout).toMatch(
      /0 added, 0 updated, 6 unchanged, 0 removed, 1 skipped in \d+ s; 0 new segments\nthe library holds 6 pictures, 0 sounds, 0 videos/,
    );
    expect(second.stdout).toContain(`skipped ${join(album, 'broken.png')}: damaged PNG`);
  });

  test('search by text and by picture, as a table and as JSON', async () => {
    const byText = await sensorium(['search', '--library', library, '--text', 'a slice of pizza', '--top', '3']);
    expect(byText.code).toBe(0);
    const lines = byText.stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines.slice(1, 3).join('\n')).toContain(join(album, 'pizza.svg'));

    const dog = join(album, 'dog.svg');
    const byPicture = await sensorium(['search', '--library', library, '--image', dog, '--top', '2', '--json']);
    const { hits } = JSON.parse(byPicture.stdout) as { hits: { path: string; score: number; width: number }[] };
    expect(hits[0]).toMatchObject({ path: dog, width: 36 });
    expect(hits[0]!.score).toBeCloseTo(1, 4);
    expect(hits[1]!.score).toBeLessThan(0.999);
  });

  test('a Chinese query finds what the English one does', async () => {
    const { code, stdout } = await sensorium([
      'search',
      '--library',
      library,
      '--text',
      '披萨',
      '--top',
      '2',
      '--json',
    ]);
    expect(code).toBe(0);
    const { hits, notice } = JSON.parse(stdout) as { hits: { path: string }[]; notice?: string };
    expect(hits.map(({ path }) => path)).toContain(join(album, 'pizza.svg'));
    expect(notice).toBeUndefined();
  });

  test('a query in a script that no model knows is told so', async () => {
    const { code, stdout, stderr } = await sensorium(['search', '--library', library, '--text', 'пицца']);
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(/this script is not understood.*请用中文或英文/);
  });

  test('a query picture that cannot be read is a failure by name', async () => {
    const { code, stderr } = await sensorium(['search', '--library', library, '--image', join(album, 'broken.png')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^sensorium: .*broken\.png: damaged PNG/);
  });

  test('Ctrl-C ends indexing with code 130, and the next run goes on', async () => {
    const many = join(folder, 'many');
    await mkdir(many);
    const twemoji = dirname(createRequire(import.meta.url).resolve('@twemoji/svg/package.json'));
    const some = (await readdir(twemoji)).filter((name) => name.endsWith('.svg')).slice(0, 300);
    for (const name of some) await copyFile(join(twemoji, name), join(many, name));
    const other = join(folder, 'other library');
    let isKilled = false;
    const stopped = await sensorium(['index', many, '--library', other], (text, kill) => {
      if (isKilled || !text.includes('indexing files')) return;
      isKilled = true; // A second signal would end the process at once.
      kill('SIGINT');
    });
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toMatch(/stopping at a safe point/);
    expect(stopped.stderr).toMatch(/sensorium: interrupted\n$/);
    const rest = JSON.parse((await sensorium(['index', many, '--library', other, '--json'])).stdout);
    expect(rest.added + rest.unchanged).toBe(300);
    expect(rest.files.image).toBe(300);
  });
});
