/**
 * @file Slices of CT and other single-channel DICOM images (PS3.10), read with dicom-parser. Uncompressed transfer syntaxes, 8 and 16 bits;
 * compressed ones and colours are refused by name. H: rows, W: columns.
 */
import dicomParser from 'dicom-parser';
import { MediaError, Tensor } from '../../engine/core/index.ts';
import { readWhole } from '../media-source.ts';
import { transferSyntaxes } from './transfer-syntax.ts';

/** A DICOM file longer than this is refused, in bytes. */
export const maxDicomBytes = 600_000_000;
/** An image with more pixels than this is refused. */
const maxDicomPixels = 64_000_000;

/** How much of the range of values is shown: from `center - width / 2` to `center + width / 2`. */
export interface DicomWindow {
  readonly center: number;
  readonly width: number;
}

/** One slice. */
export interface DicomSlice {
  /** `[H, W]`: stored values times the rescale slope, plus the intercept; Hounsfield units in CT. */
  readonly pixels: Tensor<'float32'>;
  /** Such as `CT`, `MR`, `CR`. */
  readonly modality: string;
  /** Whether the lowest value is shown black (`MONOCHROME2`) or white (`MONOCHROME1`). */
  readonly photometricInterpretation: 'MONOCHROME1' | 'MONOCHROME2';
  /** Millimetres from row to row and from column to column, where the file says. */
  readonly spacingMm: readonly [row: number, column: number] | undefined;
  readonly sliceThicknessMm: number | undefined;
  /** Where the centre of the first pixel lies, in the patient's coordinates. */
  readonly positionMm: readonly [x: number, y: number, z: number] | undefined;
  /** Directions of a row and of a column: six cosines. */
  readonly orientation: readonly number[] | undefined;
  readonly seriesUid: string;
  readonly instanceNumber: number | undefined;
  /** Which frame of the file this is, and of how many. */
  readonly frame: number;
  readonly numFrames: number;
  /** Windows that the file itself suggests. */
  readonly windows: readonly DicomWindow[];
  /** Who was imaged; only if asked for. */
  readonly patient?: { readonly name: string; readonly id: string };
}

/** What is read of a file. */
export interface ReadDicomOptions {
  /** Which frame of a file with several; 0 by default. */
  readonly frame?: number;
  /** Whether name and number of the patient are kept; they are left out by default. */
  readonly keepPatient?: boolean;
}

/**
 * Reads a slice from a DICOM file or its bytes.
 * @throws MediaError naming the file if it is no DICOM, damaged, compressed, in colour, or has no such frame.
 */
export async function readDicom(source: string | Uint8Array, options: ReadDicomOptions = {}): Promise<DicomSlice> {
  const name = typeof source === 'string' ? source : 'DICOM';
  const bytes = await readWhole(source, 'DICOM', maxDicomBytes);
  try {
    return parseSlice(bytes, options);
  } catch (error) {
    if (error instanceof Rule) throw new MediaError(`${name}: ${error.message}`);
    const reason = error instanceof Error ? error.message : (error as { exception?: unknown })?.exception;
    throw new MediaError(`${name}: damaged DICOM: ${String(reason ?? error).slice(0, 200)}`, { cause: error });
  }
}

/** Whether these bytes begin a DICOM file. */
export function isDicom(head: Uint8Array): boolean {
  return String.fromCharCode(...head.subarray(128, 132)) === 'DICM';
}

/** A rule that a file breaks without being damaged. */
class Rule extends Error {}

function parseSlice(bytes: Uint8Array, { frame = 0, keepPatient = false }: ReadDicomOptions): DicomSlice {
  if (!isDicom(bytes)) throw new Rule('not a DICOM file; it must have DICM at byte 128');
  // dicom-parser would inflate and collect fragments before anyone could object, so the header is read first.
  const uid = dicomParser.readPart10Header(bytes).string('x00020010') ?? '';
  const syntax = transferSyntaxes[uid];
  if (syntax === undefined) {
    throw new Rule(
      `pixels of a DICOM must not be compressed, got transfer syntax ${uid || '(none)'}; convert it to explicit little endian`,
    );
  }
  const data = dicomParser.parseDicom(bytes);
  const [height, width] = [data.uint16('x00280010') ?? 0, data.uint16('x00280011') ?? 0];
  if (height * width === 0) throw new Rule('a DICOM must have pixels, got none (no rows or columns)');
  if (height * width > maxDicomPixels) {
    throw new Rule(`a DICOM must have at most ${maxDicomPixels / 1e6} million pixels, got ${width} x ${height}`);
  }
  const photometric = data.string('x00280004') ?? 'MONOCHROME2';
  if (photometric !== 'MONOCHROME1' && photometric !== 'MONOCHROME2') {
    throw new Rule(`a DICOM must be MONOCHROME1 or MONOCHROME2, got ${photometric.slice(0, 32)}`);
  }
  const numFrames = data.intString('x00280008') ?? 1;
  if (!(Number.isInteger(frame) && frame >= 0 && frame < numFrames)) {
    throw new Rule(`frame must be from 0 to ${numFrames - 1}, got ${frame}`);
  }
  const slope = numberOf(data, 'x00281053') ?? 1;
  const intercept = numberOf(data, 'x00281052') ?? 0;
  if (!Number.isFinite(slope) || !Number.isFinite(intercept) || slope === 0) {
    throw new Error(`rescale slope and intercept must be numbers, got ${slope} and ${intercept}`);
  }
  const stored = storedValues(data, bytes, syntax.isBigEndian, frame, height * width);
  const pixels = new Float32Array(stored.length);
  for (let i = 0; i < pixels.length; i++) pixels[i] = stored[i]! * slope + intercept;
  const spacing = numbersOf(data, 'x00280030', 2);
  const position = numbersOf(data, 'x00200032', 3);
  const centers = numbersOf(data, 'x00281050') ?? [];
  const widths = numbersOf(data, 'x00281051') ?? [];
  return {
    pixels: new Tensor('float32', [height, width], pixels),
    modality: data.string('x00080060') ?? '',
    photometricInterpretation: photometric,
    spacingMm: spacing && [spacing[0]!, spacing[1]!],
    sliceThicknessMm: numberOf(data, 'x00180050'),
    positionMm: position && [position[0]!, position[1]!, position[2]!],
    orientation: numbersOf(data, 'x00200037', 6),
    seriesUid: data.string('x0020000e') ?? '',
    instanceNumber: data.intString('x00200013'),
    frame,
    numFrames,
    windows: centers.flatMap((center, i) => (widths[i]! > 0 ? [{ center, width: widths[i]! }] : [])),
    ...(keepPatient ? { patient: { name: data.string('x00100010') ?? '', id: data.string('x00100020') ?? '' } } : {}),
  };
}

/** The numbers as they lie in the file, unpacked from their bits. */
function storedValues(
  data: dicomParser.DataSet,
  bytes: Uint8Array,
  isBigEndian: boolean,
  frame: number,
  length: number,
): Int32Array {
  const bits = data.uint16('x00280100') ?? 0;
  const bitsStored = data.uint16('x00280101') ?? bits;
  const highBit = data.uint16('x00280102') ?? bitsStored - 1;
  const isSigned = data.uint16('x00280103') === 1;
  const samples = data.uint16('x00280002') ?? 1;
  if (samples !== 1) throw new Rule(`a DICOM must have 1 sample a pixel, got ${samples}`);
  if (bits !== 8 && bits !== 16) throw new Rule(`a DICOM must have 8 or 16 bits a pixel, got ${bits}`);
  if (bitsStored < 1 || bitsStored > bits || highBit >= bits || highBit < bitsStored - 1) {
    throw new Error(`${bitsStored} bits up to bit ${highBit} do not fit into ${bits}`);
  }
  const element = data.elements.x7fe00010;
  if (element === undefined) throw new Rule('a DICOM must have pixels, got none');
  const frameBytes = (length * bits) / 8;
  const from = element.dataOffset + frame * frameBytes;
  const end = element.dataOffset + Math.min(element.length, bytes.length - element.dataOffset);
  if (from + frameBytes > end) {
    throw new Error(`its header promises ${frameBytes} bytes of pixels, ${Math.max(0, end - from)} are there`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Single bytes written as words of the big-endian kind lie in pairs the other way round.
  const swap = bits === 8 && isBigEndian && element.vr === 'OW' ? 1 : 0;
  const shift = highBit - bitsStored + 1;
  const mask = 2 ** bitsStored - 1;
  const sign = isSigned ? 2 ** (bitsStored - 1) : 2 ** 31;
  const values = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    const raw =
      bits === 8 ? view.getUint8(Math.min(end - 1, from + (i ^ swap))) : view.getUint16(from + 2 * i, !isBigEndian);
    const value = (raw >> shift) & mask;
    values[i] = value >= sign ? value - mask - 1 : value;
  }
  return values;
}

function numberOf(data: dicomParser.DataSet, tag: string): number | undefined {
  return numbersOf(data, tag)?.[0];
}

/** Decimal numbers separated by backslashes; undefined unless there are at least `least`, all of them numbers. */
function numbersOf(data: dicomParser.DataSet, tag: string, least = 1): number[] | undefined {
  const text = data.string(tag);
  if (text === undefined || text.trim() === '') return undefined;
  const numbers = text.split('\\').map(Number);
  if (!numbers.every(Number.isFinite)) throw new Error(`${tag} must hold numbers, got ${text.slice(0, 60)}`);
  return numbers.length >= least ? numbers : undefined;
}
