/** @file The page: one search box, what it found, and how the library is. */
import { Fragment } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { Hit, Status } from '../src/serve/protocol/index.ts';
import { fileUrl, followStatus, maxQueryBytes, RequestFailure } from './client.ts';
import { initialLanguage, LanguageContext, rememberLanguage } from './language.ts';
import { LargeView } from './large-view.tsx';
import { Outcome } from './outcome.tsx';
import { SearchBox } from './search-box.tsx';
import { StatusLine } from './status-line.tsx';
import { exampleQueries, type Language, languages, texts } from './texts.ts';
import { useDroppedFile } from './use-dropped-file.ts';
import { textInAddress, useSearch } from './use-search.ts';

/** How long the typing must pause before the page searches by itself. */
const typingPauseMs = 300;

/** How often results are brought up to date while the library grows. */
const refreshMs = 3000;

export function Page() {
  const [language, setLanguage] = useState<Language>(initialLanguage);
  const [status, setStatus] = useState<Status>();
  const [isConnected, setConnected] = useState(true);
  const [draft, setDraft] = useState(textInAddress);
  const [current, setCurrent] = useState(0);
  const [opened, setOpened] = useState<number>();
  const { state, run, clear, searchText, searchFile, chooseKind, fail } = useSearch();
  const inputRef = useRef<HTMLInputElement>(null);
  const gridRef = useRef<HTMLUListElement>(null);
  const typing = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const text = texts[language];

  useEffect(
    () =>
      followStatus((value) => {
        setConnected(value !== undefined);
        if (value !== undefined) setStatus(value);
      }),
    [],
  );

  useEffect(() => inputRef.current?.focus(), []);

  useEffect(() => {
    document.documentElement.lang = language;
    rememberLanguage(language);
  }, [language]);

  // The address names the query: at the start, and after the back button.
  useEffect(() => {
    const follow = () => {
      const asked = textInAddress();
      setDraft(asked);
      searchText(asked, false);
    };
    if (textInAddress() !== '') follow();
    window.addEventListener('popstate', follow);
    return () => window.removeEventListener('popstate', follow);
  }, [searchText]);

  const submit = (asked: string) => {
    clearTimeout(typing.current);
    setDraft(asked);
    setCurrent(0);
    searchText(asked, true);
  };

  const onDraft = (changed: string) => {
    setDraft(changed);
    clearTimeout(typing.current);
    typing.current = setTimeout(() => {
      setCurrent(0);
      searchText(changed, false);
    }, typingPauseMs);
  };

  const startAgain = useCallback(() => {
    clearTimeout(typing.current);
    setDraft('');
    setCurrent(0);
    clear();
    inputRef.current?.focus();
  }, [clear]);

  const onFile = useCallback(
    (file: File) => {
      clearTimeout(typing.current);
      setDraft('');
      setCurrent(0);
      setOpened(undefined);
      if (file.type !== '' && !/^(image|audio|video)\//.test(file.type)) fail(new RequestFailure('media', ''));
      else if (file.size > maxQueryBytes) fail(new RequestFailure('too-large', ''));
      else searchFile(file, file.name);
    },
    [fail, searchFile],
  );
  const isDragging = useDroppedFile(onFile);

  const findSimilar = async (hit: Hit) => {
    setOpened(undefined);
    setDraft('');
    setCurrent(0);
    try {
      const response = await fetch(fileUrl(hit.id));
      if (!response.ok) throw new RequestFailure('not-found', hit.name);
      searchFile(await response.blob(), hit.name);
      window.scrollTo({ top: 0 });
    } catch (error) {
      fail(error instanceof RequestFailure ? error : new RequestFailure('unreachable', String(error)));
    }
  };

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (opened !== undefined || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
      const isTyping = event.target === inputRef.current;
      if (event.key === '/' && !isTyping) {
        event.preventDefault();
        inputRef.current?.focus();
        inputRef.current?.select();
      } else if (event.key === 'Escape') {
        startAgain();
      } else if (event.key === 'ArrowDown' && (isTyping || event.target === document.body)) {
        const first = gridRef.current?.querySelector<HTMLElement>('button');
        if (first === null || first === undefined) return;
        event.preventDefault();
        first.focus();
      }
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, [opened, startAgain]);

  // While the library grows, so do the results, unless somebody is moving among them.
  const files = status?.library.files ?? 0;
  const { query, response, isSearching } = state;
  useEffect(() => {
    if (query === undefined || response === undefined || isSearching || response.searched >= files) return;
    const timer = setTimeout(() => {
      const isMoving = opened !== undefined || gridRef.current?.contains(document.activeElement);
      if (!isMoving) run(query);
    }, refreshMs);
    return () => clearTimeout(timer);
  }, [query, response, isSearching, files, opened, run]);

  // While a search is shown, the progress stands beside its results.
  const isGrowing = status?.indexing.state === 'running' || status?.indexing.state === 'starting';
  const isAtRest = query === undefined && state.failure === undefined;
  return (
    <LanguageContext.Provider value={language}>
      <div class={isAtRest ? 'layout at-rest' : 'layout'}>
        <header>
          <button type="button" class="wordmark" onClick={startAgain}>
            <img src="./icon.svg" alt="" width="24" height="24" />
            Sensorium
          </button>
          <fieldset class="languages" aria-label={text.language}>
            {Object.entries(languages).map(([code, name]) => (
              <button
                type="button"
                key={code}
                lang={code}
                aria-pressed={code === language}
                onClick={() => setLanguage(code as Language)}
              >
                {name}
              </button>
            ))}
          </fieldset>
        </header>
        <main>
          <div class="ask">
            {isAtRest && (
              <div class="welcome">
                <h1>{text.headline}</h1>
                <p class="quiet">{text.tagline}</p>
              </div>
            )}
            <SearchBox
              inputRef={inputRef}
              value={draft}
              query={query}
              onChange={onDraft}
              onSubmit={() => submit(draft)}
              onClear={startAgain}
              onFile={onFile}
            />
            {isAtRest && (
              <div class="examples">
                <span class="quiet">{text.tryThese}</span>
                {exampleQueries[language].map((example) => (
                  <button type="button" class="chip" key={example} onClick={() => submit(example)}>
                    {example}
                  </button>
                ))}
              </div>
            )}
          </div>
          {!isConnected && (
            <p class="banner warning" role="status">
              {text.connectionLost}
            </p>
          )}
          {status?.encoder.state === 'failed' && (
            <p class="banner failure" role="alert">
              {text.encoderFailed} <span class="detail">{status.encoder.message}</span>
            </p>
          )}
          <Outcome
            state={state}
            status={status}
            gridRef={gridRef}
            current={current}
            onCurrent={setCurrent}
            onOpen={setOpened}
            onLeaveUp={() => inputRef.current?.focus()}
            onRetry={() => query !== undefined && run(query)}
            onKind={(asked, kind) => {
              setCurrent(0);
              chooseKind(asked, kind);
            }}
          />
        </main>
        <footer>
          {(isAtRest || !isGrowing) && <StatusLine status={status} />}
          <p class="keys" aria-hidden="true">
            {text.keys.map(([key, does]) => (
              <Fragment key={key}>
                <kbd>{key}</kbd> {does}
              </Fragment>
            ))}
          </p>
          {status?.library.credit !== undefined && <p class="credit">{status.library.credit}</p>}
        </footer>
        {isDragging && (
          <div class="drop-veil">
            <p>{text.dropHere}</p>
          </div>
        )}
        {opened !== undefined && response !== undefined && (
          <LargeView
            hits={response.hits}
            index={opened}
            onMove={(index) => {
              setOpened(index);
              setCurrent(index);
            }}
            onClose={() => {
              // The browser has just moved the focus back to the tile that was opened first.
              gridRef.current?.querySelectorAll<HTMLElement>('button')[opened]?.focus();
              setOpened(undefined);
            }}
            onFindSimilar={findSimilar}
          />
        )}
      </div>
    </LanguageContext.Provider>
  );
}
