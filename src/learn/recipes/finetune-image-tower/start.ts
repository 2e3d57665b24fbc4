/** @file What fine-tuning starts from: the heads of a trained bundle, with the statistics of the features that they take. */
import { type Bundle, readBundle, type TextImageManifest } from '../../../bundle/index.ts';
import { FormatError, float16Value, Tensor } from '../../../engine/core/index.ts';
import { importOnnx } from '../../../engine/onnx/index.ts';
import type { FeatureStatistics, Head, Linear } from '../../../model/index.ts';

/** A head as a bundle keeps it. */
export interface StartHead {
  readonly head: Head<Tensor<'float32'>>;
  readonly statistics: FeatureStatistics;
}

/** The heads of a bundle. */
export interface Start {
  /** Names the weights. */
  readonly id: string;
  readonly bundle: Bundle<TextImageManifest>;
  readonly picture: StartHead;
  readonly text: StartHead;
}

/** Reads the bundle to start from. @throws FormatError if it is not one of texts and pictures, or its heads are not those of a dual encoder. */
export async function readStart(directory: string): Promise<Start> {
  const { manifest, ...content } = await readBundle(directory);
  if (manifest.kind !== 'text-image') {
    throw new FormatError(
      `${directory}: fine-tuning starts from a bundle of the kind text-image, got ${manifest.kind}`,
    );
  }
  const bundle = { ...content, manifest };
  const { picture, text } = manifest;
  const read = (name: string) => startHead(weightsOf(bundle.files.get(name)!), name);
  return {
    id: Object.values(bundle.manifest.files).join(),
    bundle,
    picture: read(picture.head),
    text: read(text.head),
  };
}

function startHead(tensors: ReadonlyMap<string, Tensor<'float32'>>, file: string): StartHead {
  const take = (name: string) => {
    const tensor = tensors.get(name);
    if (tensor === undefined)
      throw new FormatError(`${file}: has no weights "${name}"; it is not the head of a dual encoder`);
    return tensor;
  };
  const linear = (name: string): Linear<Tensor<'float32'>> => ({
    weight: take(`${name}.weight`),
    bias: take(`${name}.bias`),
  });
  const numAdapters = [...tensors.keys()].filter((name) => /^adapters\.\d+\.down\.weight$/.test(name)).length;
  return {
    head: {
      adapters: Array.from({ length: numAdapters }, (_, i) => ({
        down: linear(`adapters.${i}.down`),
        up: linear(`adapters.${i}.up`),
      })),
      projection: linear('projection'),
    },
    statistics: { mean: take('mean'), deviation: take('deviation') },
  };
}

/** The weights of an ONNX model by name, as float32. */
function weightsOf(bytes: Uint8Array): Map<string, Tensor<'float32'>> {
  const { parameters } = importOnnx(bytes, {
    isParameter: (_, { dtype }) => dtype === 'float32' || dtype === 'float16',
  });
  return new Map([...parameters].map(([name, tensor]) => [name, asFloat32(tensor)]));
}

function asFloat32({ dtype, shape, data }: Tensor): Tensor<'float32'> {
  const values = dtype === 'float16' ? Float32Array.from(data as Uint16Array, float16Value) : (data as Float32Array);
  return new Tensor('float32', shape, values.slice());
}
