/** @file What the library can be filtered by, read anew when it has grown. */
import { useEffect, useState } from 'preact/hooks';
import type { Facets } from '../src/serve/protocol/index.ts';
import { readFacets } from './client.ts';

/** How long to wait for more files before reading anew, in milliseconds. */
const settleMs = 1500;

/** What can be chosen, for a library of so many files; nothing while it is not known. */
export function useFacets(numFiles: number | undefined): Facets | undefined {
  const [facets, setFacets] = useState<Facets>();
  const isFirst = facets === undefined;
  useEffect(() => {
    if (numFiles === undefined) return;
    const controller = new AbortController();
    const timer = setTimeout(
      () => {
        readFacets(controller.signal).then(setFacets, () => {});
      },
      isFirst ? 0 : settleMs,
    );
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [numFiles]);
  return facets;
}
