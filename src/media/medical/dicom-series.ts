/** @file The slices of one series, in the order in which they lie in the body. */
import { MediaError } from '../../engine/core/index.ts';
import { type DicomSlice, type ReadDicomOptions, readDicom } from './dicom.ts';

/**
 * Reads the files of one series, and orders them with `orderSlices`.
 * @throws MediaError if a file cannot be read, or they are of several series.
 */
export async function readDicomSeries(
  sources: readonly (string | Uint8Array)[],
  options: ReadDicomOptions = {},
): Promise<DicomSlice[]> {
  const slices: DicomSlice[] = [];
  for (const source of sources) {
    const slice = await readDicom(source, options);
    const first = slices[0] ?? slice;
    if (slice.seriesUid !== first.seriesUid) {
      const name = typeof source === 'string' ? source : 'DICOM';
      throw new MediaError(
        `${name}: all slices must be of series ${first.seriesUid || '(none)'}, this one is of ${slice.seriesUid || '(none)'}`,
      );
    }
    slices.push(slice);
  }
  return orderSlices(slices);
}

/**
 * Slices by their place along the normal of the first one's plane, toward the normal; where a slice does not say where it lies, all are
 * ordered by their number in the series.
 */
export function orderSlices(slices: readonly DicomSlice[]): DicomSlice[] {
  const normal = normalOf(slices[0]?.orientation ?? [1, 0, 0, 0, 1, 0]);
  const placed = slices.map((slice, i) => ({ slice, i, place: placeOf(slice, normal) }));
  const arePlaced = placed.every(({ place }) => place !== undefined);
  const keyOf = ({ slice, place }: (typeof placed)[number]) => (arePlaced ? place! : (slice.instanceNumber ?? 0));
  return placed.sort((a, b) => keyOf(a) - keyOf(b) || a.i - b.i).map(({ slice }) => slice);
}

function normalOf(orientation: readonly number[]): readonly number[] {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = orientation;
  return [b * f - c * e, c * d - a * f, a * e - b * d];
}

function placeOf(slice: DicomSlice, normal: readonly number[]): number | undefined {
  return slice.positionMm?.reduce((sum, value, axis) => sum + value * normal[axis]!, 0);
}
