/** @file Training does not fill memory: a process that takes 10,000 steps holds as much afterwards as it did after warming up. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/** How much more the process holds after steps than before, in KiB a step. */
async function growthPerStep(thread: 'worker' | 'calling-thread', numSteps: number, bytesKept: number) {
  const script = fileURLToPath(new URL('./steps.ts', import.meta.url));
  // V8 lets the space for young objects grow to many MiB, which would pass for a leak: it is kept small.
  const flags = ['--expose-gc', '--max-semi-space-size=1', '--import', './scripts/typescript.mjs'];
  const args = [...flags, script, thread, String(numSteps), String(bytesKept)];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
  });
  const { before, after } = JSON.parse(stdout) as { before: number; after: number };
  return (after - before) / numSteps;
}

it('10,000 training steps leave memory as it was, to half a KiB a step', async () => {
  expect(await growthPerStep('worker', 10_000, 0)).toBeLessThan(0.5);
}, 300_000);

it('a step that kept one KiB would be noticed', async () => {
  expect(await growthPerStep('calling-thread', 4000, 1024)).toBeGreaterThan(0.9);
}, 300_000);
