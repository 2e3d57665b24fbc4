/** @file The pages of an Ogg file (RFC 3533), checked: checksums, order, and whether the stream was written to its end. */
import type { MediaSource } from '../media-source.ts';

/** One page. */
export interface OggPage {
  /** The whole page, header included. */
  readonly bytes: Uint8Array;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** A page is at most this long, in bytes. */
const maxPageBytes = 27 + 255 + 255 * 255;
/** Bytes asked for at a time. */
const readBytes = 1 << 18;

/**
 * The pages of the first stream of each link of the chain, in order; other streams beside it are passed over.
 * @throws Error with what is damaged.
 */
export async function* readOggPages(source: MediaSource): AsyncGenerator<OggPage> {
  let serial: number | undefined;
  let sequence = 0;
  let isOpen = false;
  let buffer = new Uint8Array(0);
  let bufferAt = 0;
  for (let at = 0; ; ) {
    if (at + maxPageBytes > bufferAt + buffer.length && bufferAt + buffer.length < source.size) {
      buffer = new Uint8Array(await source.read(at, readBytes));
      bufferAt = at;
    }
    const rest = buffer.subarray(at - bufferAt);
    if (rest.length === 0) break;
    const length = pageBytes(rest);
    if (length === undefined) {
      // What follows the end of the stream is not ours.
      if (!isOpen && serial !== undefined) return;
      throw new Error('a page is cut short or does not begin with OggS');
    }
    const bytes = rest.slice(0, length);
    at += length;
    const view = new DataView(bytes.buffer);
    const isFirst = (bytes[5]! & 2) !== 0;
    const isLast = (bytes[5]! & 4) !== 0;
    const pageSerial = view.getUint32(14, true);
    if (isFirst && !isOpen) {
      serial = pageSerial;
      sequence = view.getUint32(18, true);
      isOpen = true;
    }
    if (pageSerial !== serial || !isOpen) continue;
    if (view.getUint32(18, true) !== sequence) throw new Error(`page ${sequence} is missing`);
    if (checksum(bytes) !== view.getUint32(22, true)) throw new Error(`page ${sequence} has a wrong checksum`);
    sequence += 1;
    if (isLast) isOpen = false;
    yield { bytes, isFirst, isLast };
  }
  if (isOpen) throw new Error('it is cut short: its last page is missing');
}

/** The length of the page that these bytes begin, or undefined if they hold none. */
function pageBytes(bytes: Uint8Array): number | undefined {
  if (bytes.length < 27 || String.fromCharCode(...bytes.subarray(0, 4)) !== 'OggS') return undefined;
  const numSegments = bytes[26]!;
  if (bytes.length < 27 + numSegments) return undefined;
  let length = 27 + numSegments;
  for (let i = 0; i < numSegments; i++) length += bytes[27 + i]!;
  return length <= bytes.length ? length : undefined;
}

const table = Uint32Array.from({ length: 256 }, (_, i) => {
  let remainder = i << 24;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 0x80000000 ? (remainder << 1) ^ 0x04c11db7 : remainder << 1;
  return remainder >>> 0;
});

/** Ogg's checksum of a page, whose own field counts as zeros. */
function checksum(page: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < page.length; i++) {
    const byte = i >= 22 && i < 26 ? 0 : page[i]!;
    sum = (sum << 8) ^ table[((sum >>> 24) ^ byte) & 255]!;
  }
  return sum >>> 0;
}
