/** @file Talks to the server: searches, the moments of a file, what the library holds, and the stream of its status. */
import {
  type ApiErrorKind,
  apiError,
  type Facets,
  facets,
  type Hit,
  type MomentsResponse,
  momentsResponse,
  type RefusedResponse,
  refusedResponse,
  type SearchResponse,
  type Status,
  searchResponse,
  status,
} from '../src/serve/protocol/index.ts';
import { type Asked, askedParameters, type Choice, choiceParameters, toParts } from './asked.ts';

/** A request that failed, with the kind that the page explains. */
export class RequestFailure extends Error {
  override readonly name = 'RequestFailure';
  readonly kind: ApiErrorKind | 'unreachable';

  constructor(kind: ApiErrorKind | 'unreachable', message: string) {
    super(message);
    this.kind = kind;
  }
}

/** The largest file that the server takes as a query, in bytes; checked here too, so that nothing is sent in vain. */
export const maxQueryBytes = 20_000_000;

/** Reads answers of one kind. */
interface Schema<T> {
  safeParse(value: unknown): { success: true; data: T } | { success: false };
}

async function request<T>(path: string, schema: Schema<T>, init: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new RequestFailure('unreachable', String(error));
  }
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) {
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
  }
  const failure = apiError.safeParse(body);
  if (failure.success) throw new RequestFailure(failure.data.error.kind, failure.data.error.message);
  throw new RequestFailure('internal', `status ${response.status}`);
}

/** Asks a path with what is looked for: in the address, or in a form where there is a file. */
function ask<T>(path: string, asked: Asked, more: URLSearchParams, schema: Schema<T>, signal: AbortSignal): Promise<T> {
  if (asked.file === undefined) {
    const values = new URLSearchParams([...askedParameters(asked), ...more]);
    return request(`${path}?${values}`, schema, { signal });
  }
  const form = new FormData();
  form.set('file', asked.file.blob, asked.file.name);
  form.set('query', JSON.stringify(toParts(asked)));
  return request(`${path}?${more}`, schema, { method: 'POST', body: form, signal });
}

/** The hits for a query. @throws RequestFailure */
export function search(asked: Asked, choice: Choice, top: number, signal: AbortSignal): Promise<SearchResponse> {
  const more = choiceParameters(choice);
  more.set('top', String(top));
  return ask('./api/search', asked, more, searchResponse, signal);
}

/** All moments of a file, with how well each answers. @throws RequestFailure */
export function momentsOf(id: string, asked: Asked, signal: AbortSignal): Promise<MomentsResponse> {
  return ask(`${fileUrl(id)}/moments`, asked, new URLSearchParams(), momentsResponse, signal);
}

/** What can be chosen. @throws RequestFailure */
export function readFacets(signal: AbortSignal): Promise<Facets> {
  return request('./api/facets', facets, { signal });
}

/** Files that could not be indexed. @throws RequestFailure */
export function readRefused(offset: number, signal: AbortSignal): Promise<RefusedResponse> {
  return request(`./api/refused?offset=${offset}&limit=50`, refusedResponse, { signal });
}

/** Where the waveform of a sound is. */
export function waveformUrl(id: string): string {
  return `${fileUrl(id)}/waveform`;
}

/** Where the file of a hit is. */
export function fileUrl(id: string): string {
  return `./api/files/${encodeURIComponent(id)}`;
}

/** Where the small picture of a segment is. */
export function thumbnailUrl({ id, segment }: Pick<Hit, 'id' | 'segment'>): string {
  return `${fileUrl(id)}/thumbnail?segment=${segment}`;
}

/** Follows the status until the returned function is called; `undefined` while the server does not answer. */
export function followStatus(onStatus: (value: Status | undefined) => void): () => void {
  const source = new EventSource('./api/events');
  source.addEventListener('status', (event) => {
    const parsed = status.safeParse(JSON.parse((event as MessageEvent<string>).data));
    if (parsed.success) onStatus(parsed.data);
  });
  let retry: ReturnType<typeof setTimeout> | undefined;
  let stopRetried: (() => void) | undefined;
  source.addEventListener('error', () => {
    onStatus(undefined);
    // A browser gives up after a refusal; a server that is being restarted refuses for a moment.
    if (source.readyState === EventSource.CLOSED) {
      retry = setTimeout(() => {
        stopRetried = followStatus(onStatus);
      }, 2000);
    }
  });
  return () => {
    clearTimeout(retry);
    stopRetried?.();
    source.close();
  };
}
