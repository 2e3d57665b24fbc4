/** @file The line that says what a bench ran on. */
import { readFileSync } from 'node:fs';
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
