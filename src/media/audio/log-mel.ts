/**
 * @file Log-mel spectrograms, what audio models see. T: frames, M: mel bands. The mel scale is HTK's, 2595 log10(1 + f / 700), with triangles
 * of height 1; nothing is padded or centred, so frame t begins at sample t * hop.
 */
import { Tensor } from '../../engine/core/index.ts';
import { type PowerSpectrum, powerSpectrum } from './real-fft.ts';

/** How a spectrogram is taken. */
export interface LogMelOptions {
  /** Rate of the samples in Hz; 16000 by default. */
  readonly sampleRateHz?: number;
  /** Length of the Hann window in seconds; 0.025 by default. */
  readonly windowSeconds?: number;
  /** From one frame to the next in seconds; 0.01 by default. */
  readonly hopSeconds?: number;
  /** M; 64 by default. */
  readonly numBands?: number;
  /** Where the first band begins and the last ends, in Hz; 60 and 7600 by default. */
  readonly lowHz?: number;
  readonly highHz?: number;
}

/** Power below this is silence. */
const floorPower = 1e-10;

/**
 * The spectrogram `[T, M]` of mono samples: ln(max(power in the band, 1e-10)). T = 1 + floor((samples - window) / hop); samples
 * shorter than a window are filled up with zeros to one frame. With the defaults a second has 98 frames of 64 bands.
 * @throws RangeError if the options do not fit together.
 */
export function logMel(samples: Float32Array, options: LogMelOptions = {}): Tensor<'float32'> {
  const plan = planOf(options);
  const { windowLength, hopLength, window, spectrum, filters, frame, power } = plan;
  const numFrames = samples.length < windowLength ? 1 : 1 + Math.floor((samples.length - windowLength) / hopLength);
  const out = new Float32Array(numFrames * filters.length);
  for (let t = 0, at = 0; t < numFrames; t++) {
    const start = t * hopLength;
    const filled = Math.min(windowLength, samples.length - start);
    for (let i = 0; i < filled; i++) frame[i] = samples[start + i]! * window[i]!;
    frame.fill(0, filled);
    spectrum(frame, power);
    for (const { first, weights } of filters) {
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += weights[i]! * power[first + i]!;
      out[at++] = Math.log(Math.max(sum, floorPower));
    }
  }
  return new Tensor('float32', [numFrames, filters.length], out);
}

/** One triangle over the frequencies from `first` on. */
interface MelFilter {
  readonly first: number;
  readonly weights: Float64Array;
}

interface Plan {
  readonly windowLength: number;
  readonly hopLength: number;
  readonly window: Float64Array;
  readonly spectrum: PowerSpectrum;
  readonly filters: readonly MelFilter[];
  readonly frame: Float64Array;
  readonly power: Float64Array;
}

// Tables are a function of the options alone; making them costs as much as a second of sound.
const plans = new Map<string, Plan>();

function planOf(options: LogMelOptions): Plan {
  const { sampleRateHz = 16_000, windowSeconds = 0.025, hopSeconds = 0.01, numBands = 64 } = options;
  const { lowHz = 60, highHz = 7600 } = options;
  const key = [sampleRateHz, windowSeconds, hopSeconds, numBands, lowHz, highHz].join(' ');
  const known = plans.get(key);
  if (known !== undefined) return known;
  const windowLength = Math.round(windowSeconds * sampleRateHz);
  const hopLength = Math.round(hopSeconds * sampleRateHz);
  if (!(windowLength >= 4 && windowLength <= 65_536 && hopLength >= 1)) {
    throw new RangeError(
      `logMel: a window must hold 4 to 65536 samples and a hop at least 1, got ${windowLength} and ${hopLength}`,
    );
  }
  if (!(lowHz >= 0 && lowHz < highHz && highHz <= sampleRateHz / 2)) {
    throw new RangeError(`logMel: bands must lie within 0 to ${sampleRateHz / 2} Hz, got ${lowHz} to ${highHz}`);
  }
  if (!Number.isInteger(numBands) || numBands < 1) {
    throw new RangeError(`logMel: numBands must be a whole number above 0, got ${numBands}`);
  }
  const length = 2 ** Math.ceil(Math.log2(windowLength));
  const plan: Plan = {
    windowLength,
    hopLength,
    // The periodic Hann window.
    window: Float64Array.from(
      { length: windowLength },
      (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / windowLength),
    ),
    spectrum: powerSpectrum(length),
    filters: melFilters(length, sampleRateHz, numBands, lowHz, highHz),
    frame: new Float64Array(length),
    power: new Float64Array(length / 2 + 1),
  };
  if (plans.size >= 8) plans.clear();
  plans.set(key, plan);
  return plan;
}

function melFilters(
  length: number,
  sampleRateHz: number,
  numBands: number,
  lowHz: number,
  highHz: number,
): MelFilter[] {
  const low = melOf(lowHz);
  const step = (melOf(highHz) - low) / (numBands + 1);
  return Array.from({ length: numBands }, (_, band) => {
    const [left, centre, right] = [low + band * step, low + (band + 1) * step, low + (band + 2) * step];
    const weights: number[] = [];
    let first = 0;
    for (let bin = 0; bin <= length / 2; bin++) {
      const mel = melOf((bin * sampleRateHz) / length);
      const weight = Math.min((mel - left) / (centre - left), (right - mel) / (right - centre));
      if (weight <= 0) continue;
      if (weights.length === 0) first = bin;
      weights.push(weight);
    }
    return { first, weights: Float64Array.from(weights) };
  });
}

/** HTK's mel of a frequency. */
function melOf(hz: number): number {
  return 2595 * Math.log10(1 + hz / 700);
}
