/**
 * @file The safetensors format (huggingface/safetensors): a little-endian uint64 header length, a JSON header that gives each tensor
 * its type, shape and byte range, then the bytes. Bytes are distrusted: ranges must tile the data exactly, and nothing larger than
 * the file is ever allocated. Element types beyond ours (8-bit floats and others) are refused by name.
 */
import { bytesOf, dtypes, FormatError, type NumericDtype, type Tensor, tensorFromBytes } from '../core/index.ts';

const dtypeByTag = {
  F32: 'float32',
  F64: 'float64',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U64: 'uint64',
  U32: 'uint32',
  U16: 'uint16',
  U8: 'uint8',
  BOOL: 'bool',
} as const satisfies Record<string, NumericDtype>;

const tagByDtype = Object.fromEntries(Object.entries(dtypeByTag).map(([tag, dtype]) => [dtype, tag])) as Record<
  NumericDtype,
  string
>;

/** The contents of a safetensors file. */
export interface Safetensors {
  readonly tensors: Map<string, Tensor>;
  /** Free text by name, from the header's `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * The bytes of a safetensors file. Wider elements come first and the header is padded to 8 bytes, so every tensor is aligned in
 * the file; equal input gives equal bytes.
 * @throws FormatError for the name `__metadata__`, which the format keeps for itself.
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const ordered = [...tensors].sort(([nameA, a], [nameB, b]) => {
    const byWidth = dtypes[b.dtype].bytes - dtypes[a.dtype].bytes;
    return byWidth !== 0 ? byWidth : nameA < nameB ? -1 : 1;
  });
  const entries: [string, unknown][] = metadata === undefined ? [] : [['__metadata__', metadata]];
  let offset = 0;
  for (const [name, tensor] of ordered) {
    if (name === '__metadata__') throw new FormatError('safetensors: a tensor may not be named "__metadata__"');
    const end = offset + tensor.data.byteLength;
    entries.push([name, { dtype: tagByDtype[tensor.dtype], shape: tensor.shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const json = new TextEncoder().encode(jsonObject(entries));
  const headerLength = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerLength + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, 8, 8 + headerLength);
  bytes.set(json, 8);
  let position = 8 + headerLength;
  for (const [, tensor] of ordered) {
    bytes.set(bytesOf(tensor), position);
    position += tensor.data.byteLength;
  }
  return bytes;
}

/** An object's JSON from its entries, so that a tensor named `__proto__` or `0` keeps its place. */
function jsonObject(entries: readonly (readonly [string, unknown])[]): string {
  return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
}

/** @throws FormatError naming the place, if the bytes are truncated, inconsistent, or hold types that we lack. */
export function readSafetensors(file: Uint8Array): Safetensors {
  // A Node Buffer's slice() is a view; a plain Uint8Array's is a copy, which the tensors need.
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length < 8) throw new FormatError(`safetensors: needs at least 8 bytes, got ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const declared = view.getBigUint64(0, true);
  if (declared > BigInt(bytes.length - 8)) {
    throw new FormatError(`safetensors: header length ${declared} is beyond the file, which has ${bytes.length} bytes`);
  }
  const dataStart = 8 + Number(declared);
  const header = parseHeader(bytes.subarray(8, dataStart));
  const data = bytes.subarray(dataStart);

  let metadata: Record<string, string> = {};
  const placed: Placed[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') metadata = parseMetadata(entry);
    else placed.push(parseEntry(name, entry, data.length));
  }
  checkTiling(placed, data.length);

  const tensors = new Map<string, Tensor>();
  for (const { name, dtype, shape, begin, end } of placed) {
    const content = data.subarray(begin, end);
    if (dtype === 'bool' && content.some((byte) => byte > 1)) {
      throw new FormatError(`safetensors: tensor "${name}": BOOL bytes must be 0 or 1`);
    }
    tensors.set(name, tensorFromBytes(dtype, shape, content));
  }
  return { tensors, metadata };
}

interface Placed {
  readonly name: string;
  readonly dtype: NumericDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new FormatError(`safetensors: the header is not JSON (${(cause as Error).message})`, { cause });
  }
  if (!isRecord(header)) throw new FormatError('safetensors: the header must be a JSON object');
  return header;
}

function parseMetadata(entry: unknown): Record<string, string> {
  if (!isRecord(entry) || Object.values(entry).some((value) => typeof value !== 'string')) {
    throw new FormatError('safetensors: __metadata__ must map names to text');
  }
  return entry as Record<string, string>;
}

function parseEntry(name: string, entry: unknown, dataLength: number): Placed {
  const fail = (what: string): never => {
    throw new FormatError(`safetensors: tensor ${JSON.stringify(name)}: ${what}`);
  };
  if (!isRecord(entry)) return fail('its entry must be an object');
  const { dtype: tag, shape, data_offsets: offsets } = entry;
  if (typeof tag !== 'string' || !Object.hasOwn(dtypeByTag, tag)) {
    return fail(`dtype must be one of ${Object.keys(dtypeByTag).join(', ')}, got ${JSON.stringify(tag)}`);
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) return fail('shape must be a list of whole numbers');
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    return fail('data_offsets must be two whole numbers');
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > dataLength) {
    return fail(`data_offsets [${begin}, ${end}] are not within the ${dataLength} bytes of data`);
  }
  const dtype = dtypeByTag[tag as keyof typeof dtypeByTag];
  const needed = shape.reduce((product: number, dim: number) => product * dim, dtypes[dtype].bytes);
  if (needed !== end - begin) {
    return fail(`${tag}[${shape.join(',')}] needs ${needed} bytes, its data_offsets give ${end - begin}`);
  }
  return { name, dtype, shape, begin, end };
}

/** Every byte of the data belongs to exactly one tensor. */
function checkTiling(placed: readonly Placed[], dataLength: number): void {
  const inOrder = [...placed].sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, begin, end } of inOrder) {
    if (begin !== covered) {
      const kind = begin < covered ? 'overlaps the tensor before it' : 'leaves a hole before it';
      throw new FormatError(`safetensors: tensor ${JSON.stringify(name)}: begins at ${begin} and ${kind}`);
    }
    covered = end;
  }
  if (covered !== dataLength) {
    throw new FormatError(`safetensors: the tensors cover ${covered} bytes of data, the file has ${dataLength}`);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
