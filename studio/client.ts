/** @file Talks to the server: searches, and the stream of its status. */
import {
  type ApiErrorKind,
  apiError,
  type SearchResponse,
  type SegmentKind,
  type Status,
  searchResponse,
  status,
} from '../src/serve/protocol/index.ts';

/** What is looked for. */
export type Query =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'file'; readonly file: Blob; readonly name: string; readonly url: string };

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

/** The hits for a query, of one kind or of all. @throws RequestFailure */
export async function search(
  query: Query,
  kind: SegmentKind | undefined,
  top: number,
  signal: AbortSignal,
): Promise<SearchResponse> {
  const wanted = `top=${top}${kind === undefined ? '' : `&kind=${kind}`}`;
  let response: Response;
  try {
    response =
      query.kind === 'text'
        ? await fetch(`./api/search?${wanted}&text=${encodeURIComponent(query.text)}`, { signal })
        : await fetch(`./api/search?${wanted}`, {
            method: 'POST',
            body: query.file,
            headers: { 'content-type': query.file.type || 'application/octet-stream' },
            signal,
          });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new RequestFailure('unreachable', String(error));
  }
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) {
    const parsed = searchResponse.safeParse(body);
    if (parsed.success) return parsed.data;
  }
  const failure = apiError.safeParse(body);
  if (failure.success) throw new RequestFailure(failure.data.error.kind, failure.data.error.message);
  throw new RequestFailure('internal', `status ${response.status}`);
}

/** Where the waveform of a sound is. */
export function waveformUrl(id: string): string {
  return `${fileUrl(id)}/waveform`;
}

/** Where the file of a hit is. */
export function fileUrl(id: string): string {
  return `./api/files/${encodeURIComponent(id)}`;
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
