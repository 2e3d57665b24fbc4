/** @file The bytes of a picture and its format, from a file or from memory, with the limits that hold before any decoding. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { MediaError } from '../../engine/core/index.ts';
import { type PictureFormat, pictureFormat, signatureBytes } from './picture-format.ts';
import { brokenSvgRule, isRiskySvg } from './svg-safety.ts';

/** A picture file longer than this is refused, in bytes. */
export const maxPictureBytes = 50_000_000;

/** A picture that has been read but not decoded. Made by `readPictureSource`, which has checked it. */
export interface PictureSource {
  /** How messages call it: the path, or "picture" for bytes in memory. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly format: PictureFormat;
  /** Whether decoding could take unbounded time or memory. */
  readonly isRisky: boolean;
  /** Width and height as shown, in pixels, once someone has asked. */
  size?: { readonly width: number; readonly height: number };
}

/**
 * Reads a picture whole and tells its format by content.
 * @throws MediaError if it cannot be read, is empty or too large, or is no picture.
 */
export async function readPictureSource(source: string | Uint8Array): Promise<PictureSource> {
  const name = typeof source === 'string' ? source : 'picture';
  const bytes = typeof source === 'string' ? await readLimited(source) : source;
  if (bytes.byteLength > maxPictureBytes) throw tooLarge(name, bytes.byteLength);
  if (bytes.byteLength === 0) throw new MediaError(`${name}: a picture must not be empty, got 0 bytes`);
  const format = pictureFormat(bytes);
  if (format === undefined) {
    throw new MediaError(`${name}: not a picture; its content must be PNG, JPEG, WebP, GIF or SVG`);
  }
  if (format !== 'svg') return { name, bytes, format, isRisky: false };
  const svg = new TextDecoder('utf-8').decode(bytes);
  const rule = brokenSvgRule(svg);
  if (rule !== undefined) throw new MediaError(`${name}: ${rule}`);
  return { name, bytes, format, isRisky: isRiskySvg(svg) };
}

async function readLimited(path: string): Promise<Uint8Array> {
  try {
    // Not blocking, so that a named pipe without a writer is refused below and does not hang.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const info = await file.stat();
      if (!info.isFile()) throw new MediaError(`${path}: must be a file`);
      if (info.size > maxPictureBytes) throw tooLarge(path, info.size);
      const head = Buffer.alloc(Math.min(info.size, signatureBytes));
      await file.read(head, 0, head.length, 0);
      // What is no picture is not read to its end.
      if (info.size > signatureBytes && pictureFormat(head) === undefined) return head;
      const bytes = Buffer.allocUnsafe(info.size);
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof MediaError) throw error;
    throw new MediaError(`${path}: ${reasonOfFileError(error)}`, { cause: error });
  }
}

function tooLarge(name: string, size: number): MediaError {
  return new MediaError(
    `${name}: a picture file must be at most ${maxPictureBytes / 1e6} MB, got ${(size / 1e6).toFixed(1)} MB`,
  );
}

/** Why a file could not be read, in words. */
function reasonOfFileError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'no permission to read it';
  if (code === 'EISDIR') return 'it is a folder';
  return `cannot be read (${code ?? message})`;
}
