/** @file Everything together: the page is up first, then the encoder loads, and a folder is indexed beside it. */
import { fileURLToPath } from 'node:url';
import { loadEncoder } from '../../bundle/index.ts';
import { createApp } from './app.ts';
import { type IndexingRun, startIndexing } from './indexing-process.ts';
import type { IndexingEvent } from './indexing-progress.ts';
import { LibraryService } from './library-service.ts';
import { hostNamesOf, type Listening, listen } from './listen.ts';

/** What is served, and where. */
export interface ServeOptions {
  /** The folder of the library. */
  readonly library: string;
  readonly host: string;
  readonly port: number;
  /** A bundle; the built-in one if absent. */
  readonly model?: string;
  /** Keeps the library up to date with folders, making it first; absent, the library must be there. */
  readonly index?: { readonly folders: readonly string[]; readonly rebuild: boolean };
  /** Whose files these are, where a licence asks to say so. */
  readonly credit?: string;
  /** Told of everything that the indexing reports. */
  readonly onIndexing?: (event: IndexingEvent) => void;
  /** Told of faults that are ours. */
  readonly onFault?: (error: unknown) => void;
}

/** A library that is being served. */
export interface Serving {
  readonly url: string;
  readonly service: LibraryService;
  /** Stops indexing, then serving. */
  close(): Promise<void>;
}

/** One query is little work; a second thread for it would only wait, and take time from the indexing. */
const queryRuntime = { numThreads: 1, prepare: ['text'] } as const;

/** The built page, at `dist/studio` of the package, from `dist/serve/server` and `src/serve/server` alike. */
const pageDirectory = fileURLToPath(new URL('../../../dist/studio', import.meta.url));

/**
 * Serves a library; resolves as soon as the page can be opened.
 * @throws ListenError if the port cannot be had; MissingDataError if there is no library and none is to be made.
 */
export async function serveLibrary(options: ServeOptions): Promise<Serving> {
  const { library, host, port, model, index, credit, onFault = () => {} } = options;
  const service = new LibraryService({ directory: library, ...(credit === undefined ? {} : { credit }) });
  await service.refresh(index === undefined);
  if (index !== undefined) service.expectIndexing();
  const app = await createApp({ service, pageDirectory, hostNames: hostNamesOf(host), onFault });
  const listening: Listening = await listen(app, { host, port });

  const useEncoder = () => service.useEncoder(() => loadEncoder(model, queryRuntime));
  let run: IndexingRun | undefined;
  if (index === undefined) {
    void useEncoder();
  } else {
    // The first time, the towers have to be converted: the indexing process does it, so that this one can answer.
    let isLoading = service.status().library.files > 0;
    if (isLoading) void useEncoder();
    const task = { library, folders: index.folders, rebuild: index.rebuild, ...(model === undefined ? {} : { model }) };
    run = startIndexing(task, (event) => {
      if (!isLoading) {
        isLoading = true;
        void useEncoder();
      }
      service.onIndexing(event).catch(onFault);
      options.onIndexing?.(event);
    });
  }
  return {
    url: listening.url,
    service,
    async close() {
      await run?.stop();
      await listening.close();
      await service.close();
    },
  };
}
