/** @file Training does not fill memory: a process that takes 10,000 steps holds as much afterwards as it did after warming up. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/** How much more the process holds after 10,000 steps than before, in KiB a step. */
async function growthPerStep(thread: 'worker' | 'calling-thread', bytesKept: number): Promise<number> {
  const script = fileURLToPath(new URL('./steps.ts', import.meta.url));
  const args = ['--expose-gc', '--import', './scripts/typescript.mjs', script, thread, String(bytesKept)];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
  });
  const { readings } = JSON.parse(stdout) as { readings: number[] };
  return (readings.at(-1)! - readings[0]!) / 10_000;
}

it('10,000 training steps leave memory as it was, to half a KiB a step', async () => {
  expect(await growthPerStep('worker', 0)).toBeLessThan(0.5);
}, 120_000);

it('a step that kept one KiB would be noticed', async () => {
  expect(await growthPerStep('calling-thread', 1024)).toBeGreaterThan(0.9);
}, 120_000);
