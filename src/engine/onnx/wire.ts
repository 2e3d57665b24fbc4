/**
 * @file Protobuf fields out of bytes that nobody vouches for. A length is believed only where the bytes are there, a varint only
 * up to its ten bytes, and nothing is copied: what a field holds is a view onto the file.
 */
import { FormatError } from '../core/index.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Reads the fields of one message: `next` goes to each, then one of the readers below takes what it holds. */
export class FieldReader {
  /** Where in the file this message is, for errors. */
  readonly place: string;
  /** The number of the field that `next` has come to. */
  field = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #position = 0;
  #wireType = 0;
  #low = 0;
  #high = 0;

  constructor(bytes: Uint8Array, place: string) {
    this.place = place;
    // A Buffer of Node's would give Buffers, whose slices are views.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Goes to the next field; false at the end of the message. */
  next(): boolean {
    if (this.#position >= this.#bytes.length) return false;
    this.#varint();
    const tag = this.#low;
    this.field = tag >>> 3;
    this.#wireType = tag & 7;
    if (this.#high !== 0 || this.field === 0) throw this.#error('a field has an impossible number');
    return true;
  }

  /** Passes over the field, whatever it holds. */
  skip(): void {
    if (this.#wireType === 0) this.#varint();
    else if (this.#wireType === 1) this.#advance(8);
    else if (this.#wireType === 2) this.bytes();
    else if (this.#wireType === 5) this.#advance(4);
    else throw this.#error(`field ${this.field} has the wire type ${this.#wireType}, which ONNX does not use`);
  }

  /** A whole number. @throws FormatError if it is too large to be exact. */
  int(): number {
    this.#expect(0);
    this.#varint();
    const value = (this.#high | 0) * 2 ** 32 + this.#low;
    if (!Number.isSafeInteger(value))
      throw this.#error(`field ${this.field} holds ${value}, beyond every sensible size`);
    return value;
  }

  /** A 64-bit whole number. */
  bigint(): bigint {
    this.#expect(0);
    return this.#bigint();
  }

  /** A float. */
  float(): number {
    this.#expect(5);
    return this.#view.getFloat32(this.#advance(4), true);
  }

  /** The bytes of the field: a text, a message, or raw data. */
  bytes(): Uint8Array {
    this.#expect(2);
    this.#varint();
    const length = this.#high * 2 ** 32 + this.#low;
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** A text. @throws FormatError if it is not UTF-8. */
  string(): string {
    const bytes = this.bytes();
    try {
      return utf8.decode(bytes);
    } catch {
      throw this.#error(`field ${this.field} must be UTF-8 text`);
    }
  }

  /** The message in the field. @param what its name in errors; '' for that of this message. */
  message(what: string): FieldReader {
    return new FieldReader(this.bytes(), [this.place, what].filter((part) => part !== '').join(', '));
  }

  /** Adds the 64-bit numbers of a repeated field, packed or one alone. */
  bigints(into: bigint[]): void {
    this.#repeated(0, () => into.push(this.#bigint()));
  }

  /** Adds the floats of a repeated field, packed or one alone. */
  floats(into: number[]): void {
    this.#repeated(5, () => into.push(this.#view.getFloat32(this.#advance(4), true)));
  }

  /** Adds the doubles of a repeated field, packed or one alone. */
  doubles(into: number[]): void {
    this.#repeated(1, () => into.push(this.#view.getFloat64(this.#advance(8), true)));
  }

  #repeated(wireType: number, read: () => void): void {
    if (this.#wireType === wireType) {
      read();
      return;
    }
    this.#expect(2);
    this.#varint();
    const start = this.#position;
    const end = this.#advance(this.#high * 2 ** 32 + this.#low) + (this.#position - start);
    this.#position = start;
    while (this.#position < end) read();
    if (this.#position !== end)
      throw this.#error(`the numbers of field ${this.field} do not end where its length says`);
  }

  #bigint(): bigint {
    this.#varint();
    return BigInt.asIntN(64, (BigInt(this.#high) << 32n) | BigInt(this.#low));
  }

  /** Reads a varint as two unsigned halves. */
  #varint(): void {
    let [low, high] = [0, 0];
    for (let shift = 0; ; shift += 7) {
      if (shift > 63) throw this.#error('a number is longer than ten bytes');
      const byte = this.#bytes[this.#position++];
      if (byte === undefined) throw this.#error('the bytes end inside a number: the file is cut off');
      const bits = byte & 0x7f;
      if (shift < 32) low |= bits << shift;
      if (shift > 25) high |= shift < 32 ? bits >>> (32 - shift) : bits << (shift - 32);
      if (byte < 0x80) break;
    }
    this.#low = low >>> 0;
    this.#high = high >>> 0;
  }

  /** The position before `length` bytes, which are passed over. */
  #advance(length: number): number {
    const start = this.#position;
    const left = this.#bytes.length - start;
    if (length > left) {
      throw this.#error(
        `field ${this.field} claims ${length} bytes where ${left} are left: the file is cut off or damaged`,
      );
    }
    this.#position = start + length;
    return start;
  }

  #expect(wireType: number): void {
    if (this.#wireType !== wireType) {
      throw this.#error(`field ${this.field} has the wire type ${this.#wireType} and needs ${wireType}`);
    }
  }

  #error(rule: string): FormatError {
    return new FormatError(`importOnnx: ${this.place === '' ? 'the model' : this.place}: ${rule}`);
  }
}
