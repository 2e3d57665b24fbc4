/** @file The things of the recipe in the space, by the encoder that ships; computed once and kept in the feature cache. D: dimension of the space. */
import type { Encoder } from '../../../bundle/index.ts';
import { type OnProgress, Tensor } from '../../../engine/core/index.ts';
import { decodeAudio, renderPicture } from '../../../media/index.ts';
import { cachedFeatures } from '../../data/features.ts';
import { composeMotionClip, readSprite } from '../../data/motion-clips.ts';
import { speak } from '../../data/speech-voices.ts';
import { readClip, stackFrames } from '../../evaluate/embed-items.ts';
import type { IndexItem } from './items.ts';

/** What `itemVectors` needs. */
export interface ItemVectorOptions {
  readonly cacheDirectory: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

const unitOf = { text: 'texts', image: 'pictures', audio: 'sounds', video: 'moving pictures' } as const;

/**
 * Unit vectors `[items, D]` of things of one kind.
 * @throws MissingDataError if a file or a voice is not installed; MediaError if a file cannot be read.
 */
export async function itemVectors(
  encoder: Encoder,
  items: readonly IndexItem[],
  { cacheDirectory, onProgress, signal }: ItemVectorOptions,
): Promise<Tensor<'float32'>> {
  if (items.length === 0) return new Tensor('float32', [0, encoder.dim], new Float32Array());
  const kind = items[0]!.kind;
  return cachedFeatures({
    items,
    keyOf: ({ id }) => id,
    encoderId: `${encoder.id} ${kind} index-1`,
    encode: (batch) => encode(encoder, batch, signal),
    directory: cacheDirectory,
    shardSize: kind === 'video' ? 128 : 1024,
    batchSize: kind === 'video' ? 8 : 32,
    unit: unitOf[kind],
    ...(onProgress ? { onProgress } : {}),
    ...(signal ? { signal } : {}),
  });
}

async function encode(encoder: Encoder, items: readonly IndexItem[], signal: AbortSignal | undefined) {
  const pictures: Promise<Tensor<'uint8'>>[] = [];
  const clips: Tensor<'uint8'>[] = [];
  const sounds: Float32Array[] = [];
  const texts: string[] = [];
  for (const item of items) {
    if (item.kind === 'text') texts.push(item.text);
    else if (item.kind === 'image') pictures.push(renderPicture(item.path, encoder.pictureView));
    else if (item.kind === 'audio') sounds.push(await samplesOf(encoder, item, signal));
    else clips.push(await framesOf(encoder, item));
  }
  if (texts.length > 0) return encoder.encodeTexts(texts);
  if (pictures.length > 0) return encoder.encodePictures(await Promise.all(pictures));
  return sounds.length > 0 ? encoder.encodeAudio(sounds) : encoder.encodeVideos(clips);
}

async function samplesOf(encoder: Encoder, item: IndexItem & { kind: 'audio' }, signal: AbortSignal | undefined) {
  if ('voice' in item) return speak(item.voice, item.phrase, signal);
  const { sampleRateHz, maxSeconds } = encoder.audioView!;
  return (await decodeAudio(item.path, { sampleRateHz, startSeconds: 0, endSeconds: maxSeconds })).samples;
}

async function framesOf(encoder: Encoder, item: IndexItem & { kind: 'video' }): Promise<Tensor<'uint8'>> {
  const view = encoder.videoView!;
  if (item.motion === undefined) return readClip(item.path, view);
  const { name: motion, seed } = item.motion;
  return stackFrames(composeMotionClip(await readSprite(item.path), { motion, seed, ...view }));
}
