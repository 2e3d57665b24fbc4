/** @file A sound in segments: where something is to be heard, cut at pauses. */
import { streamAudio } from '../audio/audio-clip.ts';

/** A piece of a sound. */
export interface AudioSegment {
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Mono, 16 kHz, in [-1, 1]. */
  readonly samples: Float32Array;
}

/** How a sound is cut. */
export interface SegmentAudioOptions {
  /** The longest segment, in seconds; 10 by default. */
  readonly maxSeconds?: number;
  /** A sound of which a step of decoding takes longer is refused, in milliseconds. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The segments of a sound, or of the sound of a video, in the order of time.
 * @throws MediaError as `streamAudio` does; of a sound damaged in the middle after the segments before.
 */
export async function* segmentAudio(
  source: string | Uint8Array,
  { maxSeconds = 10, ...options }: SegmentAudioOptions = {},
): AsyncGenerator<AudioSegment> {
  for await (const { samples, startSeconds, durationSeconds } of streamAudio(source, {
    ...options,
    sampleRateHz: 16_000,
    chunkSeconds: Math.min(8, maxSeconds),
  })) {
    yield { startSeconds, endSeconds: startSeconds + durationSeconds, samples };
  }
}
