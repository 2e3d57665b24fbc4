/**
 * @file The shared space that clips are put into: that of a bundle whose text and picture sides stay as they are. N: inputs; F: features; D:
 * dimension.
 */
import { loadEncoder, readBundle } from '../../../bundle/index.ts';
import { FormatError, Tensor } from '../../../engine/core/index.ts';
import { loadExecutable, type RuntimeOptions } from '../../../engine/runtime/index.ts';

/** A frozen space of texts and pictures. */
export interface Space {
  /** Names its weights. */
  readonly id: string;
  /** D */
  readonly dim: number;
  /** Languages of the texts that it understands. */
  readonly languages: readonly string[];
  /** The scale of cosines that it was trained with. */
  readonly logitScale: number;
  /** Unit vectors `[N, D]` of texts. */
  encodeTexts(texts: readonly string[]): Promise<Tensor<'float32'>>;
  /** Unit vectors `[N, D]` of pictures by the picture tower's raw features, all outputs side by side, `[N, F]`. */
  encodeFeatures(features: Tensor<'float32'>): Promise<Tensor<'float32'>>;
  close(): Promise<void>;
}

/** Rows in one run of the head. */
const headBatch = 256;

/**
 * Opens the space of a bundle.
 * @throws MissingDataError if there is none; FormatError if it is damaged.
 */
export async function openSpace(bundleDirectory: string, runtime: RuntimeOptions = {}): Promise<Space> {
  const { manifest, files } = await readBundle(bundleDirectory);
  const bytes = files.get(manifest.picture.head);
  if (bytes === undefined) throw new FormatError(`${bundleDirectory}: lacks the file ${manifest.picture.head}`);
  const [encoder, head] = await Promise.all([
    loadEncoder(bundleDirectory, runtime),
    loadExecutable(bytes, { ...runtime, numThreads: 1 }),
  ]);
  const dim = manifest.space.dim;
  return {
    id: encoder.id,
    dim,
    languages: manifest.languages,
    logitScale: manifest.logitScale,
    encodeTexts: (texts) => encoder.encodeTexts(texts),
    async encodeFeatures({ shape, data }) {
      const [numRows, width] = shape as [number, number];
      const vectors = new Float32Array(numRows * dim);
      for (let start = 0; start < numRows; start += headBatch) {
        const size = Math.min(headBatch, numRows - start);
        const rows = data.subarray(start * width, (start + size) * width);
        const { embedding } = await head.run(columnsOf(rows, size, head.inputs));
        vectors.set(embedding!.data as Float32Array, start * dim);
      }
      return new Tensor('float32', [numRows, dim], vectors);
    },
    async close() {
      await Promise.all([encoder.close(), head.close()]);
    },
  };
}

/** Rows `[N, F]` cut into the inputs that stand side by side in them. */
function columnsOf(
  rows: Float32Array,
  numRows: number,
  inputs: readonly { readonly name: string; readonly shape: readonly (number | string)[] }[],
): Record<string, Tensor<'float32'>> {
  const width = rows.length / numRows;
  const feeds: Record<string, Tensor<'float32'>> = {};
  let column = 0;
  for (const { name, shape } of inputs) {
    const dim = Number(shape[1]);
    const part = new Float32Array(numRows * dim);
    for (let row = 0; row < numRows; row++) {
      part.set(rows.subarray(row * width + column, row * width + column + dim), row * dim);
    }
    feeds[name] = new Tensor('float32', [numRows, dim], part);
    column += dim;
  }
  if (column !== width) throw new FormatError(`the picture head takes ${column} features, the tower gives ${width}`);
  return feeds;
}
