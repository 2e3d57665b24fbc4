/**
 * @file Another sampling rate for a mono stream: libsamplerate's sinc of medium quality (121 dB, 90 % of the band) in WebAssembly. The output
 * is aligned with the input, and as long as it to within half a sample.
 */
import samplerate from '@alexanderolsen/libsamplerate-js';

type Converter = Awaited<ReturnType<typeof samplerate.create>>;

/** Silence that pushes the last samples out of the filter, in samples of the slower of both rates. */
const tailSamples = 128;

/** The converter's memory holds a million samples on either side; at most this many go through at once. */
const maxSamples = 500_000;

/** Takes blocks at one rate and gives blocks at another; keeps state between them. Make it with `createResampler`. */
export interface Resampler {
  /** What is ready of the sound so far. */
  push(samples: Float32Array): Float32Array;
  /** The rest; afterwards the resampler takes nothing more. */
  finish(): Float32Array;
}

// A converter is a WebAssembly instance of its own and takes 30 ms to make, so that one is kept for the next sound.
const idle: Converter[] = [];
const maxIdle = 4;

/** A resampler from one rate to another, in Hz; the same samples come back if they are equal. */
export async function createResampler(fromHz: number, toHz: number): Promise<Resampler> {
  if (fromHz === toHz) return { push: (samples) => samples, finish: () => new Float32Array(0) };
  const { create, ConverterType } = samplerate;
  let converter = idle.pop();
  if (converter === undefined) {
    converter = await create(1, fromHz, toHz, { converterType: ConverterType.SRC_SINC_MEDIUM_QUALITY });
  } else {
    // Each of these starts the converter anew, without memory of the sound before.
    converter.inputSampleRate = fromHz;
    converter.outputSampleRate = toHz;
  }
  return resample(converter, fromHz, toHz);
}

function resample(converter: Converter, fromHz: number, toHz: number): Resampler {
  const stepIn = Math.max(1, Math.floor(maxSamples / Math.max(1, toHz / fromHz)));
  let numIn = 0;
  let numOut = 0;
  const run = (samples: Float32Array): Float32Array => {
    const parts: Float32Array[] = [];
    for (let at = 0; at < samples.length; at += stepIn) {
      // A copy: the converter gives a view of its own memory.
      parts.push(converter.full(samples.subarray(at, at + stepIn)).slice());
    }
    const out = parts.length === 1 ? parts[0]! : concatenate(parts);
    numOut += out.length;
    return out;
  };
  return {
    push(samples) {
      numIn += samples.length;
      return run(samples);
    },
    finish() {
      const wanted = Math.round((numIn * toHz) / fromHz);
      const before = numOut;
      const silence = new Float32Array(Math.ceil(tailSamples * Math.max(1, fromHz / toHz)));
      const rest = run(silence).subarray(0, Math.max(0, wanted - before));
      if (idle.length < maxIdle) idle.push(converter);
      else converter.destroy();
      return rest;
    },
  };
}

/** Several arrays as one. */
export function concatenate(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
