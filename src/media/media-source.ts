/**
 * @file Bytes of a file or of memory, read piece by piece, so that a long recording never lies in memory whole. Opening refuses what is
 * no file: folders, pipes, what may not be read.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { MediaError } from '../engine/core/index.ts';

/** Bytes to be decoded, open for reading. */
export interface MediaSource {
  /** How messages call it: the path, or a word for bytes in memory. */
  readonly name: string;
  /** Length in bytes; infinite where it is not known beforehand. */
  readonly size: number;
  /** Where the file lies, if it is one. */
  readonly path: string | undefined;
  /** The bytes from `offset`: `length` of them, fewer only at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/**
 * Opens a file, or bytes in memory, for reading.
 * @param kind how messages call bytes in memory, such as "sound".
 * @throws MediaError if there is no such file, it is no plain file, may not be read, is empty, or is longer than `maxBytes`.
 */
export async function openMediaSource(
  source: string | Uint8Array,
  kind: string,
  maxBytes: number = Number.MAX_SAFE_INTEGER,
): Promise<MediaSource> {
  const opened = typeof source === 'string' ? await openFile(source) : bytesSource(source, kind);
  const { name, size } = opened;
  if (size > 0 && size <= maxBytes) return opened;
  await opened.close();
  if (size === 0) throw new MediaError(`${name}: a ${kind} must not be empty, got 0 bytes`);
  throw new MediaError(
    `${name}: a ${kind} file must be at most ${maxBytes / 1e6} MB, got ${(size / 1e6).toFixed(1)} MB`,
  );
}

/** All bytes of a source that `openMediaSource` has found to be of a bearable length. */
export async function readWhole(source: string | Uint8Array, kind: string, maxBytes: number): Promise<Uint8Array> {
  const opened = await openMediaSource(source, kind, maxBytes);
  try {
    return source instanceof Uint8Array ? source : await opened.read(0, opened.size);
  } finally {
    await opened.close();
  }
}

function bytesSource(bytes: Uint8Array, name: string): MediaSource {
  return {
    name,
    size: bytes.byteLength,
    path: undefined,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
    close: async () => {},
  };
}

async function openFile(path: string): Promise<MediaSource> {
  try {
    // Not blocking, so that a named pipe without a writer is refused below and does not hang.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const info = await file.stat();
    if (!info.isFile()) {
      await file.close();
      throw new MediaError(`${path}: must be a file`);
    }
    return { name: path, size: info.size, path, read: (offset, length) => readAt(file, offset, length), close };
    async function close(): Promise<void> {
      await file.close();
    }
  } catch (error) {
    if (error instanceof MediaError) throw error;
    throw new MediaError(`${path}: ${reasonOfFileError(error)}`, { cause: error });
  }
}

async function readAt(file: Awaited<ReturnType<typeof open>>, offset: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/** Why a file could not be read, in words. */
function reasonOfFileError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'no permission to read it';
  if (code === 'EISDIR') return 'it is a folder';
  return `cannot be read (${code ?? message})`;
}
