/** @file Items of suites as vectors: files are decoded as the encoder wants them, batch by batch, and nothing is encoded twice. D: dimension of the space. */
import { join } from 'node:path';
import type { Encoder } from '../../bundle/index.ts';
import { type OnProgress, Tensor } from '../../engine/core/index.ts';
import { decodeAudio, readFrames, renderPicture } from '../../media/index.ts';
import { mediaFolder, type SuiteItem } from './suite-file.ts';
import type { SuiteSide } from './suites.ts';

/** How long work goes on. */
export interface EvaluationProgress {
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Items in one batch: enough for the towers, few enough for memory and for Ctrl-C. */
const batchSize = 32;

/** What is said of each modality while it is encoded. */
const unitOf = { text: 'texts', image: 'pictures', audio: 'sounds', video: 'moving pictures' } as const;

/** The vectors that encoders give the items of suites. Media are decoded once for all of the encoders. */
export class ItemVectors {
  readonly #encoders: readonly Encoder[];
  readonly #dataDirectory: string | undefined;
  readonly #during: EvaluationProgress;
  /** By encoder, then by what is encoded. */
  readonly #known: readonly Map<string, Float32Array>[];

  /** @param encoders take the same views of pictures, sounds and clips. */
  constructor(encoders: readonly Encoder[], dataDirectory: string | undefined, during: EvaluationProgress) {
    this.#encoders = encoders;
    this.#dataDirectory = dataDirectory;
    this.#during = during;
    this.#known = encoders.map(() => new Map());
  }

  /**
   * Vectors `[items, D]` of one side of the items, by each encoder.
   * @throws MissingDataError if media are not installed; MediaError if a file cannot be read.
   */
  async of(items: readonly SuiteItem[], side: SuiteSide): Promise<Tensor<'float32'>[]> {
    const { onProgress, signal } = this.#during;
    const missing = items.filter((item) => !this.#known[0]!.has(nameOf(item, side)));
    const unit = unitOf[side.modality];
    for (let start = 0; start < missing.length; start += batchSize) {
      signal?.throwIfAborted();
      const batch = missing.slice(start, start + batchSize);
      const encode = await this.#decode(batch, side);
      for (const [i, encoder] of this.#encoders.entries()) {
        const { data, shape } = await encode(encoder);
        const dim = shape[1]!;
        batch.forEach((item, row) => {
          this.#known[i]!.set(nameOf(item, side), data.slice(row * dim, (row + 1) * dim));
        });
      }
      onProgress?.({ stage: `encoding ${unit}`, done: start + batch.length, total: missing.length, unit });
    }
    return this.#encoders.map(({ dim }, i) => {
      const data = new Float32Array(items.length * dim);
      items.forEach((item, row) => {
        data.set(this.#known[i]!.get(nameOf(item, side))!, row * dim);
      });
      return new Tensor('float32', [items.length, dim], data);
    });
  }

  /** What an encoder does with a batch, which is decoded here. */
  async #decode(
    items: readonly SuiteItem[],
    { modality, language }: SuiteSide,
  ): Promise<(encoder: Encoder) => Promise<Tensor<'float32'>>> {
    const [encoder] = this.#encoders as [Encoder];
    if (modality === 'text') return (one) => one.encodeTexts(items.map(({ text }) => text[language]));
    const paths = items.map(({ source, file }) => join(mediaFolder(source, this.#dataDirectory), file));
    if (modality === 'image') {
      const pictures = await Promise.all(paths.map((path) => renderPicture(path, encoder.pictureView)));
      return (one) => one.encodePictures(pictures);
    }
    if (modality === 'audio') {
      const clips: Float32Array[] = [];
      const { sampleRateHz, maxSeconds } = encoder.audioView!;
      for (const path of paths) {
        clips.push((await decodeAudio(path, { sampleRateHz, startSeconds: 0, endSeconds: maxSeconds })).samples);
      }
      return (one) => one.encodeAudio(clips);
    }
    const clips: Tensor<'uint8'>[] = [];
    for (const path of paths) clips.push(await readClip(path, encoder.videoView!));
    return (one) => one.encodeVideos(clips);
  }
}

/** Evenly spaced frames of a file as one clip `uint8[T, S, S, 3]`; a file with fewer shows its last one longer. */
export async function readClip(path: string, view: NonNullable<Encoder['videoView']>): Promise<Tensor<'uint8'>> {
  const frames: Tensor<'uint8'>[] = [];
  for await (const { pixels } of readFrames(path, view)) frames.push(pixels);
  while (frames.length < view.numFrames) frames.push(frames.at(-1)!);
  return stackFrames(frames);
}

/** Frames `uint8[S, S, 3]` as one clip `uint8[T, S, S, 3]`. */
export function stackFrames(frames: readonly Tensor<'uint8'>[]): Tensor<'uint8'> {
  const [first] = frames as [Tensor<'uint8'>];
  const data = new Uint8Array(frames.length * first.data.length);
  frames.forEach((frame, t) => {
    data.set(frame.data, t * first.data.length);
  });
  return new Tensor('uint8', [frames.length, ...first.shape], data);
}

function nameOf({ source, file, text }: SuiteItem, { modality, language }: SuiteSide): string {
  return modality === 'text' ? `text ${text[language]}` : `${modality} ${source}/${file}`;
}
