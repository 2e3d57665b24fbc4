/** @file Decoded sound on its way from a decoder: blocks of samples, channel by channel. */
import { MediaError } from '../../engine/core/index.ts';
import type { MediaSource } from '../media-source.ts';

/** Consecutive samples of every channel. */
export interface PcmBlock {
  /** One array a channel, all of one length; nominally in [-1, 1]. */
  readonly channels: readonly Float32Array[];
  readonly sampleRateHz: number;
  /** When its first sample sounds, from the start of the recording. */
  readonly startSeconds: number;
}

/** What a decoder is asked for. */
export interface PcmRequest {
  /** Sound before this may be left out, if that saves work. */
  readonly startSeconds: number;
  /** Sound after this may be left out. */
  readonly endSeconds: number;
  /** No step of decoding takes longer. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** Turns the bytes of one format into blocks, in order and without gaps. @throws MediaError if the bytes are damaged. */
export type PcmDecoder = (source: MediaSource, request: PcmRequest) => AsyncGenerator<PcmBlock>;

/** Time for a step of decoding where nobody says otherwise. */
export const defaultTimeoutMs = 30_000;

/** More channels than this are refused. */
const maxChannels = 32;

/** Slowest and fastest sampling that is taken, in Hz. */
export const sampleRateRange: readonly [number, number] = [1000, 768_000];

/** @throws MediaError unless a format's header gives channels and a rate that can be worked with. */
export function checkPcmLayout(name: string, numChannels: number, sampleRateHz: number): void {
  if (!(numChannels >= 1 && numChannels <= maxChannels)) {
    throw new MediaError(`${name}: a sound must have 1 to ${maxChannels} channels, got ${numChannels}`);
  }
  const [slowest, fastest] = sampleRateRange;
  if (!(sampleRateHz >= slowest && sampleRateHz <= fastest)) {
    throw new MediaError(`${name}: a sound must have ${slowest} to ${fastest} samples a second, got ${sampleRateHz}`);
  }
}

/** The mean of the channels. @throws MediaError if a sample is not a finite number. */
export function mixToMono(name: string, channels: readonly Float32Array[]): Float32Array {
  const [first = new Float32Array(0)] = channels;
  const mono = new Float32Array(first.length);
  const scale = 1 / channels.length;
  for (const channel of channels) for (let i = 0; i < mono.length; i++) mono[i]! += channel[i]! * scale;
  for (const sample of mono) {
    if (!Number.isFinite(sample)) throw new MediaError(`${name}: samples must be finite numbers, got ${sample}`);
  }
  return mono;
}
