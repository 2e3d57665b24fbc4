/** @file A sound in segments: where something is to be heard, cut at pauses. */
import { MediaError } from '../../engine/core/index.ts';
import { streamAudio } from '../audio/audio-clip.ts';
import { soundDelaySeconds } from '../video/read-video.ts';
import { ActivityDetector, type Hop, hopSeconds } from './sound-activity.ts';

/** A piece of a sound. Its times can be played: they lie within the file, ascend, and pieces do not overlap. */
export interface AudioSegment {
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Mono, 16 kHz, in [-1, 1]. */
  readonly samples: Float32Array;
}

/** How a sound is cut. */
export interface SegmentAudioOptions {
  /** The longest segment, in seconds, at least 1; 10 by default. */
  readonly maxSeconds?: number;
  /** A sound of which a step of decoding takes longer is refused, in milliseconds; 30,000 by default. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

const sampleRateHz = 16_000;
const hopLength = Math.round(hopSeconds * sampleRateHz);

/** Sound comes in pieces of this length: the floor is known for all of one before anything is cut. */
const chunkSeconds = 4;

/** The length that a segment of a long sound should have. */
const targetSeconds = 8;

/** A pause of this length ends a segment. */
const longPauseSeconds = 2;

/** So does one of this length, once the segment has its length. */
const shortPauseSeconds = 0.3;

/** Kept before the first and after the last that is heard, for soft beginnings and ends. */
const [beforeSeconds, afterSeconds] = [0.1, 0.3];

/** What is heard for less is a click of the recording. */
const leastHeardSeconds = 0.04;

/** A cut may be this much louder for each second that it is nearer to the wanted length, in dB. */
const decibelsPerSecond = 3;

/** Hops over which loudness is averaged where a cut is sought. */
const cutHops = 5;

const hopsIn = (seconds: number): number => Math.round(seconds / hopSeconds);

/**
 * The segments of a sound, or of the sound of a video, in the order of time: about 8 s, at most `maxSeconds`; silence is in none. Memory holds
 * some seconds, however long the sound.
 * @throws MediaError as `streamAudio` does, or if nothing is to be heard; of a sound damaged in the middle, after the segments before the damage.
 * @throws RangeError if an option is out of range.
 */
export async function* segmentAudio(
  source: string | Uint8Array,
  { maxSeconds = 10, ...options }: SegmentAudioOptions = {},
): AsyncGenerator<AudioSegment> {
  if (!(maxSeconds >= 1 && maxSeconds <= 3600)) {
    throw new RangeError(`segmentAudio: maxSeconds must be in [1, 3600], got ${maxSeconds}`);
  }
  const name = typeof source === 'string' ? source : 'sound';
  const delaySeconds = await soundDelaySeconds(source);
  const cutter = new SoundCutter(maxSeconds, delaySeconds);
  const detector = new ActivityDetector(sampleRateHz);
  let numSegments = 0;
  let failure: unknown;
  try {
    for await (const { samples } of streamAudio(source, { ...options, sampleRateHz, chunkSeconds })) {
      for (const segment of cutter.push(samples, detector.push(samples))) {
        numSegments += 1;
        yield segment;
      }
    }
  } catch (error) {
    if (!(error instanceof MediaError)) throw error;
    failure = error;
  }
  for (const segment of cutter.finish()) {
    numSegments += 1;
    yield segment;
  }
  if (failure !== undefined) throw failure;
  if (numSegments === 0) throw new MediaError(`${name}: nothing is to be heard; it is silent from beginning to end`);
}

/** Cuts what is heard into segments; holds the samples from the beginning of the segment that is open. */
class SoundCutter {
  readonly #maxHops: number;
  readonly #targetHops: number;
  readonly #delaySeconds: number;
  /** Hops and samples from `#first` on, counted in hops from the start of the sound. */
  #hops: Hop[] = [];
  #samples = new Float32Array(0);
  #first = 0;
  /** The end of the last segment, and the hop to look at next. */
  #lastEnd = 0;
  #next = 0;
  /** The open segment, and the last hop in it that was heard. */
  #start: number | undefined;
  #lastHeard = 0;

  constructor(maxSeconds: number, delaySeconds: number) {
    this.#maxHops = hopsIn(maxSeconds);
    this.#targetHops = hopsIn(Math.min(targetSeconds, 0.8 * maxSeconds));
    this.#delaySeconds = delaySeconds;
  }

  *push(samples: Float32Array, hops: readonly Hop[]): Generator<AudioSegment> {
    const joined = new Float32Array(this.#samples.length + samples.length);
    joined.set(this.#samples);
    joined.set(samples, this.#samples.length);
    this.#samples = joined;
    this.#hops.push(...hops);
    for (; this.#next < this.#first + this.#hops.length; this.#next++) yield* this.#step(this.#next);
    this.#forget();
  }

  *finish(): Generator<AudioSegment> {
    if (this.#start === undefined) return;
    yield* this.#close(Math.min(this.#first + this.#hops.length, this.#lastHeard + 1 + hopsIn(afterSeconds)));
  }

  *#step(at: number): Generator<AudioSegment> {
    const { isHeard } = this.#hops[at - this.#first]!;
    if (this.#start === undefined) {
      if (!isHeard) return;
      this.#start = Math.max(this.#lastEnd, at - hopsIn(beforeSeconds));
    }
    if (isHeard) this.#lastHeard = at;
    const pause = at - this.#lastHeard;
    const length = at + 1 - this.#start;
    const pauseEnds = length >= this.#targetHops ? shortPauseSeconds : longPauseSeconds;
    if (pause >= hopsIn(pauseEnds)) yield* this.#close(Math.min(at + 1, this.#lastHeard + 1 + hopsIn(afterSeconds)));
    else if (length >= this.#maxHops) {
      const cut = this.#quietest(this.#start);
      yield* this.#close(cut);
      // What follows is looked at again, as a segment of its own.
      this.#next = cut - 1;
    }
  }

  /** Where to cut a segment that is too long: where it is quiet, and near the wanted length. */
  #quietest(start: number): number {
    let [best, least] = [start + this.#targetHops, Number.POSITIVE_INFINITY];
    for (let cut = start + (this.#targetHops >> 1); cut <= start + this.#maxHops - cutHops; cut++) {
      let loudness = 0;
      for (let i = 0; i < cutHops; i++)
        loudness += this.#hops[cut + i - (cutHops >> 1) - this.#first]!.loudnessDb / cutHops;
      const far = Math.abs(cut - start - this.#targetHops) * hopSeconds;
      const cost = loudness + decibelsPerSecond * far;
      if (cost < least) [best, least] = [cut, cost];
    }
    return best;
  }

  *#close(end: number): Generator<AudioSegment> {
    const start = this.#start!;
    this.#start = undefined;
    this.#lastEnd = end;
    const heard = this.#hops.slice(start - this.#first, end - this.#first).filter(({ isHeard }) => isHeard).length;
    if (heard < hopsIn(leastHeardSeconds)) return;
    const samples = this.#samples.slice((start - this.#first) * hopLength, (end - this.#first) * hopLength);
    const startSeconds = this.#delaySeconds + start * hopSeconds;
    yield { startSeconds, endSeconds: startSeconds + samples.length / sampleRateHz, samples };
  }

  /** Drops what no segment can need any more. */
  #forget(): void {
    const needed = this.#start ?? Math.max(this.#lastEnd, this.#next - hopsIn(beforeSeconds));
    const numDropped = needed - this.#first;
    if (numDropped <= 0) return;
    this.#hops = this.#hops.slice(numDropped);
    this.#samples = this.#samples.slice(numDropped * hopLength);
    this.#first = needed;
  }
}
