/** @file The line that says what a bench ran on, and the memory of this process. */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';

/** The version of a package that is installed here. */
export function installedVersion(name: string): string {
  const path = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

/** Processor, cores, memory, system, Node and ONNX Runtime, and the versions of the peers, as one line. */
export function machineLine(peerVersions: readonly string[]): string {
  return [
    cpuModel(),
    `${availableParallelism()} cores`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `${type()} ${release()}`,
    `Node ${process.versions.node}`,
    `ONNX Runtime ${installedVersion('onnxruntime-node')}`,
    ...peerVersions,
  ].join(', ');
}

function cpuModel(): string {
  return cpus()[0]?.model.trim() || process.arch;
}

/** Starts counting the peak memory of this process afresh, where the system can (Linux). */
export function resetPeakMemory(): void {
  globalThis.gc?.();
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Elsewhere the peak is that of the whole run.
  }
}

/** The most memory this process has held since `resetPeakMemory`, in MiB. */
export function peakMemoryMiB(): number {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
  } catch {
    return process.resourceUsage().maxRSS / 1024;
  }
}
