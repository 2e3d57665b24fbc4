/**
 * @file A few spoken words as a map of fixed size: silence before them cut away, each band of the log-mel spectrogram brought to mean 0 over the recording (so that
 * microphone and loudness do not count), then averaged to frames of 40 ms and half as many bands. T: frames of the map; M: its bands.
 */
import { numMelBands, type Spectrograms } from '../../data/sounds-spectrograms.ts';

/** `[1, T, M]`: 2.56 s. */
export const speechShape = [1, 64, numMelBands / 2] as const;

/** How far training moves words in time, in frames of the map. */
export const maxShift = 5;

/** Recordings of words. */
export interface SpokenWords {
  /** Writes a recording into `target` `[T, M]`, moved by `shift` frames; what it does not reach keeps its 0. */
  copy(recording: number, shift: number, target: Float32Array): void;
}

/** Frames of 10 ms in one of the map. */
const framesPerCell = 4;

/** The deviation of a log-mel value in speech, about. */
const deviation = 3;

/** Brings recordings into this form, once. */
export function spokenWords(spectrograms: Spectrograms): SpokenWords {
  const clips = Array.from({ length: spectrograms.length }, (_, clip) => wordsIn(spectrograms, clip));
  const [, numFrames, numBands] = speechShape;
  return {
    copy(recording, shift, target) {
      const words = clips[recording]!;
      const length = words.length / numBands;
      const [from, at] = [Math.max(0, -shift), Math.max(0, shift)];
      const count = Math.min(length - from, numFrames - at);
      if (count > 0) target.set(words.subarray(from * numBands, (from + count) * numBands), at * numBands);
    },
  };
}

function wordsIn(spectrograms: Spectrograms, clip: number): Float32Array {
  const numFrames = spectrograms.numFrames(clip);
  const mel = new Float32Array(numFrames * numMelBands);
  spectrograms.copy(clip, 0, numFrames, mel, 0);
  const loudness = Array.from({ length: numFrames }, (_, t) =>
    mel.subarray(t * numMelBands, (t + 1) * numMelBands).reduce((sum, value) => sum + value / numMelBands, 0),
  );
  const [quiet, loud] = [Math.min(...loudness), Math.max(...loudness)];
  const heard = loudness.findIndex((value) => value > quiet + 0.4 * (loud - quiet));
  const start = Math.max(0, heard - 10);
  const numBands = speechShape[2];
  const length = Math.floor((numFrames - start) / framesPerCell);
  const words = new Float32Array(length * numBands);
  for (let t = 0; t < length * framesPerCell; t++) {
    for (let m = 0; m < numMelBands; m++) {
      const cell = Math.floor(t / framesPerCell) * numBands + (m >> 1);
      words[cell]! += mel[(start + t) * numMelBands + m]! / (2 * framesPerCell);
    }
  }
  const means = new Float64Array(numBands);
  words.forEach((value, i) => {
    means[i % numBands]! += value / length;
  });
  return words.map((value, i) => (value - means[i % numBands]!) / deviation);
}
