/** @file The scanner's physics: chords of a disc, Hounsfield units that come back, noise that falls with the square root of the dose. */
import { describe, expect, it } from 'vitest';
import { Rng } from '../../engine/core/index.ts';
import {
  drawPoisson,
  type Ellipse,
  projectEllipses,
  reconstruct,
  type ScanGeometry,
  scan,
  waterAttenuation,
} from './computed-tomography.ts';

const geometry: ScanGeometry = { size: 64, pixelMm: 5, numAngles: 90, numRays: 96, photons: 1e5 };
/** A disc of water: +1000 HU over air. */
const water: Ellipse = { x: 20, y: -30, a: 100, b: 100, angle: 0.3, contrast: 1000 };

/** Mean and deviation of the pixels within `radius` pixels of the disc's middle. */
function within(slice: { readonly data: Float32Array }, radius: number) {
  const [x, y] = [31.5 + water.x / geometry.pixelMm, 31.5 + water.y / geometry.pixelMm];
  const values = Array.from(slice.data).filter((_, i) => Math.hypot((i % 64) - x, Math.floor(i / 64) - y) < radius);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) };
}

describe('projections', () => {
  it('of a disc are its chords times the attenuation, at every angle', () => {
    const projections = projectEllipses([water], geometry);
    const spacing = (Math.SQRT2 * 64 * 5) / 95;
    for (const i of [0, 20, 45, 77]) {
      const theta = (i * Math.PI) / 90;
      for (const r of [30, 48, 60]) {
        const offset = (r - 47.5) * spacing - (water.x * Math.cos(theta) + water.y * Math.sin(theta));
        const chord = Math.abs(offset) < 100 ? 2 * Math.sqrt(100 ** 2 - offset ** 2) : 0;
        expect(projections.data[i * 96 + r]).toBeCloseTo(chord * waterAttenuation, 4);
      }
    }
  });

  it('of an ellipse integrate to its area at every angle', () => {
    const projections = projectEllipses([{ x: 0, y: 0, a: 120, b: 50, angle: 1, contrast: 1000 }], geometry);
    const spacing = (Math.SQRT2 * 64 * 5) / 95;
    for (let i = 0; i < 90; i += 9) {
      const sum = projections.data.subarray(i * 96, (i + 1) * 96).reduce((total, value) => total + value, 0);
      expect((sum * spacing) / (Math.PI * 120 * 50 * waterAttenuation)).toBeCloseTo(1, 1.7);
    }
  });
});

describe('reconstruction', () => {
  it('gives water its 0 HU and air its -1000', () => {
    const slice = reconstruct(projectEllipses([water], geometry), geometry);
    expect(Math.abs(within(slice, 15).mean)).toBeLessThan(10);
    expect(Math.abs(slice.data[63 * 64 + 60]! + 1000)).toBeLessThan(40);
  });

  it('has noise that falls with the square root of the dose', () => {
    const noise = (photons: number) => within(scan([water], { ...geometry, photons }, new Rng(1)), 12).deviation;
    const ratio = noise(2e4) / noise(32e4);
    expect(ratio).toBeGreaterThan(3.2);
    expect(ratio).toBeLessThan(4.8);
  });
});

describe('Poisson draws', () => {
  it('have the mean and variance that they should, small and large', () => {
    const rng = new Rng(5);
    for (const mean of [0.5, 12, 400]) {
      const draws = Array.from({ length: 4000 }, () => drawPoisson(rng, mean));
      const average = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
      const variance = draws.reduce((sum, draw) => sum + (draw - average) ** 2, 0) / draws.length;
      expect(average / mean).toBeCloseTo(1, 1);
      expect(variance / mean).toBeGreaterThan(0.9);
      expect(variance / mean).toBeLessThan(1.1);
    }
  });
});
