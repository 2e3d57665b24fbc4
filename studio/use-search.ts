/** @file The state of searching: one query at a time, the latest wins; kept in the address so that reload and back work. */
import { useCallback, useRef, useState } from 'preact/hooks';
import type { Hit, SearchResponse } from '../src/serve/protocol/index.ts';
import {
  type Asked,
  type AskedFile,
  anything,
  type Choice,
  fromAddress,
  isAsking,
  nothingAsked,
  toAddress,
} from './asked.ts';
import { RequestFailure, search } from './client.ts';

/** How many hits the page asks for. */
const top = 60;

/** What is looked for and what came of it. */
export interface SearchState {
  readonly asked: Asked;
  readonly choice: Choice;
  /** Hits of the latest query that was answered, and what that was; kept while the next one is under way. */
  readonly response: SearchResponse | undefined;
  readonly failure: RequestFailure | undefined;
  readonly isSearching: boolean;
}

/** What matches, then what is merely nearest. */
export function allHits(response: SearchResponse | undefined): readonly Hit[] {
  return response === undefined ? [] : [...response.hits, ...response.weaker];
}

const nothing: SearchState = {
  asked: nothingAsked,
  choice: anything,
  response: undefined,
  failure: undefined,
  isSearching: false,
};

/** How the address changes: a step that the back button returns to, the same step, or not at all. */
export type AddressChange = 'new step' | 'same step' | 'none';

/** What the browser keeps beside an address: files and names are not in it. */
interface StepState {
  readonly file?: number;
  readonly likeName?: string;
}

/** Files of earlier steps, so that the back button finds them while the page is open. */
const filesOfSteps: AskedFile[] = [];

/** What the present address asks for. */
export function askedInAddress(): { asked: Asked; choice: Choice } {
  const { asked, choice } = fromAddress(location.search);
  const state = history.state as StepState | null;
  const file = state?.file === undefined ? undefined : filesOfSteps[state.file];
  const like = asked.like === undefined ? undefined : { ...asked.like, name: state?.likeName ?? '' };
  return { asked: { ...asked, ...(file ? { file } : {}), ...(like ? { like } : {}) }, choice };
}

function writeAddress(asked: Asked, choice: Choice, change: AddressChange): void {
  if (change === 'none') return;
  const { file, like } = asked;
  if (file !== undefined && !filesOfSteps.includes(file)) filesOfSteps.push(file);
  const state: StepState = {
    ...(file === undefined ? {} : { file: filesOfSteps.indexOf(file) }),
    ...(like === undefined ? {} : { likeName: like.name }),
  };
  const address = `${location.pathname}${toAddress(asked, choice)}`;
  const isSame =
    `${location.pathname}${location.search}` === address && (history.state as StepState | null)?.file === state.file;
  if (change === 'new step' && !isSame) history.pushState(state, '', address);
  else history.replaceState(state, '', address);
}

/** Searching, and the functions that change what is looked for. */
export function useSearch() {
  const [state, setState] = useState<SearchState>(nothing);
  const running = useRef<AbortController | undefined>(undefined);

  /** Searches; asking for nothing clears what was found. */
  const ask = useCallback((asked: Asked, choice: Choice, change: AddressChange) => {
    running.current?.abort();
    writeAddress(asked, choice, change);
    if (!isAsking(asked)) {
      setState({ ...nothing, asked, choice });
      return;
    }
    const controller = new AbortController();
    running.current = controller;
    setState((before) => ({ ...before, asked, choice, failure: undefined, isSearching: true }));
    search(asked, choice, top, controller.signal).then(
      (response) => {
        if (!controller.signal.aborted) setState({ asked, choice, response, failure: undefined, isSearching: false });
      },
      (error: unknown) => {
        if (controller.signal.aborted) return;
        const failure = error instanceof RequestFailure ? error : new RequestFailure('internal', String(error));
        setState({ asked, choice, response: undefined, failure, isSearching: false });
      },
    );
  }, []);

  /** Shows a failure that happened before anything was asked. */
  const fail = useCallback((failure: RequestFailure) => {
    running.current?.abort();
    setState({ ...nothing, failure });
  }, []);

  return { state, ask, fail };
}
