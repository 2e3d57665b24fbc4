/**
 * @file Synthetic computed tomography with the physics of a parallel-beam scanner: ellipses of known attenuation, exact line integrals
 * (Kak and Slaney, Principles of Computerized Tomographic Imaging, 1988, section 3.1), Poisson counts of photons, and filtered
 * backprojection (section 3.3, Ram-Lak kernel). It is a phantom: no patient, no scanner, no clinical claim. It leaves out scatter, beam hardening, the
 * width of the focal spot and motion.
 *
 * A: angles; R: rays of an angle; S: side of the slice in pixels. Lengths in millimetres, attenuation in Hounsfield units.
 */
import { type Rng, Tensor } from '../../engine/core/index.ts';

/** A part of the phantom: an ellipse that adds `contrast` to what lies under it. */
export interface Ellipse {
  /** Centre, from the middle of the slice: to the right and downward. */
  readonly x: number;
  readonly y: number;
  /** Half-axes before turning. */
  readonly a: number;
  readonly b: number;
  /** Turn in radians. */
  readonly angle: number;
  /** Hounsfield units added to the attenuation of what it covers. */
  readonly contrast: number;
}

/** The scanner. */
export interface ScanGeometry {
  /** S */
  readonly size: number;
  /** Side of a pixel in millimetres. */
  readonly pixelMm: number;
  /** A, spread evenly over half a turn. */
  readonly numAngles: number;
  /** R, spread evenly over the diagonal of the slice. */
  readonly numRays: number;
  /** Photons that leave the tube toward each detector; the noise falls with its square root. */
  readonly photons: number;
}

/** Linear attenuation of water at 70 keV per millimetre (NIST XCOM: 0.1929 / cm). */
export const waterAttenuation = 0.01929;

/** Hounsfield units of air. */
const airHounsfield = -1000;

/** The exact line integrals `[A, R]` of attenuation through ellipses that lie in air, without noise. */
export function projectEllipses(ellipses: readonly Ellipse[], geometry: ScanGeometry): Tensor<'float32'> {
  const { numAngles, numRays } = geometry;
  const data = new Float32Array(numAngles * numRays);
  const spacing = raySpacing(geometry);
  for (let i = 0; i < numAngles; i++) {
    const theta = (i * Math.PI) / numAngles;
    const [cos, sin] = [Math.cos(theta), Math.sin(theta)];
    for (const { x, y, a, b, angle, contrast } of ellipses) {
      const [along, across] = [a * Math.cos(theta - angle), b * Math.sin(theta - angle)];
      const width = along * along + across * across;
      const centre = x * cos + y * sin;
      const density = (contrast / 1000) * waterAttenuation;
      const half = Math.sqrt(width);
      const first = Math.max(0, Math.ceil((centre - half) / spacing + (numRays - 1) / 2));
      const last = Math.min(numRays - 1, Math.floor((centre + half) / spacing + (numRays - 1) / 2));
      for (let r = first; r <= last; r++) {
        const offset = (r - (numRays - 1) / 2) * spacing - centre;
        // The chord of the ellipse on this ray.
        data[i * numRays + r]! += (density * 2 * a * b * Math.sqrt(Math.max(0, width - offset * offset))) / width;
      }
    }
  }
  return new Tensor('float32', [numAngles, numRays], data);
}

/** What the detectors count, as line integrals again: -ln(N / I₀) with N drawn from a Poisson distribution; a count of 0 is read as 1. */
function addPhotonNoise(projections: Tensor<'float32'>, photons: number, rng: Rng): Tensor<'float32'> {
  const data = projections.data.map((integral) => {
    const count = drawPoisson(rng, photons * Math.exp(-integral));
    return -Math.log(Math.max(count, 1) / photons);
  });
  return new Tensor('float32', projections.shape, data);
}

/** A draw from the Poisson distribution: Knuth's product below a mean of 30, the rounded normal approximation above. */
export function drawPoisson(rng: Rng, mean: number): number {
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * rng.normal()));
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = rng.uniform(); product > limit; product *= rng.uniform()) count++;
  return count;
}

/** Filtered backprojection of line integrals `[A, R]`: the slice `[S, S]` in Hounsfield units. */
export function reconstruct(projections: Tensor<'float32'>, geometry: ScanGeometry): Tensor<'float32'> {
  const { size, pixelMm, numAngles, numRays } = geometry;
  const spacing = raySpacing(geometry);
  const filtered = rampFilter(projections, spacing);
  const slice = new Float32Array(size * size);
  const middle = (size - 1) / 2;
  for (let i = 0; i < numAngles; i++) {
    const theta = (i * Math.PI) / numAngles;
    const [stepX, stepY] = [(Math.cos(theta) * pixelMm) / spacing, (Math.sin(theta) * pixelMm) / spacing];
    const row = filtered.subarray(i * numRays, (i + 1) * numRays);
    for (let y = 0; y < size; y++) {
      let at = (numRays - 1) / 2 - middle * stepX + (y - middle) * stepY;
      for (let x = 0; x < size; x++, at += stepX) {
        const left = Math.floor(at);
        if (left < 0 || left >= numRays - 1) continue;
        const part = at - left;
        slice[y * size + x]! += row[left]! * (1 - part) + row[left + 1]! * part;
      }
    }
  }
  const scale = Math.PI / numAngles;
  return new Tensor(
    'float32',
    [size, size],
    slice.map((value) => ((value * scale) / waterAttenuation) * 1000 + airHounsfield),
  );
}

/** Each row convolved with the Ram-Lak kernel, which undoes the blur of backprojection. */
function rampFilter(projections: Tensor<'float32'>, spacing: number): Float32Array {
  const [numAngles, numRays] = projections.shape as [number, number];
  const kernel = new Float64Array(numRays);
  kernel[0] = 1 / (4 * spacing * spacing);
  for (let n = 1; n < numRays; n += 2) kernel[n] = -1 / (Math.PI * n * spacing) ** 2;
  const filtered = new Float32Array(projections.data.length);
  for (let i = 0; i < numAngles; i++) {
    const start = i * numRays;
    for (let r = 0; r < numRays; r++) {
      let sum = projections.data[start + r]! * kernel[0]!;
      // Even distances have a weight of 0.
      for (let other = (r + 1) % 2; other < numRays; other += 2) {
        sum += projections.data[start + other]! * kernel[Math.abs(r - other)]!;
      }
      filtered[start + r] = sum * spacing;
    }
  }
  return filtered;
}

/** A scan of a phantom: projected, counted, reconstructed, `[S, S]` in Hounsfield units. */
export function scan(ellipses: readonly Ellipse[], geometry: ScanGeometry, rng: Rng): Tensor<'float32'> {
  const counted = addPhotonNoise(projectEllipses(ellipses, geometry), geometry.photons, rng);
  return reconstruct(counted, geometry);
}

/** Distance between neighbouring rays in millimetres. */
function raySpacing({ size, pixelMm, numRays }: ScanGeometry): number {
  return (Math.SQRT2 * size * pixelMm) / (numRays - 1);
}
