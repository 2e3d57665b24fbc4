/**
 * @file Training on WebGPU in Node gives what the CPU gives, on the software adapter that comes with Debian's chromium. Skipped with a
 * word where that is not installed; `.ci/run` installs it. On a real graphics card: see train-on-device.ts.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { DeviceError, float32, loadExecutable, mul, spec, trace, type Value } from '../../src/engine/index.ts';
import { exportOnnx } from '../../src/engine/onnx/index.ts';

const folder = '/usr/lib/chromium';
const adapter = `${folder}/vk_swiftshader_icd.json`;
const isInstalled = existsSync(adapter);
if (!isInstalled) {
  process.stderr.write('test/devices/webgpu.test.ts: no software adapter was found; install Debian’s chromium\n');
}
const root = fileURLToPath(new URL('../..', import.meta.url));

describe('devices', () => {
  it.skipIf(!isInstalled)(
    'train on WebGPU as on the CPU',
    async () => {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ['--import', './scripts/typescript.mjs', 'test/devices/train-on-device.ts', 'webgpu'],
        { cwd: root, env: { ...process.env, LD_LIBRARY_PATH: folder, VK_ICD_FILENAMES: adapter }, timeout: 100_000 },
      );
      const { losses, cpu, difference } = JSON.parse(stdout) as { losses: number[]; cpu: number[]; difference: number };
      expect(losses).toHaveLength(5);
      losses.forEach((loss, i) => {
        expect(Math.abs(loss - cpu[i]!)).toBeLessThan(1e-4 * Math.max(1, cpu[i]!));
      });
      // Adam moves each parameter by up to its learning rate whatever the gradient's size: five steps of 0.01.
      expect(difference).toBeLessThan(2e-3);
      expect(losses.at(-1)!).toBeLessThan(losses[0]!);
    },
    110_000,
  );

  it('are refused by name where ONNX Runtime or the machine lacks them', async () => {
    const model = exportOnnx(trace(({ x }: { x: Value }) => mul(x, 2), { x: spec([2]) }));
    await expect(loadExecutable(model, { device: 'dml' })).rejects.toThrow(DeviceError);
    await expect(loadExecutable(model, { device: 'dml' })).rejects.toThrow(/has cpu.*got 'dml'; choose one of them/);
    const onCpu = await loadExecutable(model, { device: 'cpu', deviceOnly: true });
    expect((await onCpu.run({ x: float32([1, 2]) })).output!.data).toEqual(Float32Array.of(2, 4));
    await onCpu.close();
  });
});
