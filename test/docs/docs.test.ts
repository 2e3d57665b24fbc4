/**
 * @file Holds README and docs to what they show. TypeScript blocks type-check against the sources and run (a block marked
 * "no-run" is only checked); blocks of one file share one folder, in order. Shell blocks name only scripts, commands and
 * options that exist, and the quick ones run. Relative links lead somewhere.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { codeBlocks } from './code-blocks.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md']
  .concat(
    existsSync(join(root, 'docs'))
      ? (readdirSync(join(root, 'docs'), { recursive: true }) as string[]).map((name) => `docs/${name}`)
      : [],
  )
  .filter((path) => path.endsWith('.md') && existsSync(join(root, path)));

// Inside the clone, so that `import … from 'sensorium/engine'` means this package.
mkdirSync(join(root, '.cache'), { recursive: true });
const scratch = mkdtempSync(join(root, '.cache/docs-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const run = async (command: string, args: readonly string[], cwd: string) => {
  try {
    const options = { cwd, maxBuffer: 1 << 26, timeout: 100_000, env: { ...process.env, NO_COLOR: '1' } };
    const { stdout, stderr } = await promisify(execFile)(command, args, options);
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: `${stdout}${stderr}` };
  }
};

/** Commands in shell blocks that are quick and harmless: these run. The others are only looked up. */
const quick = /^npx sensorium( [\w-]+)? --(help|version)$/;

/** Why a line of a shell block cannot work, or nothing. */
async function whyShellLineFails(line: string): Promise<string | undefined> {
  const script = /^npm (?:run (?:--silent )?)?([\w:]+)/.exec(line)?.[1];
  if (script !== undefined && !['ci', 'install', 'i', 'init'].includes(script) && !(script in manifest.scripts)) {
    return `package.json has no script "${script}"`;
  }
  const bench = /^npm run (?:--silent )?bench -- ([\w-]+)/.exec(line)?.[1];
  if (bench !== undefined && !existsSync(join(root, `bench/${bench}.ts`))) return `there is no bench "${bench}"`;
  const command = /^npx sensorium ([\w-]+)/.exec(line)?.[1];
  if (command !== undefined) {
    const help = await run(process.execPath, [join(root, 'dist/cli/main.js'), command, '--help'], root);
    if (help.code !== 0) return help.output;
    for (const [option] of line.matchAll(/(?<= )--[\w-]+/g)) {
      if (option !== '--help' && !help.output.includes(option)) return `"sensorium ${command}" has no option ${option}`;
    }
  }
  if (quick.test(line)) {
    const [, ...args] = line.split(' ').slice(1);
    const result = await run(process.execPath, [join(root, 'dist/cli/main.js'), ...args], root);
    if (result.code !== 0) return result.output;
  }
  return undefined;
}

describe.each(documents)('%s', (path) => {
  const markdown = readFileSync(join(root, path), 'utf8');
  const blocks = codeBlocks(markdown);
  const typescript = blocks.filter((block) => block.language === 'ts');
  const shell = blocks.filter((block) => ['bash', 'sh', 'shell'].includes(block.language));

  it.runIf(typescript.length > 0)('shows TypeScript that type-checks', async () => {
    const folder = join(scratch, path.replaceAll('/', '-'));
    mkdirSync(folder);
    typescript.forEach((block) => {
      writeFileSync(join(folder, `line-${block.line}.ts`), `${block.text}\nexport {};\n`);
    });
    const paths = Object.fromEntries(
      Object.entries(manifest.exports as Record<string, { types?: string }>)
        .filter(([, target]) => target.types !== undefined)
        .map(([name, target]) => [
          name.replace('.', 'sensorium'),
          [
            join(
              root,
              String(target.types)
                .replace('./dist/', 'src/')
                .replace(/\.d\.ts$/, '.ts'),
            ),
          ],
        ]),
    );
    const compilerOptions = {
      paths,
      rootDir: root,
      noUnusedLocals: false,
      typeRoots: [join(root, 'node_modules/@types')],
    };
    const config = { extends: join(root, 'tsconfig.json'), compilerOptions, include: ['*.ts'] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const result = await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder], root);
    // A document answers for its own lines; the sources are checked by `npm run check`.
    const own = result.output.split('\n').filter((line) => line.startsWith(relative(root, folder)));
    expect(own).toEqual([]);
  });

  it.each(typescript.filter((block) => !block.remark.includes('no-run')).map((block) => [block.line, block] as const))(
    'shows TypeScript that runs, line %i',
    async (line, block) => {
      const folder = mkdtempSync(join(scratch, 'run-'));
      writeFileSync(join(folder, `line-${line}.ts`), block.text);
      const hooks = pathToFileURL(join(root, 'scripts/typescript.mjs')).href;
      const result = await run(process.execPath, ['--import', hooks, `line-${line}.ts`], folder);
      expect(result.output).not.toMatch(/Error/);
      expect(result.code).toBe(0);
    },
  );

  it.runIf(shell.length > 0)('shows commands that exist, with options that exist', async () => {
    const problems: string[] = [];
    for (const block of shell) {
      for (const line of block.text.replaceAll('\\\n', ' ').split('\n')) {
        for (const part of line.replace(/\s+#.*$/, '').split('&&')) {
          const problem = await whyShellLineFails(part.trim());
          if (problem !== undefined) problems.push(`${part.trim()}: ${problem}`);
        }
      }
    }
    expect(problems).toEqual([]);
  });

  it('links only to files that exist', () => {
    const targets = [...markdown.replace(/`[^`\n]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)].map(
      ([, target = '']) => target,
    );
    const relativeTargets = targets
      .filter((target) => !/^(\w+:|#)/.test(target))
      .map((target) => target.split('#')[0] ?? '');
    expect(relativeTargets.filter((target) => !existsSync(join(root, dirname(path), target)))).toEqual([]);
  });
});

describe('codeBlocks', () => {
  it('reads language, remark, text and line of each block', () => {
    const markdown = 'text\n\n```ts no-run\nconst a = 1;\n```\n\n- item\n  ```bash\n  npm ci\n  ```\n';
    expect(codeBlocks(markdown)).toEqual([
      { language: 'ts', remark: 'no-run', text: 'const a = 1;\n', line: 3 },
      { language: 'bash', remark: '', text: 'npm ci\n', line: 8 },
    ]);
  });
});
