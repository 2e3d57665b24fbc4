/**
 * @file Encoders of the Hugging Face hub as towers: SigLIP 2, CLIP, CLAP, the encoder of Whisper, by name or from a folder. They have the interfaces
 * of our own towers, so that whatever takes one of those takes these. Files are fetched once and kept in the user's cache.
 *
 * N: inputs; S: side of a picture in pixels; F: features.
 */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FormatError, MissingDataError, ShapeError, Tensor } from '../engine/core/index.ts';
import { type HubModality, type HubTowerFiles, hubFamilies } from '../model/index.ts';
import {
  type HubFileOptions,
  type HubLibrary,
  type HubModel,
  type HubTensor,
  hubLibrary,
  modelClass,
} from './hub-library.ts';
import type { PictureTower, TextTower } from './text-image-towers.ts';
import { cacheFolder } from './tower-cache.ts';

/** Inputs read in one run of a tower. */
const batchSize = 32;

/** An audio tower that is ready to run. */
export interface AudioTower {
  /** Names the tower and its output. */
  readonly id: string;
  /** The rate of the samples that it takes, in Hz. */
  readonly sampleRateHz: number;
  /** What lies beyond is not heard, in seconds. */
  readonly maxSeconds: number;
  /** Features `[N, F]` of mono samples in [-1, 1]. */
  run(clips: readonly Float32Array[]): Promise<Tensor<'float32'>>;
  close(): Promise<void>;
}

/** Which tower of the hub is opened, and how. */
export interface HubTowerOptions {
  /** What it takes; a model such as CLIP has a tower for each. */
  readonly modality: HubModality;
  /** The precision of the weights, of which a repository has some; `fp32` by default. */
  readonly precision?: 'fp32' | 'fp16' | 'q8';
  /** A branch, tag or commit of the repository; `main` by default. */
  readonly revision?: string;
  /** Whether only what is in the cache may be used; a folder is always used as it is. */
  readonly offline?: boolean;
  /** Where files are kept; `hub` in `cacheFolder()` by default. */
  readonly cacheDir?: string;
  /** Threads of the session; ONNX Runtime chooses if absent. */
  readonly numThreads?: number;
  /** Is told, before anything is fetched, what will be; by default it is written to stderr. */
  readonly onDownload?: (message: string) => void;
}

/**
 * Opens a tower by the name of its repository (`google/siglip2-base-patch16-224` in its ONNX form, `onnx-community/...`), or by the path of a folder
 * of the same layout. Pictures give features under the name of the tower's output.
 * @throws MissingDataError if `@huggingface/transformers` is not installed, or a file is not there and cannot be fetched.
 * @throws FormatError if the model is of no known family, has no tower for the modality, or does not give what it should.
 */
export function openHubTower(
  name: string,
  options: HubTowerOptions & { readonly modality: 'picture' },
): Promise<PictureTower>;
export function openHubTower(
  name: string,
  options: HubTowerOptions & { readonly modality: 'text' },
): Promise<TextTower>;
export function openHubTower(
  name: string,
  options: HubTowerOptions & { readonly modality: 'audio' },
): Promise<AudioTower>;
export async function openHubTower(
  name: string,
  options: HubTowerOptions,
): Promise<PictureTower | TextTower | AudioTower> {
  const library = await hubLibrary();
  const opened = await openModel(library, name, options);
  try {
    if (options.modality === 'picture') return await pictureTower(library, opened);
    return options.modality === 'text' ? await textTower(library, opened) : await audioTower(library, opened);
  } catch (error) {
    await opened.model.dispose();
    throw error;
  }
}

interface OpenedModel {
  readonly id: string;
  readonly place: string;
  readonly files: HubFileOptions;
  readonly tower: HubTowerFiles;
  readonly model: HubModel;
}

const suffixes = { fp32: '', fp16: '_fp16', q8: '_quantized' } as const;

async function openModel(library: HubLibrary, name: string, options: HubTowerOptions): Promise<OpenedModel> {
  const { modality, precision = 'fp32', revision = 'main', numThreads } = options;
  const isFolder = existsSync(name) && statSync(name).isDirectory();
  const place = isFolder ? resolve(name) : name;
  const cacheDir = options.cacheDir ?? join(cacheFolder(), 'hub');
  const files = { cache_dir: cacheDir, local_files_only: isFolder || options.offline === true, revision };
  const keptAt = (file: string) =>
    isFolder ? join(place, file) : join(cacheDir, name, ...(revision === 'main' ? [] : [revision]), file);
  const announce = (wanted: readonly string[]) => {
    const missing = wanted.filter((file) => !existsSync(keptAt(file)));
    if (missing.length === 0 || files.local_files_only) return;
    const say = options.onDownload ?? ((message) => process.stderr.write(`${message}\n`));
    say(`${name}: fetching ${missing.join(', ')} from huggingface.co into ${cacheDir}`);
  };

  announce(['config.json']);
  const config = await fetched(place, files, () => library.AutoConfig.from_pretrained(place, files));
  const family = hubFamilies[config.model_type ?? ''];
  if (family === undefined) {
    const known = Object.keys(hubFamilies).join(', ');
    throw new FormatError(`${name}: model_type must be one of ${known}, got ${config.model_type ?? 'none'}`);
  }
  const tower = family[modality];
  if (tower === undefined) {
    throw new FormatError(
      `${name}: a ${config.model_type} has towers for ${Object.keys(family).join(' and ')}, not for ${modality}`,
    );
  }
  // The library knows no class for the encoder of a model that also decodes.
  if (tower.modelClass === 'PreTrainedModel') config.model_type = 'custom';
  announce([...tower.files, `onnx/${tower.graph}${suffixes[precision]}.onnx`]);
  const model = await fetched(place, files, () =>
    modelClass(library, tower.modelClass).from_pretrained(place, {
      ...files,
      config,
      model_file_name: tower.graph,
      device: 'cpu',
      dtype: precision,
      session_options: numThreads === undefined ? {} : { intraOpNumThreads: numThreads },
    }),
  );
  const id = `${isFolder ? place : `${name}@${revision}`}/${tower.graph}/${tower.output}/${precision}`;
  return { id, place, files, tower, model };
}

/** Names the model, and what can be done, where a file cannot be had. */
async function fetched<T>(
  place: string,
  { local_files_only, cache_dir }: HubFileOptions,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const reason = (cause as Error).message.split('\n')[0]!.slice(0, 300);
    const isAbsent =
      /not found|local_files_only|fetch failed|could not locate|unauthorized|forbidden|ENOENT|ENOTFOUND/i;
    if (!isAbsent.test(reason)) throw new FormatError(`${place}: ${reason}`, { cause });
    const fix = local_files_only
      ? `a folder must hold all files of the model; offline, the cache ${cache_dir} must`
      : 'check the name and the network';
    throw new MissingDataError(`${place}: ${reason}; ${fix}`, { cause });
  }
}

async function pictureTower(
  library: HubLibrary,
  { id, place, files, tower, model }: OpenedModel,
): Promise<PictureTower> {
  const processor = await fetched(place, files, () => library.AutoImageProcessor.from_pretrained(place, files));
  const size = sideOf(processor.crop_size) ?? sideOf(processor.size);
  if (size === undefined) throw new FormatError(`${place}: preprocessor_config.json must give the size of pictures`);
  const run = async (pictures: readonly Tensor<'uint8'>[]) => {
    pictures.forEach(({ shape }, i) => {
      if (shape.join() !== `${size},${size},3`) {
        throw new ShapeError(`${place}: picture ${i} must be [${size},${size},3], got [${shape}]`);
      }
    });
    const features = await inBatches(pictures, async (batch) => {
      const inputs = batch.map(({ data }) => new library.RawImage(data, size, size, 3));
      return await features2d(place, tower, model, await processor(inputs));
    });
    return { [tower.output]: features };
  };
  const blank = new Tensor('uint8', [size, size, 3], new Uint8Array(size * size * 3));
  const dim = (await run([blank]))[tower.output]!.shape[1]!;
  return {
    id,
    size,
    outputs: [tower.output],
    ports: [{ name: tower.output, dim }],
    run,
    close: async () => void (await model.dispose()),
  };
}

function sideOf(size: number | { readonly height?: number; readonly shortest_edge?: number } | undefined) {
  return typeof size === 'number' ? size : (size?.height ?? size?.shortest_edge);
}

async function textTower(library: HubLibrary, { id, place, files, tower, model }: OpenedModel): Promise<TextTower> {
  const tokenizer = await fetched(place, files, () => library.AutoTokenizer.from_pretrained(place, files));
  const { numTokens } = tower;
  return {
    id,
    run: (texts) =>
      inBatches(texts, (batch) => {
        const filling =
          numTokens === undefined
            ? { padding: true as const }
            : { padding: 'max_length' as const, max_length: numTokens };
        return features2d(place, tower, model, tokenizer([...batch], { ...filling, truncation: true }));
      }),
    close: async () => void (await model.dispose()),
  };
}

async function audioTower(library: HubLibrary, { id, place, files, tower, model }: OpenedModel): Promise<AudioTower> {
  const extractor = await fetched(place, files, () => library.AutoFeatureExtractor.from_pretrained(place, files));
  const { sampling_rate: sampleRateHz, nb_max_samples, n_samples } = extractor.config;
  const maxSamples = nb_max_samples ?? n_samples;
  if (sampleRateHz === undefined || maxSamples === undefined) {
    throw new FormatError(`${place}: preprocessor_config.json must give sampling_rate and n_samples or nb_max_samples`);
  }
  return {
    id,
    sampleRateHz,
    maxSeconds: maxSamples / sampleRateHz,
    async run(clips) {
      const rows: Tensor<'float32'>[] = [];
      for (const clip of clips) {
        // The library would cut at a random place.
        const heard = clip.subarray(0, maxSamples);
        rows.push(await features2d(place, tower, model, await extractor(heard), heard.length / maxSamples));
      }
      return joined(rows);
    },
    close: async () => void (await model.dispose()),
  };
}

/**
 * Runs a model and takes its features as `[N, F]`.
 * @param sounding The share of time that holds sound; what was filled up is left out of a mean.
 */
async function features2d(
  place: string,
  tower: HubTowerFiles,
  model: HubModel,
  inputs: Readonly<Record<string, HubTensor>>,
  sounding = 1,
): Promise<Tensor<'float32'>> {
  const output = (await model(inputs))[tower.output];
  const rank = tower.pooling === 'mean' ? 3 : 2;
  if (output?.type !== 'float32' || output.dims.length !== rank) {
    const got = output === undefined ? 'none' : `${output.type}[${output.dims}]`;
    throw new FormatError(`${place}: the output "${tower.output}" must be float32 of rank ${rank}, got ${got}`);
  }
  const data = output.data as Float32Array;
  if (tower.pooling === 'none') return new Tensor('float32', [...output.dims], Float32Array.from(data));
  const [numRows, numTimes, dim] = output.dims as [number, number, number];
  const counted = Math.min(numTimes, Math.max(1, Math.ceil(numTimes * sounding)));
  const means = new Float32Array(numRows * dim);
  for (let row = 0; row < numRows; row++) {
    for (let time = 0; time < counted; time++) {
      for (let i = 0; i < dim; i++) means[row * dim + i]! += data[(row * numTimes + time) * dim + i]! / counted;
    }
  }
  return new Tensor('float32', [numRows, dim], means);
}

async function inBatches<T>(
  inputs: readonly T[],
  run: (batch: readonly T[]) => Promise<Tensor<'float32'>>,
): Promise<Tensor<'float32'>> {
  const parts: Tensor<'float32'>[] = [];
  for (let start = 0; start < inputs.length; start += batchSize) {
    parts.push(await run(inputs.slice(start, start + batchSize)));
  }
  return joined(parts);
}

function joined(parts: readonly Tensor<'float32'>[]): Tensor<'float32'> {
  const dim = parts[0]?.shape[1] ?? 0;
  const numRows = parts.reduce((sum, part) => sum + part.shape[0]!, 0);
  const data = new Float32Array(numRows * dim);
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return new Tensor('float32', [numRows, dim], data);
}
