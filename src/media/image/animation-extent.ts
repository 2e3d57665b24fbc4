/**
 * @file Whether an animated picture is there to its end. Decoders count the frames that they find, so a file that was cut would
 * pass for a shorter animation.
 */
import type { PictureSource } from './picture-source.ts';

/** What is missing, or undefined when the file holds all that it announces. */
export function brokenAnimationRule({ bytes, format }: Pick<PictureSource, 'bytes' | 'format'>): string | undefined {
  if (format === 'webp') return brokenWebpRule(bytes);
  return format === 'gif' ? brokenGifRule(bytes) : undefined;
}

/** A RIFF file tells its length at the start: `RIFF`, then the number of bytes that follow. */
function brokenWebpRule(bytes: Uint8Array): string | undefined {
  const announced = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true) + 8;
  return bytes.length < announced ? `must hold ${announced} bytes, got ${bytes.length}` : undefined;
}

/** A GIF is a row of blocks, each told by its first byte, in sub-blocks that tell their length; a trailer may be missing. */
function brokenGifRule(bytes: Uint8Array): string | undefined {
  const colours = (flags: number) => (flags & 0x80 ? 3 << ((flags & 7) + 1) : 0);
  let at = 13 + colours(bytes[10] ?? 0);
  while (at < bytes.length && bytes[at] !== 0x3b) {
    if (bytes[at] === 0x21) at += 2;
    else if (bytes[at] === 0x2c) at += 11 + colours(bytes[at + 9] ?? 0);
    else return undefined;
    while (bytes[at] !== undefined && bytes[at] !== 0) at += bytes[at]! + 1;
    at += 1;
  }
  return at > bytes.length ? 'ends within a block' : undefined;
}
