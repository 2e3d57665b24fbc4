/**
 * @file A bundle made ready to encode. Nothing is opened before a modality is first used, so that a text query loads no picture tower, and
 * everything is opened once, whoever asks first.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { MissingDataError, Tensor } from '../engine/core/index.ts';
import type { RuntimeOptions } from '../engine/runtime/index.ts';
import { AudioEncoder } from './audio-encoder.ts';
import { type Bundle, defaultBundleDirectory, fileOf, readBundle } from './bundle-folder.ts';
import type { Calibration } from './calibration.ts';
import { type Codes, parseCodes } from './codes.ts';
import type { Encoder, Modality } from './encoder.ts';
import type { Manifest, MultimodalManifest } from './manifest.ts';
import { checkPictureTower, PictureEncoder, pictureTowerId } from './picture-encoder.ts';
import { TextEncoder, textTowerIds } from './text-encoder.ts';
import { VideoEncoder } from './video-encoder.ts';

/** How `loadEncoder` opens a bundle. */
export interface LoadEncoderOptions extends RuntimeOptions {
  /** What to open at once; other modalities are opened when they are first used. Nothing if absent. */
  readonly prepare?: readonly Modality[];
}

/**
 * Opens the encoder of a bundle; without a folder, the one that comes with Sensorium. A tower that is no model, or not the one that the
 * manifest describes, is told by the first call that needs it: name the modalities in `prepare` to be told here.
 * @throws MissingDataError if there is no bundle or a tower's package is missing; FormatError if the bundle is damaged.
 */
export async function loadEncoder(directory?: string, options: LoadEncoderOptions = {}): Promise<Encoder> {
  const { prepare = [], ...runtime } = options;
  const bundle = await readBundle(directory ?? defaultBundleDirectory());
  checkFiles(bundle);
  const encoder = new BundleEncoder(bundle, runtime);
  try {
    await encoder.prepare(prepare);
    return encoder;
  } catch (error) {
    await encoder.close();
    throw error;
  }
}

/** A part of the encoder: opened, runs, closes. */
interface Part {
  close(): Promise<void>;
}

/** A part that encodes inputs of one modality. */
interface Encoding<Input> {
  encode(inputs: readonly Input[]): Promise<Tensor<'float32'>>;
}

class BundleEncoder implements Encoder {
  readonly id: string;
  readonly dim: number;
  readonly languages: readonly string[];
  readonly modalities: readonly Modality[];
  readonly pictureView: Encoder['pictureView'];
  readonly audioView?: NonNullable<Encoder['audioView']>;
  readonly videoView?: NonNullable<Encoder['videoView']>;
  readonly codes?: Codes;
  readonly calibration?: Calibration;
  readonly #bundle: Bundle;
  readonly #runtime: RuntimeOptions;
  readonly #parts = new Map<Modality, Promise<Part>>();
  readonly #running = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(bundle: Bundle, runtime: RuntimeOptions) {
    const { manifest } = bundle;
    const { size, padding } = manifest.picture;
    this.#bundle = bundle;
    this.#runtime = runtime;
    this.id = encoderId(manifest);
    this.dim = manifest.space.dim;
    this.languages = manifest.languages;
    this.pictureView = { size, padding };
    const { audio, video } = sectionsOf(manifest);
    if (audio) this.audioView = { sampleRateHz: audio.sampleRateHz, maxSeconds: audio.maxSeconds };
    if (video) this.videoView = { numFrames: video.numFrames, size, padding };
    const { codes, calibration } = { codes: undefined, calibration: undefined, ...manifest };
    if (codes) this.codes = parseCodes(fileOf(bundle, codes), this.dim, join(bundle.directory, codes));
    if (calibration) this.calibration = calibration;
    this.modalities = ['text', 'image', ...(audio ? ['audio' as const] : []), ...(video ? ['video' as const] : [])];
  }

  async encodeTexts(texts: readonly string[]): Promise<Tensor<'float32'>> {
    return this.#run(texts, () => this.#texts());
  }

  async encodePictures(pictures: readonly Tensor<'uint8'>[]): Promise<Tensor<'float32'>> {
    return this.#run(pictures, () => this.#pictures());
  }

  async encodeAudio(clips: readonly Float32Array[]): Promise<Tensor<'float32'>> {
    return this.#run(clips, () => this.#audio());
  }

  async encodeVideos(clips: readonly Tensor<'uint8'>[]): Promise<Tensor<'float32'>> {
    return this.#run(clips, () => this.#videos());
  }

  async prepare(modalities: readonly Modality[]): Promise<void> {
    const open: Readonly<Record<Modality, () => Promise<unknown>>> = {
      text: () => this.#texts(),
      image: () => this.#pictures(),
      audio: () => this.#audio(),
      video: () => this.#videos(),
    };
    await Promise.all(modalities.map((modality) => open[modality]()));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.allSettled(this.#running);
    await Promise.all([...this.#parts.values()].map((part) => part.then((opened) => opened.close()).catch(() => {})));
  }

  #texts() {
    return this.#part('text', () => TextEncoder.open(this.#bundle, this.#runtime));
  }

  #pictures() {
    return this.#part('image', () => PictureEncoder.open(this.#bundle, this.#runtime));
  }

  #audio() {
    return this.#part('audio', () => AudioEncoder.open(this.#bundle, this.#section('audio', 'sounds'), this.#runtime));
  }

  #videos() {
    return this.#part('video', async () => {
      const section = this.#section('video', 'moving pictures');
      return VideoEncoder.open(this.#bundle, section, await this.#pictures(), this.#runtime);
    });
  }

  /** What `open` gives; called once, whoever asks first. */
  async #part<P extends Part>(modality: Modality, open: () => Promise<P>): Promise<P> {
    if (this.#isClosed) throw new Error(`the encoder ${this.id} is closed`);
    let part = this.#parts.get(modality) as Promise<P> | undefined;
    if (part === undefined) {
      part = open();
      this.#parts.set(modality, part);
    }
    return part;
  }

  #section<K extends 'audio' | 'video'>(name: K, what: string): NonNullable<MultimodalManifest[K]> {
    const section = sectionsOf(this.#bundle.manifest)[name];
    if (section === undefined) {
      throw new MissingDataError(
        `the bundle ${this.#bundle.manifest.name} takes no ${what}, only ${this.modalities.join(', ')}; open one that has the modality ${name}`,
      );
    }
    return section as NonNullable<MultimodalManifest[K]>;
  }

  /** Encodes with a part; no inputs open nothing. `close` waits until it has ended. */
  async #run<Input>(inputs: readonly Input[], open: () => Promise<Encoding<Input>>): Promise<Tensor<'float32'>> {
    if (inputs.length === 0) return new Tensor('float32', [0, this.dim], new Float32Array(0));
    const running = open().then((part) => part.encode(inputs));
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }
}

/** The sections for sounds and moving pictures, where the bundle has them. */
function sectionsOf(manifest: Manifest): Pick<MultimodalManifest, 'audio' | 'video'> {
  return manifest.kind === 'multimodal' ? manifest : {};
}

/** A name that holds all that decides the vectors. */
function encoderId(manifest: Manifest): string {
  const towers = [pictureTowerId(manifest.picture), ...textTowerIds(manifest)];
  const { text, audio, video } = { audio: undefined, video: undefined, ...manifest };
  const decisive: unknown[] = [manifest.files, towers, manifest.picture];
  if (manifest.kind === 'multimodal') {
    const { facts, codes } = manifest;
    const files = Object.fromEntries(
      Object.entries(manifest.files).filter(([name]) => name !== facts && name !== codes),
    );
    decisive.splice(0, 1, files);
    decisive.push(text, audio, video);
  }
  return `${manifest.name}-${createHash('sha256').update(JSON.stringify(decisive)).digest('hex').slice(0, 12)}`;
}

/** @throws FormatError if the manifest names a file that it does not list. */
function checkFiles(bundle: Bundle): void {
  const { manifest } = bundle;
  const names = [manifest.picture.head, manifest.picture.weights, manifest.text.head];
  if (manifest.kind === 'multimodal') {
    const { audio, video, facts, codes, text } = manifest;
    names.push(audio?.weights, audio?.head, video?.weights, video?.head, facts, codes);
    for (const route of text.routes) if (route.tower === 'text-encoder') names.push(route.weights, route.tokenizer);
  }
  for (const name of names) if (name !== undefined) fileOf(bundle, name);
  checkPictureTower(bundle);
}
