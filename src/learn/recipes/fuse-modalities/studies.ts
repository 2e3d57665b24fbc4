/**
 * @file The studies that the recipe learns from, as arrays. Every slice goes the way of a real one: written as a DICOM file, read back, windowed. B: studies; S: side of the slice;
 * F: fields of the record; G: places of the hashed sentence.
 */
import type { Rng } from '../../../engine/core/index.ts';
import { hounsfieldWindow, hounsfieldWindows, readDicom, writeDicom } from '../../../media/index.ts';
import { drawStudy, recordFields, studyGeometry } from '../../data/synthetic-study.ts';
import type { SampleTable } from './task.ts';

/** Studies as arrays. */
export interface StudyTable extends SampleTable {
  /** `[B, 2, S, S]`, the lung and the soft-tissue window, each in [-1, 1]. */
  readonly slices: Float32Array;
}

/** G: counts of hashed character n-grams, so that English and Chinese need no vocabulary. */
export const sentenceDim = 128;

/** Numbers in the token of a field: its value and a mark of which it is. */
export const fieldDim = 2 * recordFields.length;

/** S */
export const sliceSize = studyGeometry().size;

/** Draws `count` studies, each scanned with as many photons a ray as `photonsOf` says. */
export async function drawStudies(rng: Rng, count: number, photonsOf: (rng: Rng) => number): Promise<StudyTable> {
  const sliceLength = 2 * sliceSize * sliceSize;
  const slices = new Float32Array(count * sliceLength);
  const fieldsLength = recordFields.length * fieldDim;
  const fields = new Float32Array(count * fieldsLength);
  const sentences = new Float32Array(count * sentenceDim);
  const labels: number[] = [];
  for (let i = 0; i < count; i++) {
    const geometry = studyGeometry(photonsOf(rng));
    const { label, slice, record } = drawStudy(rng.fork(i), geometry);
    const file = writeDicom(slice, { spacingMm: [geometry.pixelMm, geometry.pixelMm] });
    const read = await readDicom(file);
    [hounsfieldWindows.lung, hounsfieldWindows.softTissue].forEach((window, channel) => {
      const shown = hounsfieldWindow(read, window);
      const start = i * sliceLength + (channel * sliceLength) / 2;
      shown.data.forEach((grey, p) => {
        slices[start + p] = grey / 127.5 - 1;
      });
    });
    record.values.forEach((value, f) => {
      // Brought to about mean 0 and deviation 1.
      const [mean, deviation] = recordFields[f]!.usual;
      const token = i * fieldsLength + f * fieldDim;
      fields[token + f] = (value - mean) / deviation;
      fields[token + recordFields.length + f] = 1;
    });
    hashSentence(record.sentence, sentences.subarray(i * sentenceDim, (i + 1) * sentenceDim));
    labels.push(label);
  }
  return {
    labels,
    slices,
    fill(row, modality, target, draw) {
      const [of, length] =
        modality === 'slice'
          ? [slices, sliceLength]
          : modality === 'fields'
            ? [fields, fieldsLength]
            : [sentences, sentenceDim];
      target.set(of.subarray(row * length, (row + 1) * length));
      // Left and right exchanged: the phantom has no side that tells.
      if (modality === 'slice' && draw !== undefined && draw.uniform() < 0.5) {
        for (let line = 0; line < length; line += sliceSize) target.subarray(line, line + sliceSize).reverse();
      }
    },
  };
}

/** Adds the character 2- and 3-grams of a sentence to `target`, each at a place given by its FNV-1a hash, then scales to unit length. */
function hashSentence(sentence: string, target: Float32Array): void {
  const characters = Array.from(` ${sentence.toLowerCase()} `);
  for (const n of [2, 3]) {
    for (let at = 0; at + n <= characters.length; at++) {
      let hash = 0x811c9dc5;
      for (const byte of new TextEncoder().encode(characters.slice(at, at + n).join(''))) {
        hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
      }
      target[hash % target.length]! += 1;
    }
  }
  const length = Math.hypot(...target);
  for (let g = 0; g < target.length; g++) target[g]! /= length;
}

/** The mean slice of a table, `[2, S, S]`: what all have in common, and no model needs to look for. */
export function meanSlice({ slices, labels }: StudyTable): Float32Array {
  const mean = new Float32Array(slices.length / labels.length);
  for (let at = 0; at < slices.length; at++) mean[at % mean.length]! += slices[at]! / labels.length;
  return mean;
}

/** Takes a mean slice away from every slice of a table, in place. */
export function centreSlices({ slices }: StudyTable, mean: Float32Array): void {
  for (let at = 0; at < slices.length; at++) slices[at]! -= mean[at % mean.length]!;
}
