/**
 * @file The HTTP handlers: status, search by text or file, the files that were found, and the page. Without a socket, so that tests call
 * them directly.
 */
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { streamSSE } from 'hono/streaming';
import * as z from 'zod/mini';
import { MediaError } from '../../engine/core/index.ts';
import { type ApiError, type SearchResponse, type SegmentKind, segmentKind } from '../protocol/index.ts';
import { pageFiles, sendFile } from './files.ts';
import { checkHost, filePolicy, refuseCrossSite, securityHeaders } from './guards.ts';
import { RequestError } from './request-error.ts';
import { NotReadyError, type Query, type SearchService } from './service.ts';
import { waveform } from './waveform.ts';

/** The largest file that may be sent as a query, in bytes. */
export const maxQueryBytes = 20_000_000;

/** The longest text that may be searched for, in UTF-16 units. */
const maxTextLength = 1000;

/** Hits that are returned if the request does not say, and at most. */
const defaultTop = 24;
const maxTop = 200;

const segmentKinds = z.array(segmentKind);

/** What the handlers are made of. */
export interface AppOptions {
  readonly service: SearchService;
  /** The built page; none in tests of the handlers alone. */
  readonly pageDirectory?: string;
  /** Names besides `localhost` under which the server may be asked. */
  readonly hostNames?: readonly string[];
  /** Told of faults that are ours. */
  readonly onFault?: (error: unknown) => void;
}

/** The handlers over one library. */
export async function createApp(options: AppOptions): Promise<Hono> {
  const { service } = options;
  const page = options.pageDirectory === undefined ? new Map() : await pageFiles(options.pageDirectory);
  const app = new Hono();
  app.use(securityHeaders());
  app.use(checkHost(options.hostNames ?? []));
  app.use('/api/*', refuseCrossSite());
  app.use('/api/*', async (context, next) => {
    await next();
    if (!context.res.headers.has('cache-control')) context.res.headers.set('cache-control', 'no-store');
  });

  const tooLarge = () =>
    new RequestError(
      413,
      'too-large',
      `a file to search by may have at most ${maxQueryBytes / 1e6} MB; this one has more`,
    );

  const foundFile = async (id: string) => {
    const file = await service.fileOf(id);
    if (file === undefined) throw new RequestError(404, 'not-found', 'the library has no such file');
    return file;
  };

  const answer = async (context: Context, query: Query) => {
    const started = performance.now();
    const { hits, searched, notice } = await service.search(
      query,
      topOf(context.req.query('top')),
      kindsOf(context.req.query('kind')),
    );
    const latencyMs = Math.round((performance.now() - started) * 10) / 10;
    return context.json({ hits: [...hits], searched, latencyMs, notice } satisfies SearchResponse);
  };

  app.get('/api/status', (context) => context.json(service.status()));
  app.get('/api/events', (context) => sendStatusEvents(context, service));
  app.get('/api/search', (context) => answer(context, { text: textOf(context.req.query('text')) }));
  app.post(
    '/api/search',
    bodyLimit({
      maxSize: maxQueryBytes,
      onError: () => {
        throw tooLarge();
      },
    }),
    async (context) => answer(context, { media: await mediaOf(context) }),
  );
  app.get('/api/files/:id', async (context) => {
    const { path } = await foundFile(context.req.param('id'));
    return sendFile(context, path, { 'content-security-policy': filePolicy });
  });
  app.get('/api/files/:id/thumbnail', async (context) => {
    const segment = context.req.query('segment') ?? '0';
    const picture = /^\d{1,9}$/.test(segment)
      ? await service.thumbnailOf(context.req.param('id'), Number(segment))
      : undefined;
    if (picture === undefined) throw new RequestError(404, 'not-found', 'there is no small picture of this segment');
    return context.body(Uint8Array.from(picture), 200, {
      'content-type': 'image/webp',
      'content-security-policy': filePolicy,
      'cache-control': 'private, max-age=3600',
    });
  });
  app.get('/api/files/:id/waveform', async (context) => {
    const { path, kind } = await foundFile(context.req.param('id'));
    if (kind !== 'audio') throw new RequestError(404, 'not-found', 'only sounds have a waveform');
    const picture = await waveform(path);
    return context.body(picture, 200, {
      'content-type': 'image/svg+xml',
      'content-security-policy': filePolicy,
      'cache-control': 'private, max-age=3600',
    });
  });
  app.get('*', async (context) => {
    const path = page.get(context.req.path);
    if (path === undefined) throw new RequestError(404, 'not-found', `there is nothing at ${context.req.path}`);
    // The bundler puts a hash of the content into the names under assets/.
    const forever = context.req.path.startsWith('/assets/');
    return sendFile(context, path, forever ? { 'cache-control': 'public, max-age=31536000, immutable' } : {});
  });
  app.notFound((context) => {
    const message = `${context.req.method} ${context.req.path} is not something this server does`;
    return context.json({ error: { kind: 'not-found', message } } satisfies ApiError, 404);
  });
  app.onError((error, context) => {
    const refused = asRequestError(error);
    if (refused === undefined) options.onFault?.(error);
    const { status, kind, message } =
      refused ?? new RequestError(500, 'internal', 'the server failed; its log says why');
    return context.json({ error: { kind, message } } satisfies ApiError, status);
  });
  return app;
}

/** The error as one that may be shown, or nothing if it is a fault of ours. */
function asRequestError(error: Error): RequestError | undefined {
  if (error instanceof RequestError) return error;
  if (error instanceof MediaError) return new RequestError(400, 'media', error.message);
  if (error instanceof NotReadyError) return new RequestError(503, 'not-ready', error.message);
  return undefined;
}

function textOf(text: string | undefined): string {
  const trimmed = text?.trim() ?? '';
  if (trimmed === '')
    throw new RequestError(400, 'bad-request', 'search needs a text: /api/search?text=a+slice+of+pizza');
  if (trimmed.length > maxTextLength) {
    throw new RequestError(
      400,
      'bad-request',
      `a text may have at most ${maxTextLength} characters, got ${trimmed.length}`,
    );
  }
  return trimmed;
}

function topOf(top: string | undefined): number {
  if (top === undefined) return defaultTop;
  const value = /^\d{1,6}$/.test(top) ? Number(top) : Number.NaN;
  if (!(value >= 1 && value <= maxTop)) {
    throw new RequestError(
      400,
      'bad-request',
      `top must be a whole number from 1 to ${maxTop}, got "${top.slice(0, 40)}"`,
    );
  }
  return value;
}

/** The kinds that are wanted, `image,audio`; all if the request does not say. */
function kindsOf(kind: string | undefined): SegmentKind[] | undefined {
  if (kind === undefined || kind === '') return undefined;
  const kinds = segmentKinds.safeParse(kind.split(','));
  if (!kinds.success) {
    throw new RequestError(
      400,
      'bad-request',
      `kind must name image, audio, video or text, got "${kind.slice(0, 40)}"`,
    );
  }
  return kinds.data;
}

/** The picture, sound or video that was sent: as the whole body, or as the field `file` of a form. */
async function mediaOf(context: Context): Promise<Uint8Array> {
  let bytes: Uint8Array;
  if (/^multipart\/form-data/i.test(context.req.header('content-type') ?? '')) {
    const form = await context.req.parseBody().catch((error: unknown) => {
      if (error instanceof RequestError) throw error;
      throw new RequestError(400, 'bad-request', 'the form cannot be read');
    });
    const field = form.file;
    if (!(field instanceof File)) throw new RequestError(400, 'bad-request', 'the form needs a file named "file"');
    bytes = new Uint8Array(await field.arrayBuffer());
  } else {
    bytes = new Uint8Array(await context.req.arrayBuffer());
  }
  if (bytes.length === 0) throw new RequestError(400, 'bad-request', 'no file came with the request');
  return bytes;
}

/** The status now and after every change, as server-sent events; at most four a second. */
function sendStatusEvents(context: Context, service: SearchService): Response {
  return streamSSE(context, async (stream) => {
    let wake: () => void = () => {};
    let changed = true;
    const stop = service.onStatus(() => {
      changed = true;
      wake();
    });
    stream.onAbort(() => {
      stop();
      wake();
    });
    while (!stream.aborted) {
      if (changed) {
        changed = false;
        await stream.writeSSE({ event: 'status', data: JSON.stringify(service.status()) });
        await stream.sleep(250);
      } else {
        // A word now and then, so that a connection that died unnoticed is found out.
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, 20_000);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        changed = true;
      }
    }
    stop();
  });
}
