/** @file Base64 (RFC 4648, section 4) to bytes, straight from the ASCII bytes that hold it: model packages carry megabytes of it. */
import { FormatError } from '../core/index.ts';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const invalid = 0xff;

/**
 * The bytes that `ascii[begin..end)` encodes; `TWFu` is "Man".
 * @throws FormatError naming the position of a byte that is no base64, or a length that cannot be.
 */
export function decodeBase64(ascii: Uint8Array, begin = 0, end = ascii.length): Uint8Array {
  const sextets = new Uint8Array(256).fill(invalid);
  for (let i = 0; i < 64; i++) sextets[alphabet.charCodeAt(i)] = i;
  let last = end;
  while (last > begin && end - last < 2 && ascii[last - 1] === 0x3d) last--;
  const length = last - begin;
  if (length % 4 === 1) throw new FormatError(`base64: ${length} characters cannot be whole bytes`);
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  let out = 0;
  for (let i = begin; i < last; i += 4) {
    let word = 0;
    const count = Math.min(4, last - i);
    for (let j = 0; j < count; j++) {
      const sextet = sextets[ascii[i + j]!]!;
      if (sextet === invalid) throw new FormatError(`base64: byte ${i + j - begin} is not in the alphabet`);
      word |= sextet << (18 - 6 * j);
    }
    for (let j = 0; j < count - 1; j++) bytes[out++] = word >>> (16 - 8 * j);
  }
  return bytes;
}
