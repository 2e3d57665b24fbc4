/**
 * @file Sends files, whole or in the range that a player asks for: files of the library, and the built page. Only regular files are sent, never through a symbolic link
 * at the end of the path, and with a content type that the name decides, which browsers are told not to second-guess.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { Readable } from 'node:stream';
import type { Context } from 'hono';
import { RequestError } from './request-error.ts';

const contentTypes: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
  '.gif': 'image/gif',
  '.svg': 'image/svg+xml',
  '.wav': 'audio/wav',
  '.flac': 'audio/flac',
  '.mp3': 'audio/mpeg',
  '.ogg': 'audio/ogg',
  '.oga': 'audio/ogg',
  '.opus': 'audio/ogg',
  '.m4a': 'audio/mp4',
  '.mp4': 'video/mp4',
  '.m4v': 'video/mp4',
  '.mov': 'video/quicktime',
  '.webm': 'video/webm',
  '.mkv': 'video/x-matroska',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
};

/** The file as an answer, or 304 if the browser has it already. @throws RequestError 404 if it is not there. */
export async function sendFile(context: Context, path: string, headers: Record<string, string>): Promise<Response> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    throw new RequestError(404, 'not-found', 'the file is no longer there');
  }
  try {
    const info = await file.stat();
    if (!info.isFile()) throw new RequestError(404, 'not-found', 'the file is no longer there');
    const tag = createHash('sha256').update(`${path} ${info.size} ${info.mtimeMs}`).digest('base64url').slice(0, 22);
    const all = { etag: `"${tag}"`, 'cache-control': 'private, no-cache', ...headers };
    if (context.req.header('if-none-match') === all.etag) {
      await file.close();
      return context.body(null, 304, all);
    }
    const type = contentTypes[extname(path).toLowerCase()] ?? 'application/octet-stream';
    const range = rangeOf(context.req.header('range'), info.size);
    if (range === 'unsatisfiable') {
      await file.close();
      return context.body(null, 416, { ...all, 'content-range': `bytes */${info.size}` });
    }
    const { first, last } = range ?? { first: 0, last: info.size - 1 };
    // An empty file has no last byte to read to.
    const part = info.size === 0 ? {} : { start: first, end: last };
    const stream = Readable.toWeb(
      file.createReadStream({ highWaterMark: 1 << 18, ...part }),
    ) as ReadableStream<Uint8Array>;
    return context.body(stream, range === undefined ? 200 : 206, {
      ...all,
      'accept-ranges': 'bytes',
      'content-type': type,
      'content-length': String(last - first + 1),
      ...(range === undefined ? {} : { 'content-range': `bytes ${first}-${last}/${info.size}` }),
    });
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
}

/** The bytes of a single range (RFC 9110, 14.1.2), nothing for none or for what may be ignored: several ranges, other units. */
function rangeOf(
  header: string | undefined,
  size: number,
): { first: number; last: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  const [from, to] = [match[1]!, match[2]!];
  const first = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (first >= size) return 'unsatisfiable';
  return first > last ? undefined : { first, last };
}

/** The files of a built page by the path that a browser asks for; listed once, so nothing outside can be reached. */
export async function pageFiles(directory: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(directory.length).split('\\').join('/').replace(/^\/?/, '/'), path);
  }
  const index = files.get('/index.html');
  if (index !== undefined) files.set('/', index);
  return files;
}
