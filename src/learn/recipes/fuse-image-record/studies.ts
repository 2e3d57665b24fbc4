/**
 * @file The studies that the recipe learns from, as arrays. Every slice goes the way of a real one: written as a DICOM file, read back, windowed. B: studies; S: side of the slice;
 * F: fields of the record; G: places of the hashed sentence.
 */
import { type Rng, Tensor } from '../../../engine/core/index.ts';
import { hounsfieldWindow, hounsfieldWindows, readDicom, writeDicom } from '../../../media/index.ts';
import type { ScanGeometry } from '../../data/computed-tomography.ts';
import { drawStudy, type PatientRecord, recordFields } from '../../data/synthetic-study.ts';

/** Studies as arrays. */
export interface StudyTable {
  readonly size: number;
  /** `[B, 2, S, S]`, the lung and the soft-tissue window, each in [-1, 1]. */
  readonly slices: Float32Array;
  /** `[B, F]`, each field brought to about mean 0 and deviation 1. */
  readonly fields: Float32Array;
  /** `[B, G]` */
  readonly sentences: Float32Array;
  /** Index of the diagnosis of each study. */
  readonly labels: readonly number[];
  readonly records: readonly PatientRecord[];
}

/** G: counts of hashed character n-grams, so that English and Chinese need no vocabulary. */
export const sentenceDim = 128;

/** Draws `count` studies. */
export async function drawStudies(rng: Rng, geometry: ScanGeometry, count: number): Promise<StudyTable> {
  const { size } = geometry;
  const slices = new Float32Array(count * 2 * size * size);
  const fields = new Float32Array(count * recordFields.length);
  const sentences = new Float32Array(count * sentenceDim);
  const labels: number[] = [];
  const records: PatientRecord[] = [];
  for (let i = 0; i < count; i++) {
    const { label, slice, record } = drawStudy(rng, geometry);
    const file = writeDicom(slice, { spacingMm: [geometry.pixelMm, geometry.pixelMm] });
    const read = await readDicom(file);
    [hounsfieldWindows.lung, hounsfieldWindows.softTissue].forEach((window, channel) => {
      const shown = hounsfieldWindow(read, window);
      shown.data.forEach((grey, p) => {
        slices[(i * 2 + channel) * size * size + p] = grey / 127.5 - 1;
      });
    });
    record.values.forEach((value, f) => {
      const [mean, deviation] = recordFields[f]!.usual;
      fields[i * recordFields.length + f] = (value - mean) / deviation;
    });
    hashSentence(record.sentence, sentences.subarray(i * sentenceDim, (i + 1) * sentenceDim));
    labels.push(label);
    records.push(record);
  }
  return { size, slices, fields, sentences, labels, records };
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
export function meanSlice({ slices, labels, size }: StudyTable): Float32Array {
  const mean = new Float32Array(2 * size * size);
  for (const [at, value] of slices.entries()) mean[at % mean.length]! += value / labels.length;
  return mean;
}

/** Takes a mean slice away from every slice of a table, in place. */
export function centreSlices({ slices }: StudyTable, mean: Float32Array): void {
  for (let at = 0; at < slices.length; at++) slices[at]! -= mean[at % mean.length]!;
}

/** Which parts of a study a model is given. */
export interface Presence {
  readonly image: boolean;
  /** One entry a field. */
  readonly fields: readonly boolean[];
  readonly sentence: boolean;
}

/** Everything there. */
export const whole: Presence = { image: true, fields: recordFields.map(() => true), sentence: true };

/** Only the slice. */
export const imageOnly: Presence = { image: true, fields: recordFields.map(() => false), sentence: false };

/** Only the record. */
export const recordOnly: Presence = { ...whole, image: false };

/** Tokens of a field: its value and a mark of which it is. */
export const fieldDim = 2 * recordFields.length;

/** A batch for the fusion model: rows of a table, each with its presence; `mirrored` ones with left and right exchanged. */
export function studyBatch(
  table: StudyTable,
  rows: readonly number[],
  presences: readonly Presence[],
  numImageTokens: number,
  mirrored: readonly boolean[] = [],
) {
  const [B, F, S] = [rows.length, recordFields.length, table.size];
  const slices = new Float32Array(B * 2 * S * S);
  const fields = new Float32Array(B * F * fieldDim);
  const fieldsKnown = new Float32Array(B * F);
  const sentences = new Float32Array(B * sentenceDim);
  const sentenceKnown = new Float32Array(B);
  const imageKnown = new Float32Array(B * numImageTokens);
  rows.forEach((row, i) => {
    const presence = presences[i]!;
    if (presence.image) {
      slices.set(table.slices.subarray(row * 2 * S * S, (row + 1) * 2 * S * S), i * 2 * S * S);
      if (mirrored[i]) {
        for (let line = 0; line < 2 * S; line++)
          slices.subarray((i * 2 * S + line) * S, (i * 2 * S + line + 1) * S).reverse();
      }
      imageKnown.fill(1, i * numImageTokens, (i + 1) * numImageTokens);
    }
    presence.fields.forEach((known, f) => {
      if (!known) return;
      fieldsKnown[i * F + f] = 1;
      fields[(i * F + f) * fieldDim + f] = table.fields[row * F + f]!;
      fields[(i * F + f) * fieldDim + F + f] = 1;
    });
    if (presence.sentence) {
      sentenceKnown[i] = 1;
      sentences.set(table.sentences.subarray(row * sentenceDim, (row + 1) * sentenceDim), i * sentenceDim);
    }
  });
  return {
    slices: new Tensor('float32', [B, 2, S, S], slices),
    imageKnown: new Tensor('float32', [B, numImageTokens], imageKnown),
    fields: new Tensor('float32', [B, F, fieldDim], fields),
    fieldsKnown: new Tensor('float32', [B, F], fieldsKnown),
    sentences: new Tensor('float32', [B, 1, sentenceDim], sentences),
    sentenceKnown: new Tensor('float32', [B, 1], sentenceKnown),
    labels: new Tensor(
      'int64',
      [B],
      BigInt64Array.from(rows, (row) => BigInt(table.labels[row]!)),
    ),
  };
}
