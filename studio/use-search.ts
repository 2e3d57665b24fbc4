/** @file The state of searching: one query at a time, the latest wins; kept in the address so that reload and back work. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { SearchResponse, SegmentKind } from '../src/serve/protocol/index.ts';
import { type Query, RequestFailure, search } from './client.ts';

/** How many hits the page asks for. */
const top = 48;

/** What is looked for and what came of it. */
export interface SearchState {
  readonly query: Query | undefined;
  /** The kind that is wanted; all if absent. */
  readonly kind: SegmentKind | undefined;
  /** Hits of the latest query that was answered; kept while the next one is under way. */
  readonly response: SearchResponse | undefined;
  readonly failure: RequestFailure | undefined;
  readonly isSearching: boolean;
}

const nothing: SearchState = {
  query: undefined,
  kind: undefined,
  response: undefined,
  failure: undefined,
  isSearching: false,
};

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

  const kindRef = useRef<SegmentKind | undefined>(undefined);

  const run = useCallback((query: Query) => {
    const kind = kindRef.current;
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    setState((before) => ({ ...before, query, kind, failure: undefined, isSearching: true }));
    search(query, kind, top, controller.signal).then(
      (response) => {
        if (!controller.signal.aborted) setState({ query, kind, response, failure: undefined, isSearching: false });
      },
      (error: unknown) => {
        if (controller.signal.aborted) return;
        const failure = error instanceof RequestFailure ? error : new RequestFailure('internal', String(error));
        setState({ query, kind, response: undefined, failure, isSearching: false });
      },
    );
  }, []);

  const clear = useCallback(() => {
    running.current?.abort();
    writeAddress('', false);
    kindRef.current = undefined;
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

  /** Searches again, for one kind of file or for all. */
  const chooseKind = useCallback(
    (query: Query, kind: SegmentKind | undefined) => {
      kindRef.current = kind;
      run(query);
    },
    [run],
  );

  const searchFile = useCallback(
    (file: Blob, name: string) => {
      writeAddress('', false);
      run({ kind: 'file', file, name, url: URL.createObjectURL(file) });
    },
    [run],
  );

  /** Shows a failure that happened before anything was asked. */
  const fail = useCallback((failure: RequestFailure) => {
    running.current?.abort();
    setState({ ...nothing, failure });
  }, []);

  // The address of a query file is freed when another query takes its place.
  const url = state.query?.kind === 'file' ? state.query.url : undefined;
  useEffect(() => (url === undefined ? undefined : () => URL.revokeObjectURL(url)), [url]);

  return { state, run, clear, searchText, searchFile, chooseKind, fail };
}
