/**
 * @file Sends files: pictures of the library, and the built page. Only regular files are sent, never through a symbolic link
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
    const stream = Readable.toWeb(file.createReadStream({ highWaterMark: 1 << 18 })) as ReadableStream<Uint8Array>;
    return context.body(stream, 200, { ...all, 'content-type': type, 'content-length': String(info.size) });
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
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
