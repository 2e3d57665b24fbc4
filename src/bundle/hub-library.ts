/**
 * @file What is used of `@huggingface/transformers`, an optional package that is loaded when a hub tower is opened. Its own types are not
 * named here, so that nothing needs it to build.
 */
import { MissingDataError } from '../engine/core/index.ts';

/** A tensor of the library. */
export interface HubTensor {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number | bigint>;
  readonly type: string;
}

/** How the library finds files. */
export interface HubFileOptions {
  readonly cache_dir: string;
  readonly local_files_only: boolean;
  readonly revision: string;
}

/** A running model. */
export interface HubModel {
  (inputs: Readonly<Record<string, HubTensor>>): Promise<Readonly<Record<string, HubTensor>>>;
  dispose(): Promise<unknown>;
}

/** Turns texts into ids. */
export type HubTokenizer = (
  texts: readonly string[],
  options: { padding: true | 'max_length'; truncation: true; max_length?: number },
) => Readonly<Record<string, HubTensor>>;

/** Turns pictures into pixel values. */
export interface HubImageProcessor {
  (pictures: readonly unknown[]): Promise<Readonly<Record<string, HubTensor>>>;
  readonly size?: number | { readonly height?: number; readonly shortest_edge?: number };
  readonly crop_size?: number | { readonly height?: number };
}

/** Turns mono samples into features. */
export interface HubFeatureExtractor {
  (samples: Float32Array): Promise<Readonly<Record<string, HubTensor>>>;
  readonly config: {
    readonly sampling_rate?: number;
    readonly nb_max_samples?: number;
    readonly n_samples?: number;
    readonly hop_length?: number;
  };
}

interface Loader<T> {
  from_pretrained(name: string, options: object): Promise<T>;
}

/** The part of the library that is used. */
export interface HubLibrary {
  readonly AutoConfig: Loader<{ model_type?: string }>;
  readonly AutoTokenizer: Loader<HubTokenizer>;
  readonly AutoImageProcessor: Loader<HubImageProcessor>;
  readonly AutoFeatureExtractor: Loader<HubFeatureExtractor>;
  readonly RawImage: new (data: Uint8Array, width: number, height: number, channels: number) => unknown;
  readonly cat: (tensors: readonly HubTensor[], axis: number) => HubTensor;
}

/** A class of models of the library, by name. @throws TypeError if it has none of that name. */
export function modelClass(library: HubLibrary, name: string): Loader<HubModel> {
  const found = (library as unknown as Record<string, Loader<HubModel> | undefined>)[name];
  if (found === undefined) throw new TypeError(`@huggingface/transformers has no class ${name}; it needs version 4`);
  return found;
}

/** Loads the library. @throws MissingDataError if it is not installed. */
export async function hubLibrary(): Promise<HubLibrary> {
  // Not a literal: the package is optional.
  const name: string = '@huggingface/transformers';
  try {
    return (await import(name)) as HubLibrary;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new MissingDataError(`towers of the hub need the package "${name}"; run: npm install ${name}`, { cause });
  }
}
