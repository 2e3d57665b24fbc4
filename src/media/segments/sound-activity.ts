/**
 * @file Where in a sound something is to be heard: energy above a floor that follows the recording. Constant loud sound, such as music, counts as heard
 * whatever the floor, and what is fainter than a quiet room does not.
 */

/** Loudness is told for every so many seconds. */
export const hopSeconds = 0.02;

/** Heard: this much above the floor, in dB. */
const aboveFloorDb = 9;

/** Full scale is 0 dB. What is below the first is silence, what is above the second is not. */
const [silentDb, loudDb] = [-60, -40];

/** The floor is what one of ten hops stays below, among those of this many seconds before and now. */
const floorShare = 0.1;
const floorSeconds = 15;

/** Loudness of digital silence, in dB. */
const nothingDb = -120;

/** A part of a sound of one hop. */
export interface Hop {
  /** Mean power against full scale, in dB. */
  readonly loudnessDb: number;
  readonly isHeard: boolean;
}

/** Tells of each hop of a sound, given in pieces of whole hops, whether something is to be heard. */
export class ActivityDetector {
  readonly #hopLength: number;
  #recent: number[] = [];

  constructor(sampleRateHz: number) {
    this.#hopLength = Math.round(hopSeconds * sampleRateHz);
  }

  /** The hops of the next piece; a last one may be shorter. */
  push(samples: Float32Array): Hop[] {
    const loudness: number[] = [];
    for (let start = 0; start < samples.length; start += this.#hopLength) {
      const end = Math.min(samples.length, start + this.#hopLength);
      // Without the mean: an offset is not heard.
      let [sum, squares] = [0, 0];
      for (let i = start; i < end; i++) {
        sum += samples[i]!;
        squares += samples[i]! ** 2;
      }
      const power = squares / (end - start) - (sum / (end - start)) ** 2;
      loudness.push(power > 0 ? Math.max(nothingDb, 10 * Math.log10(power)) : nothingDb);
    }
    this.#recent.push(...loudness);
    const numKept = Math.round(floorSeconds / hopSeconds) + loudness.length;
    if (this.#recent.length > numKept) this.#recent = this.#recent.slice(-numKept);
    const sorted = Float64Array.from(this.#recent).sort();
    const floor = sorted[Math.floor(floorShare * sorted.length)] ?? nothingDb;
    const threshold = Math.min(loudDb, Math.max(silentDb, floor + aboveFloorDb));
    return loudness.map((loudnessDb) => ({ loudnessDb, isHeard: loudnessDb > threshold }));
  }
}
