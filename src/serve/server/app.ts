/**
 * @file The HTTP handlers: status, search by any parts, the moments of a file, the files of the library, and the page. Without a socket, so that
 * tests call them directly.
 */
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { streamSSE } from 'hono/streaming';
import { MediaError } from '../../engine/core/index.ts';
import type { ApiError, MomentsResponse, SearchResponse } from '../protocol/index.ts';
import { pageFiles, sendFile } from './files.ts';
import { checkHost, filePolicy, refuseCrossSite, securityHeaders } from './guards.ts';
import { RequestError } from './request-error.ts';
import {
  filterOf,
  maxFormBytes,
  maxQueryBytes,
  partsOfAddress,
  partsOfBody,
  tooLarge,
  topOf,
  wholeNumber,
} from './search-request.ts';
import { NotFoundError, NotReadyError, type Part, type SearchService } from './service.ts';
import { waveform } from './waveform.ts';

/** Refused files that are listed if the request does not say, and at most. */
const defaultRefused = 50;
const maxRefused = 200;

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

  const foundFile = async (id: string) => {
    const file = await service.fileOf(id);
    if (file === undefined) throw new RequestError(404, 'not-found', 'the library has no such file');
    return file;
  };

  const limited = bodyLimit({
    maxSize: maxQueryBytes + maxFormBytes,
    onError: () => {
      throw tooLarge();
    },
  });

  const answer = async (context: Context, parts: readonly Part[]) => {
    const started = performance.now();
    const { hits, weaker, ...rest } = await service.search(parts, topOf(context), filterOf(context));
    const found = { hits: [...hits], weaker: [...weaker], ...rest };
    return context.json({ ...found, latencyMs: since(started) } satisfies SearchResponse);
  };

  const answerMoments = async (context: Context, parts: readonly Part[]) => {
    const started = performance.now();
    const moments = await service.momentsOf(context.req.param('id') ?? '', parts);
    return context.json({ moments: [...moments], latencyMs: since(started) } satisfies MomentsResponse);
  };

  app.get('/api/status', (context) => context.json(service.status()));
  app.get('/api/events', (context) => sendStatusEvents(context, service));
  app.get('/api/facets', async (context) => context.json(await service.facets()));
  app.get('/api/refused', async (context) => {
    const offset = wholeNumber(context.req.query('offset'), 'offset', { from: 0, to: 1e9, otherwise: 0 });
    const range = { from: 1, to: maxRefused, otherwise: defaultRefused };
    return context.json(await service.refused(offset, wholeNumber(context.req.query('limit'), 'limit', range)));
  });
  app.get('/api/search', (context) => answer(context, partsOfAddress(context)));
  app.post('/api/search', limited, async (context) => answer(context, await partsOfBody(context)));
  app.get('/api/files/:id/moments', (context) => answerMoments(context, partsOfAddress(context)));
  app.post('/api/files/:id/moments', limited, async (context) => answerMoments(context, await partsOfBody(context)));
  app.get('/api/files/:id', async (context) => {
    const { path } = await foundFile(context.req.param('id'));
    return sendFile(context, path, { 'content-security-policy': filePolicy });
  });
  app.get('/api/files/:id/thumbnail', async (context) => {
    const id = context.req.param('id');
    const segment = wholeNumber(context.req.query('segment'), 'segment', { from: 0, to: 1e9, otherwise: 0 });
    const picture = await service.thumbnailOf(id, segment);
    if (picture === undefined) {
      // What is small has no smaller picture: it is shown itself, and a sound by its waveform.
      const file = await service.fileOf(id);
      if (file?.kind === 'image') return sendFile(context, file.path, { 'content-security-policy': filePolicy });
      if (file?.kind === 'audio') return sendWaveform(context, file.path);
      throw new RequestError(404, 'not-found', 'there is no small picture of this segment');
    }
    return context.body(Uint8Array.from(picture), 200, {
      'content-type': 'image/webp',
      'content-security-policy': filePolicy,
      'cache-control': 'private, max-age=3600',
    });
  });
  app.get('/api/files/:id/waveform', async (context) => {
    const { path, kind } = await foundFile(context.req.param('id'));
    if (kind !== 'audio') throw new RequestError(404, 'not-found', 'only sounds have a waveform');
    return sendWaveform(context, path);
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
  if (error instanceof NotFoundError) return new RequestError(404, 'not-found', error.message);
  if (error instanceof NotReadyError) return new RequestError(503, 'not-ready', error.message);
  return undefined;
}

async function sendWaveform(context: Context, path: string): Promise<Response> {
  return context.body(await waveform(path), 200, {
    'content-type': 'image/svg+xml',
    'content-security-policy': filePolicy,
    'cache-control': 'private, max-age=3600',
  });
}

/** Milliseconds since, to a tenth. */
function since(startedMs: number): number {
  return Math.round((performance.now() - startedMs) * 10) / 10;
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
