/**
 * @file Sound files as mono samples at the rate a model wants: whole, a part, or piece by piece. WAV, FLAC, MP3, Ogg Vorbis and Ogg Opus are
 * decoded in this process by WebAssembly; AAC, and the sound of MP4, MOV, WebM and Matroska, need `@napi-rs/webcodecs` or ffmpeg.
 */
import { MediaError } from '../../engine/core/index.ts';
import { openMediaSource } from '../media-source.ts';
import { decodePcm } from './decode-pcm.ts';
import { defaultTimeoutMs, mixToMono, type PcmRequest, sampleRateRange } from './pcm.ts';
import { concatenate, createResampler, type Resampler } from './resampler.ts';

/** Mono sound. */
export interface AudioClip {
  readonly sampleRateHz: number;
  /** One value a sample, in [-1, 1]. */
  readonly samples: Float32Array;
  readonly durationSeconds: number;
}

/** A part of a longer sound. */
export interface AudioChunk extends AudioClip {
  /** Where it begins in the sound. */
  readonly startSeconds: number;
}

/** What of a sound is decoded, and to what rate. */
export interface DecodeAudioOptions {
  /** Rate of the result in Hz; 16000 by default. */
  readonly sampleRateHz?: number;
  /** Where to begin; 0 by default. */
  readonly startSeconds?: number;
  /** Where to end; the end of the sound by default. */
  readonly endSeconds?: number;
  /** A sound of which a step of decoding takes longer is refused; 30000 by default. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** How a sound is cut into pieces. */
export interface StreamAudioOptions extends DecodeAudioOptions {
  /** Length of every piece but the last; 10 by default. */
  readonly chunkSeconds?: number;
}

/** `decodeAudio` holds at most this much sound; `streamAudio` has no such limit. */
export const maxClipSeconds = 3600;

/**
 * Decodes a sound file, or its bytes, to mono: channels are averaged, resampled, and cut off outside [-1, 1].
 * @throws MediaError naming the file if it is no sound that can be read, is damaged or cut short, holds nothing in the wanted part, or
 * that part is longer than an hour.
 */
export async function decodeAudio(source: string | Uint8Array, options: DecodeAudioOptions = {}): Promise<AudioClip> {
  const { sampleRateHz = 16_000, startSeconds = 0, endSeconds = Number.POSITIVE_INFINITY } = options;
  const name = typeof source === 'string' ? source : 'sound';
  const parts: Float32Array[] = [];
  let seconds = 0;
  for await (const { samples, durationSeconds } of streamAudio(source, { ...options, chunkSeconds: 30 })) {
    parts.push(samples);
    seconds += durationSeconds;
    if (seconds > maxClipSeconds) {
      throw new MediaError(
        `${name}: a sound decoded whole must last at most ${maxClipSeconds} s; give startSeconds and endSeconds, or use streamAudio`,
      );
    }
  }
  if (parts.length === 0) {
    const part = startSeconds > 0 || endSeconds < Number.POSITIVE_INFINITY;
    throw new MediaError(
      part
        ? `${name}: there is no sound between ${startSeconds} and ${endSeconds} s`
        : `${name}: the sound has no samples`,
    );
  }
  const samples = concatenate(parts);
  return { sampleRateHz, samples, durationSeconds: samples.length / sampleRateHz };
}

/**
 * Decodes a sound piece by piece, as `decodeAudio` does; memory holds a few pieces, however long the file. Pieces join without gaps: put
 * together they are what `decodeAudio` gives.
 * @throws MediaError as `decodeAudio` does, when the damaged place is reached.
 */
export async function* streamAudio(
  source: string | Uint8Array,
  options: StreamAudioOptions = {},
): AsyncGenerator<AudioChunk> {
  const { sampleRateHz = 16_000, startSeconds = 0, endSeconds = Number.POSITIVE_INFINITY, chunkSeconds = 10 } = options;
  checkOptions(sampleRateHz, startSeconds, endSeconds, chunkSeconds);
  const { timeoutMs = defaultTimeoutMs, signal } = options;
  const request = { startSeconds, endSeconds, timeoutMs, signal };
  const opened = await openMediaSource(source, 'sound');
  try {
    const pieces = new Pieces(Math.max(1, Math.round(chunkSeconds * sampleRateHz)));
    let numOut = 0;
    const chunkOf = (samples: Float32Array): AudioChunk => {
      const from = startSeconds + numOut / sampleRateHz;
      numOut += samples.length;
      return {
        sampleRateHz,
        samples: clipped(samples),
        durationSeconds: samples.length / sampleRateHz,
        startSeconds: from,
      };
    };
    let resampler: Resampler | undefined;
    for await (const { samples, rateHz } of wantedSamples(opened, request)) {
      resampler ??= await createResampler(rateHz, sampleRateHz);
      pieces.add(resampler.push(samples));
      for (let piece = pieces.take(); piece !== undefined; piece = pieces.take()) yield chunkOf(piece);
    }
    if (resampler !== undefined) pieces.add(resampler.finish());
    for (let piece = pieces.take(); piece !== undefined; piece = pieces.take()) yield chunkOf(piece);
    const rest = pieces.rest();
    if (rest.length > 0) yield chunkOf(rest);
  } finally {
    await opened.close();
  }
}

/** The mono samples between the wanted times, at the sound's own rate. */
async function* wantedSamples(
  source: Awaited<ReturnType<typeof openMediaSource>>,
  request: PcmRequest,
): AsyncGenerator<{ readonly samples: Float32Array; readonly rateHz: number }> {
  let known: { readonly rateHz: number; readonly numChannels: number } | undefined;
  for await (const { channels, sampleRateHz: rateHz, startSeconds } of decodePcm(source, request)) {
    request.signal?.throwIfAborted();
    known ??= { rateHz, numChannels: channels.length };
    if (rateHz !== known.rateHz) {
      throw new MediaError(
        `${source.name}: the sampling rate must stay the same, changed from ${known.rateHz} to ${rateHz} Hz`,
      );
    }
    const mono = mixToMono(source.name, channels);
    const first = Math.round(startSeconds * rateHz);
    const from = Math.max(0, Math.round(request.startSeconds * rateHz) - first);
    const to = Math.min(mono.length, Math.round(request.endSeconds * rateHz) - first);
    if (from < to) yield { samples: mono.subarray(from, to), rateHz };
    if (to < mono.length) return;
  }
}

/** Cuts what comes in blocks of any length into pieces of one length. */
class Pieces {
  readonly #length: number;
  #parts: Float32Array[] = [];
  #numHeld = 0;

  constructor(length: number) {
    this.#length = length;
  }

  add(samples: Float32Array): void {
    if (samples.length === 0) return;
    this.#parts.push(samples);
    this.#numHeld += samples.length;
  }

  /** The next whole piece, if there is one. */
  take(): Float32Array | undefined {
    if (this.#numHeld < this.#length) return undefined;
    const held = concatenate(this.#parts);
    const left = held.subarray(this.#length);
    this.#parts = left.length === 0 ? [] : [left];
    this.#numHeld = left.length;
    return held.slice(0, this.#length);
  }

  /** What is left, shorter than a piece. */
  rest(): Float32Array {
    return concatenate(this.#parts.splice(0));
  }
}

function clipped(samples: Float32Array): Float32Array {
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i]!;
    if (sample > 1) samples[i] = 1;
    else if (sample < -1) samples[i] = -1;
  }
  return samples;
}

function checkOptions(sampleRateHz: number, startSeconds: number, endSeconds: number, chunkSeconds: number): void {
  const [slowest, fastest] = sampleRateRange;
  if (!(Number.isInteger(sampleRateHz) && sampleRateHz >= slowest && sampleRateHz <= fastest)) {
    throw new RangeError(
      `decodeAudio: sampleRateHz must be a whole number from ${slowest} to ${fastest}, got ${sampleRateHz}`,
    );
  }
  if (!(startSeconds >= 0 && startSeconds < endSeconds)) {
    throw new RangeError(
      `decodeAudio: startSeconds must be at least 0 and before endSeconds, got ${startSeconds} and ${endSeconds}`,
    );
  }
  if (!(chunkSeconds > 0 && chunkSeconds <= maxClipSeconds)) {
    throw new RangeError(`streamAudio: chunkSeconds must be above 0, at most ${maxClipSeconds}, got ${chunkSeconds}`);
  }
}
