/** @file The rows of a library as Arrow tables. D: dimension of the vectors. */
import { sep } from 'node:path';
import {
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int32,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';

/** What a library holds: pictures, sounds, and what moves (videos and animated pictures). */
export type MediaKind = 'image' | 'audio' | 'video';

/** The kinds, in the order in which they are named. */
export const mediaKinds: readonly MediaKind[] = ['image', 'audio', 'video'];

/** One file of a library. */
export interface MediaRow {
  readonly kind: MediaKind;
  /** Absolute path; no two rows have the same. */
  readonly path: string;
  /** Unit vector `[D]`. */
  readonly vector: Float32Array;
  /** Width in pixels as shown; 0 of a sound. */
  readonly width: number;
  /** Height in pixels as shown; 0 of a sound. */
  readonly height: number;
  /** Length in seconds; 0 of a still picture. */
  readonly durationSeconds: number;
  /** How the format is called: png, jpeg, webp, gif, svg, flac, mp4 and so on. */
  readonly format: string;
  /** Size of the file in bytes. */
  readonly sizeBytes: number;
  /** When the file was last changed, in milliseconds since 1970. */
  readonly modifiedMs: number;
  /** SHA-256 of the file, in hexadecimal. */
  readonly contentHash: string;
  /** When the file was indexed, in milliseconds since 1970. */
  readonly indexedAtMs: number;
}

/** The name of the table within the library's folder. */
export const mediaTableName = 'media';

/** The name that it had when libraries held pictures only. */
export const earlierTableName = 'pictures';

/** The schema of the table, for vectors of dimension `dim`. */
export function mediaSchema(dim: number): Schema {
  return new Schema([
    new Field('kind', new Utf8(), false),
    new Field('path', new Utf8(), false),
    new Field('vector', new FixedSizeList(dim, new Field('item', new Float32(), true)), false),
    new Field('width', new Int32(), false),
    new Field('height', new Int32(), false),
    new Field('durationSeconds', new Float64(), false),
    new Field('format', new Utf8(), false),
    new Field('sizeBytes', new Float64(), false),
    new Field('modifiedMs', new Float64(), false),
    new Field('contentHash', new Utf8(), false),
    new Field('indexedAtMs', new Float64(), false),
  ]);
}

/** Rows as one Arrow table. */
export function tableOfRows(rows: readonly MediaRow[], dim: number): Table {
  const schema = mediaSchema(dim);
  const length = rows.length;
  const vectors = new Float32Array(length * dim);
  rows.forEach((row, i) => {
    vectors.set(row.vector, i * dim);
  });
  const text = (values: string[]) => vectorFromArray(values, new Utf8()).data[0]!;
  const int32 = (values: number[]) => makeData({ type: new Int32(), length, data: Int32Array.from(values) });
  const float64 = (values: number[]) => makeData({ type: new Float64(), length, data: Float64Array.from(values) });
  const children = [
    text(rows.map((row) => row.kind)),
    text(rows.map((row) => row.path)),
    makeData({
      type: schema.fields[2]!.type as FixedSizeList,
      length,
      child: makeData({ type: new Float32(), length: vectors.length, data: vectors }),
    }),
    int32(rows.map((row) => row.width)),
    int32(rows.map((row) => row.height)),
    float64(rows.map((row) => row.durationSeconds)),
    text(rows.map((row) => row.format)),
    float64(rows.map((row) => row.sizeBytes)),
    float64(rows.map((row) => row.modifiedMs)),
    text(rows.map((row) => row.contentHash)),
    float64(rows.map((row) => row.indexedAtMs)),
  ];
  const struct = makeData({ type: new Struct(schema.fields), length, nullCount: 0, children });
  return new Table(schema, [new RecordBatch(schema, struct)]);
}

/** The vectors of a result with a `vector` column, row after row: `[N, D]`. */
export function vectorsOfTable(table: Table, dim: number): Float32Array {
  const out = new Float32Array(table.numRows * dim);
  let at = 0;
  for (const { offset, length, children } of table.getChild('vector')?.data ?? []) {
    const [child] = children;
    const values = child!.values as Float32Array;
    out.set(values.subarray(offset * dim, (offset + length) * dim), at);
    at += length * dim;
  }
  return out;
}

/** A text as a literal of the filter language. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A filter for the rows within `folder`, at any depth. */
export function withinFolder(folder: string): string {
  return `starts_with(path, ${sqlText(folderPrefix(folder))})`;
}

/** A filter for the rows of some kinds. */
export function ofKinds(kinds: readonly MediaKind[]): string {
  return `kind IN (${kinds.map(sqlText).join(', ')})`;
}

/** The path of a folder with a separator at its end, so that `/a` is not taken to hold `/ab`. */
export function folderPrefix(folder: string): string {
  return folder.endsWith(sep) ? folder : folder + sep;
}
