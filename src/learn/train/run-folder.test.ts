import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { holdRunFolder, RunBusyError } from './run-folder.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'run-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a second run in the same folder is refused, naming the process, until the first gives it back', async () => {
  const release = await holdRunFolder(folder);
  await expect(holdRunFolder(folder)).rejects.toThrow(RunBusyError);
  await expect(holdRunFolder(folder)).rejects.toThrow(`process ${process.pid} is training here`);
  await release();
  await (await holdRunFolder(folder))();
});

test('the lock of a process that was killed is taken over', async () => {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  await writeFile(join(folder, 'lock'), String(pid));
  await (await holdRunFolder(folder))();
});
