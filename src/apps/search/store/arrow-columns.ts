/** @file Rows to Arrow tables and back, from one description of the columns. */
import {
  Binary,
  type Data,
  type DataType,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int32,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';

/** A column: its type in the table, and how many values come in by one row. */
type Column =
  | { readonly type: 'text' | 'texts' | 'int32' | 'float32' | 'float64' | 'bytes' }
  | { readonly type: 'vector'; readonly length: number };

/** The columns of a table by name, in their order. */
export type Columns = Readonly<Record<string, Column>>;

/** What a row holds in each type of column. */
interface ValueOf {
  readonly text: string;
  readonly texts: readonly string[];
  readonly int32: number;
  readonly float32: number;
  readonly float64: number;
  readonly bytes: Uint8Array;
  readonly vector: Float32Array;
}

/** A row of such a table. */
export type Row<C extends Columns> = { readonly [K in keyof C]: ValueOf[C[K]['type']] };

function arrowType(column: Column): DataType {
  switch (column.type) {
    case 'text':
      return new Utf8();
    case 'texts':
      return new List(new Field('item', new Utf8(), true));
    case 'int32':
      return new Int32();
    case 'float32':
      return new Float32();
    case 'float64':
      return new Float64();
    case 'bytes':
      return new Binary();
    case 'vector':
      return new FixedSizeList(column.length, new Field('item', new Float32(), true));
  }
}

/** The schema of a table. */
export function schemaOf(columns: Columns): Schema {
  return new Schema(Object.entries(columns).map(([name, column]) => new Field(name, arrowType(column), false)));
}

/** Rows as one Arrow table. */
export function tableOf<C extends Columns>(columns: C, rows: readonly Row<C>[]): Table {
  const schema = schemaOf(columns);
  const length = rows.length;
  const children = Object.entries(columns).map(([name, column], i) =>
    dataOf(
      column,
      rows.map((row) => row[name]),
      schema.fields[i]!.type,
    ),
  );
  const struct = makeData({ type: new Struct(schema.fields), length, nullCount: 0, children });
  return new Table(schema, [new RecordBatch(schema, struct)]);
}

function dataOf(column: Column, values: readonly unknown[], type: DataType): Data {
  const length = values.length;
  switch (column.type) {
    case 'int32':
      return makeData({ type: type as Int32, length, data: Int32Array.from(values as number[]) });
    case 'float32':
      return makeData({ type: type as Float32, length, data: Float32Array.from(values as number[]) });
    case 'float64':
      return makeData({ type: type as Float64, length, data: Float64Array.from(values as number[]) });
    case 'vector': {
      const data = new Float32Array(length * column.length);
      (values as Float32Array[]).forEach((value, i) => {
        data.set(value, i * column.length);
      });
      const child = makeData({ type: new Float32(), length: data.length, data });
      return makeData({ type: type as FixedSizeList, length, child });
    }
    case 'text':
    case 'texts':
    case 'bytes':
      return vectorFromArray(values, type).data[0]!;
  }
}

/** A part of a result: what LanceDB gives batch by batch, or a whole table. */
export type Columnar = RecordBatch | Table;

/** A column of numbers, as one array. */
export function numbersOf<T extends Int32Array | Float32Array | Float64Array>(part: Columnar, name: string): T {
  return part.getChild(name)!.toArray() as T;
}

/** A column of texts. */
export function textsOf(part: Columnar, name: string): string[] {
  return Array.from(part.getChild(name)!, String);
}

/** All rows of a part, read column by column, which is many times faster than row by row. */
export function rowsOf<C extends Columns>(part: Columnar, columns: C): Row<C>[] {
  const read = Object.keys(columns).map((name) => [name, Array.from(part.getChild(name) ?? [])] as const);
  return Array.from(
    { length: part.numRows },
    (_, row) => Object.fromEntries(read.map(([name, values]) => [name, values[row]])) as unknown as Row<C>,
  );
}

/** A column of vectors as one array, row after row. */
export function vectorsOf(part: Columnar, name: string, dim: number): Float32Array {
  const out = new Float32Array(part.numRows * dim);
  let at = 0;
  for (const { offset, length, children } of part.getChild(name)?.data ?? []) {
    const values = children[0]!.values as Float32Array;
    out.set(values.subarray(offset * dim, (offset + length) * dim), at);
    at += length * dim;
  }
  return out;
}

/** A text as a literal of the filter language. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
