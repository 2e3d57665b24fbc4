/**
 * @file Other ways to hear a sound, made from its log-mel spectrogram: at another speed and pitch, at another moment, through another microphone
 * or line, in noise, over another sound, with parts missing (SpecAugment, arXiv:1904.08779). Sums of sounds are sums of powers, which leaves
 * out only how their waves interfere. Loudness needs no view of its own: the encoder takes it out.
 *
 * L: frames of a view; M: mel bands.
 */
import type { Rng } from '../../engine/core/index.ts';
import { silence } from '../../model/index.ts';
import { numMelBands, type Spectrograms } from '../data/sounds-spectrograms.ts';

/** How far views go from what was recorded. */
export interface AudioViewOptions {
  /** L */
  readonly windowFrames: number;
  /** Largest change of speed, as a share; 0.1 lets a sound last from 0.91 to 1.1 times as long. */
  readonly speed: number;
  /** Largest shift of pitch, in mel bands. */
  readonly pitch: number;
  /** How long a short sound may be waited for, in frames. */
  readonly maxDelay: number;
  /** How often a view is heard in noise. */
  readonly noiseProbability: number;
  /** How often another sound is mixed in. */
  readonly mixProbability: number;
  /** How often the bands above or below a limit are missing, as on a telephone. */
  readonly lineProbability: number;
  /** Masks over bands and over frames, of each so many. */
  readonly numMasks: number;
}

/** The views that the default tower was trained with. */
export function audioViewOptions(windowFrames: number): AudioViewOptions {
  return {
    windowFrames,
    speed: 0.1,
    pitch: 1.5,
    maxDelay: 40,
    noiseProbability: 0.2,
    mixProbability: 0.1,
    lineProbability: 0.1,
    numMasks: 1,
  };
}

/** Where a view is written: L frames of M bands in `data` from `at` on. */
export interface ViewTarget {
  readonly data: Float32Array;
  readonly at: number;
}

/** Writes a view of a clip, drawn from `rng`. @param other a clip that may be mixed in. */
export function writeAudioView(
  { spectrograms, clip, other }: { readonly spectrograms: Spectrograms; readonly clip: number; readonly other: number },
  options: AudioViewOptions,
  rng: Rng,
  { data, at }: ViewTarget,
): void {
  const view = data.subarray(at, at + options.windowFrames * numMelBands);
  place(spectrograms, clip, options, rng, view);
  const loudest = loudestOf(view);
  if (rng.uniform() < options.mixProbability) mixIn(spectrograms, other, options, rng, view, loudest);
  tilt(view, rng);
  if (rng.uniform() < options.noiseProbability) addNoise(view, loudest - 4 - 7 * rng.uniform(), rng);
  if (rng.uniform() < options.lineProbability) narrow(view, rng);
  for (let i = 0; i < options.numMasks; i++) mask(view, options.windowFrames, rng);
}

/** The clip at another speed and pitch, after some silence and before some; of a longer one, a part. */
function place(
  spectrograms: Spectrograms,
  clip: number,
  options: AudioViewOptions,
  rng: Rng,
  view: Float32Array,
): void {
  const { windowFrames, speed, pitch, maxDelay } = options;
  const total = spectrograms.numFrames(clip);
  const pace = Math.exp((2 * rng.uniform() - 1) * Math.log(1 + speed));
  const wanted = Math.min(total, Math.ceil(windowFrames * pace));
  const first = rng.integer(total - wanted + 1);
  const source = new Float32Array(wanted * numMelBands);
  spectrograms.copy(clip, first, first + wanted, source, 0);
  const length = Math.max(1, Math.min(windowFrames, Math.round(wanted / pace)));
  const offset = rng.integer(Math.min(maxDelay, windowFrames - length) + 1);
  const shift = (2 * rng.uniform() - 1) * pitch;
  const [bands, rest] = [Math.floor(shift), shift - Math.floor(shift)];
  view.fill(silence);
  for (let t = 0; t < length; t++) {
    const moment = length === 1 ? 0 : (t * (wanted - 1)) / (length - 1);
    const before = Math.floor(moment);
    const after = Math.min(wanted - 1, before + 1);
    const share = moment - before;
    for (let band = 0; band < numMelBands; band++) {
      const low = Math.min(numMelBands - 1, Math.max(0, band - bands));
      const lower = Math.max(0, low - 1);
      const value = (row: number) =>
        (1 - rest) * source[row * numMelBands + low]! + rest * source[row * numMelBands + lower]!;
      view[(offset + t) * numMelBands + band] = (1 - share) * value(before) + share * value(after);
    }
  }
}

function loudestOf(view: Float32Array): number {
  let loudest = silence;
  for (const value of view) if (value > loudest) loudest = value;
  return loudest;
}

/** ln(e^a + e^b) */
function sumOfPowers(a: number, b: number): number {
  const [more, less] = a > b ? [a, b] : [b, a];
  return more - less > 6 ? more : more + Math.log1p(Math.exp(less - more));
}

/** Another sound underneath, 4 to 26 dB below. */
function mixIn(
  spectrograms: Spectrograms,
  other: number,
  options: AudioViewOptions,
  rng: Rng,
  view: Float32Array,
  loudest: number,
): void {
  const under = new Float32Array(view.length);
  place(spectrograms, other, options, rng, under);
  const gain = loudest - 1 - 5 * rng.uniform() - loudestOf(under);
  for (let i = 0; i < view.length; i++) view[i] = sumOfPowers(view[i]!, under[i]! + gain);
}

/** A microphone that favours some pitches: a slope and a wave over the bands, up to 6 dB each. */
function tilt(view: Float32Array, rng: Rng): void {
  const [slope, wave, phase] = [3 * rng.uniform() - 1.5, 1.5 * rng.uniform(), 2 * Math.PI * rng.uniform()];
  const gains = Float32Array.from({ length: numMelBands }, (_, band) => {
    const place = band / numMelBands - 0.5;
    return slope * place * 2 + wave * Math.sin(2 * Math.PI * place + phase);
  });
  for (let i = 0; i < view.length; i++) view[i]! += gains[i % numMelBands]!;
}

/** Steady noise of a level, sloping over the bands; the power of each cell varies as that of noise does. */
function addNoise(view: Float32Array, level: number, rng: Rng): void {
  const slope = 6 * rng.uniform() - 4;
  for (let i = 0; i < view.length; i++) {
    const place = (i % numMelBands) / numMelBands - 0.5;
    const power = Math.log(0.05 - 0.5 * Math.log(1 - rng.uniform()) - 0.5 * Math.log(1 - rng.uniform()));
    view[i] = sumOfPowers(view[i]!, level + slope * place + power);
  }
}

/** Only the bands of a narrow line: 300 to 3,400 Hz on a telephone, here a little less or more. */
function narrow(view: Float32Array, rng: Rng): void {
  const [low, high] = [rng.integer(8), 40 + rng.integer(20)];
  for (let i = 0; i < view.length; i++) {
    const band = i % numMelBands;
    if (band < low || band >= high) view[i] = silence;
  }
}

/** Up to 8 bands and up to 20 frames of nothing. */
function mask(view: Float32Array, windowFrames: number, rng: Rng): void {
  const numBands = rng.integer(9);
  const band = rng.integer(numMelBands - numBands + 1);
  for (let t = 0; t < windowFrames; t++) {
    view.fill(silence, t * numMelBands + band, t * numMelBands + band + numBands);
  }
  const numFrames = rng.integer(Math.min(21, windowFrames));
  const frame = rng.integer(windowFrames - numFrames + 1);
  view.fill(silence, frame * numMelBands, (frame + numFrames) * numMelBands);
}
