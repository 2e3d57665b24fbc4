/**
 * @file The Fourier transform of real frames, for power spectra: a radix-2 transform of half length over pairs of samples (Sorensen et al.,
 * 1987), in float64 with tables made once.
 */

/** The squared magnitudes of the first N / 2 + 1 frequencies of `frame`, which has N samples, into `power`. */
export type PowerSpectrum = (frame: Float64Array, power: Float64Array) => void;

/** A power spectrum of frames of `length` samples. @throws RangeError unless that is a power of 2, at least 4. */
export function powerSpectrum(length: number): PowerSpectrum {
  if (!(length >= 4) || (length & (length - 1)) !== 0) {
    throw new RangeError(`powerSpectrum: length must be a power of 2, at least 4, got ${length}`);
  }
  const half = length / 2;
  const cosines = Float64Array.from({ length: half }, (_, i) => Math.cos((2 * Math.PI * i) / length));
  const sines = Float64Array.from({ length: half }, (_, i) => Math.sin((2 * Math.PI * i) / length));
  const order = bitReversed(half);
  const re = new Float64Array(half);
  const im = new Float64Array(half);

  return (frame, power) => {
    // Even samples are the real parts, odd ones the imaginary parts.
    for (let i = 0; i < half; i++) {
      const from = order[i]! * 2;
      re[i] = frame[from]!;
      im[i] = frame[from + 1]!;
    }
    for (let size = 2; size <= half; size *= 2) {
      const span = size / 2;
      const stride = length / size;
      for (let start = 0; start < half; start += size) {
        for (let k = 0, turn = 0; k < span; k++, turn += stride) {
          const a = start + k;
          const b = a + span;
          const c = cosines[turn]!;
          const s = sines[turn]!;
          const x = re[b]! * c + im[b]! * s;
          const y = im[b]! * c - re[b]! * s;
          re[b] = re[a]! - x;
          im[b] = im[a]! - y;
          re[a]! += x;
          im[a]! += y;
        }
      }
    }
    power[0] = (re[0]! + im[0]!) ** 2;
    power[half] = (re[0]! - im[0]!) ** 2;
    for (let k = 1; k < half; k++) {
      // The spectra of the even and the odd samples, told apart by their symmetry, then joined.
      const mirror = half - k;
      const evenRe = (re[k]! + re[mirror]!) / 2;
      const evenIm = (im[k]! - im[mirror]!) / 2;
      const oddRe = (im[k]! + im[mirror]!) / 2;
      const oddIm = (re[mirror]! - re[k]!) / 2;
      const c = cosines[k]!;
      const s = sines[k]!;
      const x = evenRe + oddRe * c + oddIm * s;
      const y = evenIm + oddIm * c - oddRe * s;
      power[k] = x * x + y * y;
    }
  };
}

function bitReversed(length: number): Uint32Array {
  const bits = Math.log2(length);
  return Uint32Array.from({ length }, (_, i) => {
    let reversed = 0;
    for (let bit = 0; bit < bits; bit++) reversed |= ((i >> bit) & 1) << (bits - 1 - bit);
    return reversed;
  });
}
