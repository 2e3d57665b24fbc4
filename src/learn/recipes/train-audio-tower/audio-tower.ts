/** @file The trained audio tower as a file, and what it says of spectrograms. B: windows; T: frames; M: mel bands; F: features. */
import { mapTree, Tensor } from '../../../engine/core/index.ts';
import { spec, trace, type Value } from '../../../engine/graph/index.ts';
import { exportOnnx } from '../../../engine/onnx/index.ts';
import type { Executable } from '../../../engine/runtime/index.ts';
import { type AudioEncoder, audioTower, silence } from '../../../model/index.ts';
import { numMelBands, type Spectrograms } from '../../data/sounds-spectrograms.ts';
import { storedHalf } from '../finetune-image-tower/export.ts';
import type { AudioTowerSettings } from './settings.ts';

/** `mapTree` without its types: interfaces with a type parameter for their leaves are beyond what `MapLeaves` can infer. */
const mapLeaves = mapTree as unknown as (
  tree: AudioEncoder<Tensor>,
  transform: (leaf: Tensor) => Value,
) => AudioEncoder<Value>;

/** The ONNX bytes of a tower, weights as float16: `logMel` `[batch, frames, M]` to `features` `[batch, F + 2 M + 64]`. */
export function exportAudioTower(
  params: AudioEncoder<Tensor>,
  { tower }: Pick<AudioTowerSettings, 'tower'>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const stored = mapLeaves(params, (leaf) => storedHalf(leaf));
  const graph = trace(({ logMel }) => ({ features: audioTower(stored, logMel, tower) }), {
    logMel: spec(['batch', 'frames', tower.numBands]),
  });
  return exportOnnx(graph, { name: 'audio-tower', metadata });
}

/** Windows in one run. */
const batchSize = 32;

/**
 * The features `[clips, F]` of clips: of those longer than a window, the mean over as many as cover them, evenly spaced, as the encoder of a
 * bundle takes it.
 */
export async function audioFeatures(
  tower: Executable,
  spectrograms: Spectrograms,
  windowFrames: number,
): Promise<Tensor<'float32'>> {
  const windows = Array.from({ length: spectrograms.length }, (_, clip) =>
    windowStarts(spectrograms.numFrames(clip), windowFrames).map((start, _i, all) => ({
      clip,
      start,
      share: 1 / all.length,
    })),
  ).flat();
  let sums: Float32Array | undefined;
  let dim = 0;
  const size = windowFrames * numMelBands;
  for (let from = 0; from < windows.length; from += batchSize) {
    const part = windows.slice(from, from + batchSize);
    const data = new Float32Array(part.length * size).fill(silence);
    part.forEach(({ clip, start }, i) => {
      spectrograms.copy(clip, start, Math.min(spectrograms.numFrames(clip), start + windowFrames), data, i * size);
    });
    const { features } = await tower.run({
      logMel: new Tensor('float32', [part.length, windowFrames, numMelBands], data),
    });
    dim = features!.shape[1]!;
    sums ??= new Float32Array(spectrograms.length * dim);
    for (const [i, { clip, share }] of part.entries()) {
      for (let d = 0; d < dim; d++) sums[clip * dim + d]! += share * Number(features!.data[i * dim + d]);
    }
  }
  return new Tensor('float32', [spectrograms.length, dim], sums ?? new Float32Array(0));
}

function windowStarts(numFrames: number, windowFrames: number): number[] {
  if (numFrames <= windowFrames) return [0];
  const count = Math.ceil(numFrames / windowFrames);
  return Array.from({ length: count }, (_, i) => Math.round((i * (numFrames - windowFrames)) / (count - 1)));
}
