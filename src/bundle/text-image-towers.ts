/**
 * @file The two towers of a text-image bundle at work: pictures and texts in, raw features out. Recipes that leave towers frozen cache these
 * features; a loaded bundle feeds them to its heads.
 *
 * N: inputs; S: side of a picture in pixels; F: features.
 */
import { FormatError, float32Data, ShapeError, Tensor } from '../engine/core/index.ts';
import { loadExecutable, type NamedTensors, type RuntimeOptions } from '../engine/runtime/index.ts';
import { padTokens } from '../media/text/index.ts';
import {
  type ImageOutput,
  type ImageVariant,
  imageTower,
  type SentenceOutput,
  sentenceEncoder,
} from '../model/index.ts';
import { openTokenizer, openTower } from './tower-cache.ts';

/** Texts read in one run of the tower. */
const textBatch = 64;

/** A picture tower that is ready to run. */
export interface PictureTower {
  /** Names the tower, its size and outputs, and the package that it comes from. */
  readonly id: string;
  readonly size: number;
  readonly outputs: readonly string[];
  /** The name and width F of each output. */
  readonly ports: readonly { readonly name: string; readonly dim: number }[];
  /** Features of pictures `uint8[S, S, 3]`, by the name of the output, each `[N, F]`. */
  run(pictures: readonly Tensor<'uint8'>[]): Promise<NamedTensors>;
  close(): Promise<void>;
}

/** Opens MobileNetV2 at a picture size, with pooled outputs. */
export async function openPictureTower(
  options: { variant: ImageVariant; size: number; outputs: readonly ImageOutput[] },
  runtime: RuntimeOptions = {},
): Promise<PictureTower> {
  const tower = imageTower(options);
  const executable = await openTower(tower, runtime);
  const { size, outputs } = options;
  return {
    id: `${tower.package}@${tower.version}/${tower.name}/${tower.revision}`,
    size,
    outputs,
    ports: outputs.map((name) => {
      const port = executable.outputs.find((output) => output.name === name);
      return { name, dim: Number(port?.shape[1]) };
    }),
    run: (pictures) => executable.run({ [tower.preprocessing.input]: stackPictures(pictures, size) }),
    close: () => executable.close(),
  };
}

/**
 * Opens a picture tower that was trained and lies in a bundle: an ONNX model whose only input is pictures `uint8[N, S, S, 3]`.
 * @throws FormatError if it is not that, or lacks an output.
 */
export async function openTrainedTower(
  options: { weights: Uint8Array; id: string; size: number; outputs: readonly string[] },
  runtime: RuntimeOptions = {},
): Promise<PictureTower> {
  const { weights, id, size, outputs } = options;
  const executable = await loadExecutable(weights, runtime);
  const [input] = executable.inputs;
  if (
    executable.inputs.length !== 1 ||
    input?.dtype !== 'uint8' ||
    input.shape.slice(1).join() !== `${size},${size},3`
  ) {
    await executable.close();
    throw new FormatError(`${id}: a picture tower takes uint8[N,${size},${size},3] and nothing else`);
  }
  const ports = outputs.map((name) => {
    const port = executable.outputs.find((output) => output.name === name);
    if (port === undefined) throw new FormatError(`${id}: the picture tower has no output "${name}"`);
    return { name, dim: Number(port.shape[1]) };
  });
  return {
    id,
    size,
    outputs,
    ports,
    run: (pictures) => executable.run({ [input.name]: stackPictures(pictures, size) }),
    close: () => executable.close(),
  };
}

function stackPictures(pictures: readonly Tensor<'uint8'>[], size: number): Tensor<'uint8'> {
  const numBytes = size * size * 3;
  const data = new Uint8Array(pictures.length * numBytes);
  pictures.forEach((picture, i) => {
    if (picture.shape.join() !== `${size},${size},3`) {
      throw new ShapeError(`encodePictures: picture ${i} must be [${size},${size},3], got [${picture.shape}]`);
    }
    data.set(picture.data, i * numBytes);
  });
  return new Tensor('uint8', [pictures.length, size, size, 3], data);
}

/** A text tower that is ready to run, with its tokenizer. */
export interface TextTower {
  /** Names the tower, its output, and the package that it comes from. */
  readonly id: string;
  /** Features `[N, F]` of texts. */
  run(texts: readonly string[]): Promise<Tensor<'float32'>>;
  close(): Promise<void>;
}

/** Opens the English sentence encoder. */
export async function openTextTower(output: SentenceOutput, runtime: RuntimeOptions = {}): Promise<TextTower> {
  const tower = sentenceEncoder({ outputs: [output] });
  if (tower.preprocessing.kind !== 'text') throw new TypeError(`openTextTower: ${tower.name} does not take text`);
  const { input, maxTokens } = tower.preprocessing;
  const [executable, tokenizer] = await Promise.all([openTower(tower, runtime), openTokenizer(tower)]);
  return {
    id: `${tower.package}@${tower.version}/${tower.name}/${tower.revision}`,
    async run(texts) {
      const tokens = texts.map((text) => tokenizer.encode(text));
      return inOrderOfLength(tokens, async (rows) => {
        const results = await executable.run({ [input]: padTokens(rows, maxTokens) });
        const features = results[output]!;
        return new Tensor('float32', features.shape, float32Data(features, tower.name));
      });
    },
    close: () => executable.close(),
  };
}

/** Runs rows of similar length together, because padding costs time, and puts the results back in the order of the rows. */
export async function inOrderOfLength(
  rows: readonly (readonly number[])[],
  encode: (rows: readonly (readonly number[])[]) => Promise<Tensor<'float32'>>,
): Promise<Tensor<'float32'>> {
  const order = rows.map((_, i) => i).sort((a, b) => rows[a]!.length - rows[b]!.length);
  let result: Float32Array | undefined;
  let dim = 0;
  for (let start = 0; start < order.length; start += textBatch) {
    const part = order.slice(start, start + textBatch);
    const features = await encode(part.map((i) => rows[i]!));
    dim = features.shape[1]!;
    result ??= new Float32Array(rows.length * dim);
    part.forEach((row, i) => {
      result!.set(features.data.subarray(i * dim, (i + 1) * dim), row * dim);
    });
  }
  return new Tensor('float32', [rows.length, dim], result ?? new Float32Array(0));
}
