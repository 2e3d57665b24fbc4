/** @file What a sound looks like: the loudest sample of each of many short stretches, as an SVG that takes the colour of its surroundings. */
import { soundEnvelope } from '../../apps/search/index.ts';

/** Bars of the picture. */
const numBars = 96;

/** The waveform of a sound file as an SVG. @throws MediaError if it cannot be decoded. */
export async function waveform(path: string): Promise<string> {
  const peaks = await soundEnvelope(path, numBars);
  const highest = Math.max(...peaks, 1e-6);
  const bars = peaks.map((peak, i) => {
    const height = Math.max(1, (peak / highest) * 56);
    return `<rect x="${i * 3}" y="${(32 - height / 2).toFixed(1)}" width="2" height="${height.toFixed(1)}" rx="1"/>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${numBars * 3 - 1} 64" fill="#5b8def">${bars.join('')}</svg>`;
}
