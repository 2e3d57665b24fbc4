/** @file How loud a sound is over its length: what a person sees of it before hearing it. */
import { decodeAudio } from '../../media/index.ts';

/** Of a longer sound only this much is looked at, in seconds. */
const maxSeconds = 60;

/**
 * The largest absolute sample, in [0, 1], of each of `numParts` equal stretches of a sound file's first minute.
 * @throws MediaError if it cannot be decoded.
 */
export async function soundEnvelope(path: string, numParts: number): Promise<number[]> {
  const { samples } = await decodeAudio(path, { sampleRateHz: 8000, endSeconds: maxSeconds });
  return Array.from({ length: numParts }, (_, part) => {
    let peak = 0;
    const end = Math.floor(((part + 1) * samples.length) / numParts);
    for (let i = Math.floor((part * samples.length) / numParts); i < end; i++)
      peak = Math.max(peak, Math.abs(samples[i]!));
    return peak;
  });
}
