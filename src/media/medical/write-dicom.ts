/**
 * @file Writes a slice as a DICOM file (PS3.10, CT Image Storage), uncompressed. For synthetic slices and for tests; it writes no more than
 * a reader of pixels needs, and is no archive's export.
 */
import { createHash } from 'node:crypto';
import { ShapeError, type Tensor } from '../../engine/core/index.ts';
import type { DicomWindow } from './dicom.ts';
import { type TransferSyntax, transferSyntaxes } from './transfer-syntax.ts';

/** What is written beside the pixels. */
export interface WriteDicomOptions {
  readonly modality?: string;
  readonly photometricInterpretation?: 'MONOCHROME1' | 'MONOCHROME2';
  /** Bits a pixel; 16 by default. */
  readonly bits?: 8 | 16;
  /** Bits of them that are used; all by default. */
  readonly bitsStored?: number;
  /** Whether stored values have a sign; true by default for 16 bits. */
  readonly isSigned?: boolean;
  /** Stored value times slope plus intercept is the pixel; 1 and 0 by default. */
  readonly slope?: number;
  readonly intercept?: number;
  readonly transferSyntax?: TransferSyntax['name'];
  readonly spacingMm?: readonly [row: number, column: number];
  readonly sliceThicknessMm?: number;
  readonly positionMm?: readonly [x: number, y: number, z: number];
  readonly orientation?: readonly number[];
  readonly instanceNumber?: number;
  /** Slices with the same name are of one series. */
  readonly seriesName?: string;
  readonly windows?: readonly DicomWindow[];
  readonly patient?: { readonly name: string; readonly id: string };
}

const ctImageStorage = '1.2.840.10008.5.1.4.1.1.2';
const longTypes = ['OB', 'OW'];

type Value = string | number | Uint8Array;
type Element = readonly [group: number, element: number, type: string, value: Value];

/**
 * The bytes of a DICOM file that holds the slice `[H, W]`. Pixels that do not fit into the stored bits are cut off at their ends.
 * @throws ShapeError unless the pixels are `[H, W]`, each side within 1 to 65535.
 */
export function writeDicom(pixels: Tensor<'float32'>, options: WriteDicomOptions = {}): Uint8Array {
  const [height = 0, width = 0] = pixels.shape;
  if (pixels.shape.length !== 2 || !(height >= 1 && width >= 1 && height <= 65_535 && width <= 65_535)) {
    throw new ShapeError(`writeDicom: pixels must be [H, W] with sides of 1 to 65535, got [${pixels.shape}]`);
  }
  const { bits = 16, slope = 1, intercept = 0, seriesName = 'series', instanceNumber = 1 } = options;
  const { bitsStored = bits, isSigned = bits === 16, transferSyntax = 'explicit little endian' } = options;
  const [syntaxUid, syntax] = Object.entries(transferSyntaxes).find(([, { name }]) => name === transferSyntax)!;
  const seriesUid = uidOf(seriesName);
  const instanceUid = uidOf(`${seriesName}/${instanceNumber}`);
  const { windows = [], patient, positionMm = [0, 0, 0], spacingMm = [1, 1] } = options;
  const elements: Element[] = [
    [0x0008, 0x0005, 'CS', 'ISO_IR 192'],
    [0x0008, 0x0016, 'UI', ctImageStorage],
    [0x0008, 0x0018, 'UI', instanceUid],
    [0x0008, 0x0060, 'CS', options.modality ?? 'CT'],
    [0x0010, 0x0010, 'PN', patient?.name ?? ''],
    [0x0010, 0x0020, 'LO', patient?.id ?? ''],
    [0x0018, 0x0050, 'DS', decimals([options.sliceThicknessMm ?? 1])],
    [0x0020, 0x000d, 'UI', uidOf(`study of ${seriesName}`)],
    [0x0020, 0x000e, 'UI', seriesUid],
    [0x0020, 0x0013, 'IS', String(instanceNumber)],
    [0x0020, 0x0032, 'DS', decimals(positionMm)],
    [0x0020, 0x0037, 'DS', decimals(options.orientation ?? [1, 0, 0, 0, 1, 0])],
    [0x0020, 0x0052, 'UI', uidOf(`frame of ${seriesName}`)],
    [0x0028, 0x0002, 'US', 1],
    [0x0028, 0x0004, 'CS', options.photometricInterpretation ?? 'MONOCHROME2'],
    [0x0028, 0x0010, 'US', height],
    [0x0028, 0x0011, 'US', width],
    [0x0028, 0x0030, 'DS', decimals(spacingMm)],
    [0x0028, 0x0100, 'US', bits],
    [0x0028, 0x0101, 'US', bitsStored],
    [0x0028, 0x0102, 'US', bitsStored - 1],
    [0x0028, 0x0103, 'US', isSigned ? 1 : 0],
    ...(windows.length === 0
      ? []
      : ([
          [0x0028, 0x1050, 'DS', decimals(windows.map(({ center }) => center))],
          [0x0028, 0x1051, 'DS', decimals(windows.map(({ width: w }) => w))],
        ] satisfies Element[])),
    [0x0028, 0x1052, 'DS', decimals([intercept])],
    [0x0028, 0x1053, 'DS', decimals([slope])],
    [
      0x7fe0,
      0x0010,
      bits === 16 ? 'OW' : 'OB',
      packed(pixels.data, { bits, bitsStored, isSigned, slope, intercept }, syntax),
    ],
  ];
  const meta: Element[] = [
    [0x0002, 0x0001, 'OB', Uint8Array.of(0, 1)],
    [0x0002, 0x0002, 'UI', ctImageStorage],
    [0x0002, 0x0003, 'UI', instanceUid],
    [0x0002, 0x0010, 'UI', syntaxUid],
    [0x0002, 0x0012, 'UI', uidOf('sensorium')],
  ];
  const explicitLittle = transferSyntaxes['1.2.840.10008.1.2.1']!;
  const metaBytes = Buffer.concat(meta.map((element) => encoded(element, explicitLittle)));
  return new Uint8Array(
    Buffer.concat([
      Buffer.alloc(128),
      Buffer.from('DICM'),
      encoded([0x0002, 0x0000, 'UL', metaBytes.length], explicitLittle),
      metaBytes,
      ...elements.map((element) => encoded(element, syntax)),
    ]),
  );
}

interface Packing {
  readonly bits: 8 | 16;
  readonly bitsStored: number;
  readonly isSigned: boolean;
  readonly slope: number;
  readonly intercept: number;
}

function packed(values: Float32Array, packing: Packing, { isBigEndian }: TransferSyntax): Uint8Array {
  const { bits, bitsStored, isSigned, slope, intercept } = packing;
  const low = isSigned ? -(2 ** (bitsStored - 1)) : 0;
  const high = isSigned ? 2 ** (bitsStored - 1) - 1 : 2 ** bitsStored - 1;
  const mask = 2 ** bitsStored - 1;
  const bytes = new Uint8Array(values.length * (bits / 8));
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) {
    const stored = Math.min(high, Math.max(low, Math.round((values[i]! - intercept) / slope))) & mask;
    if (bits === 8) view.setUint8(i, stored);
    else view.setUint16(i * 2, stored, !isBigEndian);
  }
  return bytes;
}

function encoded([group, element, type, value]: Element, { isBigEndian, isExplicit }: TransferSyntax): Buffer {
  const body = bodyOf(type, value, isBigEndian);
  const isLong = longTypes.includes(type);
  const head = Buffer.alloc(isExplicit && isLong ? 12 : 8);
  const view = new DataView(head.buffer, head.byteOffset);
  view.setUint16(0, group, !isBigEndian);
  view.setUint16(2, element, !isBigEndian);
  if (isExplicit) head.write(type, 4, 'latin1');
  if (isExplicit && !isLong) view.setUint16(6, body.length, !isBigEndian);
  else view.setUint32(head.length - 4, body.length, !isBigEndian);
  return Buffer.concat([head, body]);
}

/** A value's bytes, filled up to an even length. */
function bodyOf(type: string, value: Value, isBigEndian: boolean): Buffer {
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(type === 'UL' ? 4 : 2);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    if (type === 'UL') view.setUint32(0, value, !isBigEndian);
    else view.setUint16(0, value, !isBigEndian);
    return bytes;
  }
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : Buffer.from(value);
  if (bytes.length % 2 === 0) return bytes;
  return Buffer.concat([bytes, Buffer.from(type === 'UI' || type === 'OB' ? '\0' : ' ')]);
}

/** Decimal numbers of at most 16 characters each. */
function decimals(values: readonly number[]): string {
  return values
    .map((value) => {
      for (let digits = 15; digits > 0; digits--) {
        const text = String(Number(value.toPrecision(digits)));
        if (text.length <= 16) return text;
      }
      return '0';
    })
    .join('\\');
}

/** An identifier made from a name: 2.25 and a number of 127 bits. */
function uidOf(name: string): string {
  const digest = createHash('sha256').update(name).digest('hex');
  return `2.25.${BigInt(`0x${digest.slice(0, 32)}`) >> 1n}`;
}
