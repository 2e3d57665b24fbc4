/** @file The state of searching: one query at a time, the latest wins; kept in the address so that reload and back work. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { SearchResponse } from '../src/serve/protocol/index.ts';
import { type Query, RequestFailure, search } from './client.ts';

/** How many hits the page asks for. */
const top = 48;

/** What is looked for and what came of it. */
export interface SearchState {
  readonly query: Query | undefined;
  /** Hits of the latest query that was answered; kept while the next one is under way. */
  readonly response: SearchResponse | undefined;
  readonly failure: RequestFailure | undefined;
  readonly isSearching: boolean;
}

const nothing: SearchState = { query: undefined, response: undefined, failure: undefined, isSearching: false };

/** The text in the address, if any. */
export function textInAddress(): string {
  return new URLSearchParams(location.search).get('q')?.slice(0, 1000) ?? '';
}

function writeAddress(text: string, keepEntry: boolean): void {
  const address = text === '' ? location.pathname : `${location.pathname}?q=${encodeURIComponent(text)}`;
  if (`${location.pathname}${location.search}` === address) return;
  if (keepEntry) history.pushState(null, '', address);
  else history.replaceState(null, '', address);
}

/** Searching, and the functions that change what is looked for. */
export function useSearch() {
  const [state, setState] = useState<SearchState>(nothing);
  const running = useRef<AbortController | undefined>(undefined);

  const run = useCallback((query: Query) => {
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    setState((before) => ({ ...before, query, failure: undefined, isSearching: true }));
    search(query, top, controller.signal).then(
      (response) => {
        if (!controller.signal.aborted) setState({ query, response, failure: undefined, isSearching: false });
      },
      (error: unknown) => {
        if (controller.signal.aborted) return;
        const failure = error instanceof RequestFailure ? error : new RequestFailure('internal', String(error));
        setState({ query, response: undefined, failure, isSearching: false });
      },
    );
  }, []);

  const clear = useCallback(() => {
    running.current?.abort();
    writeAddress('', false);
    setState(nothing);
  }, []);

  /** Searches for a text; `asEntry` makes it a step that the back button returns to. */
  const searchText = useCallback(
    (text: string, asEntry: boolean) => {
      const trimmed = text.trim();
      if (trimmed === '') return clear();
      writeAddress(trimmed, asEntry);
      run({ kind: 'text', text: trimmed });
    },
    [run, clear],
  );

  const searchPicture = useCallback(
    (picture: Blob, name: string) => {
      writeAddress('', false);
      run({ kind: 'picture', picture, name, url: URL.createObjectURL(picture) });
    },
    [run],
  );

  /** Shows a failure that happened before anything was asked. */
  const fail = useCallback((failure: RequestFailure) => {
    running.current?.abort();
    setState({ ...nothing, failure });
  }, []);

  // The address of a query picture is freed when another query takes its place.
  const url = state.query?.kind === 'picture' ? state.query.url : undefined;
  useEffect(() => (url === undefined ? undefined : () => URL.revokeObjectURL(url)), [url]);

  return { state, run, clear, searchText, searchPicture, fail };
}
