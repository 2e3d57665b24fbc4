/** @file The page: one search box, what it found, and how the library is. */
import { Fragment } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { Hit, Status } from '../src/serve/protocol/index.ts';
import { type Asked, type Choice, isAsking, nothingAsked } from './asked.ts';
import type { CaptureProblem } from './capture.ts';
import { followStatus, maxQueryBytes, RequestFailure } from './client.ts';
import { initialLanguage, LanguageContext, rememberLanguage } from './language.ts';
import { LargeView } from './large-view.tsx';
import { Outcome } from './outcome.tsx';
import { SearchBox } from './search-box.tsx';
import { StatusLine } from './status-line.tsx';
import { exampleQueries, type Language, languages, texts } from './texts.ts';
import { useDroppedFile } from './use-dropped-file.ts';
import { useFacets } from './use-facets.ts';
import { type AddressChange, allHits, askedInAddress, useSearch } from './use-search.ts';

/** How long the typing must pause before the page searches by itself. */
const typingPauseMs = 300;

/** How often results are brought up to date while the library grows. */
const refreshMs = 3000;

export function Page() {
  const [language, setLanguage] = useState<Language>(initialLanguage);
  const [status, setStatus] = useState<Status>();
  const [isConnected, setConnected] = useState(true);
  const [draft, setDraft] = useState<Asked>(nothingAsked);
  const [current, setCurrent] = useState(0);
  const [opened, setOpened] = useState<number>();
  const [problem, setProblem] = useState<CaptureProblem>();
  const { state, ask, fail } = useSearch();
  const facets = useFacets(status?.library.files);
  const inputRef = useRef<HTMLInputElement>(null);
  const gridRef = useRef<HTMLUListElement>(null);
  const typing = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  // Typing goes on while answers come: what is asked next builds on what was asked last.
  const choiceRef = useRef<Choice>(state.choice);
  choiceRef.current = state.choice;
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

  /** Puts it into the box, and searches. */
  const submit = useCallback(
    (asked: Asked, choice: Choice, change: AddressChange) => {
      clearTimeout(typing.current);
      setDraft(asked);
      setCurrent(0);
      setOpened(undefined);
      setProblem(undefined);
      ask(asked, choice, change);
    },
    [ask],
  );

  // The address names the query: at the start, and after the back button.
  useEffect(() => {
    const follow = () => {
      const { asked, choice } = askedInAddress();
      submit(asked, choice, 'none');
    };
    if (isAsking(askedInAddress().asked)) follow();
    window.addEventListener('popstate', follow);
    return () => window.removeEventListener('popstate', follow);
  }, [submit]);

  const onDraft = (changed: Pick<Asked, 'text' | 'not'>) => {
    const asked = { ...draft, ...changed };
    setDraft(asked);
    clearTimeout(typing.current);
    typing.current = setTimeout(() => {
      setCurrent(0);
      ask(asked, choiceRef.current, 'same step');
    }, typingPauseMs);
  };

  const startAgain = useCallback(() => {
    submit(nothingAsked, { tags: [] }, 'same step');
    inputRef.current?.focus();
  }, [submit]);

  const onFile = useCallback(
    (file: File) => {
      const isNone = file.type !== '' && !/^(image|audio|video)\//.test(file.type);
      if (isNone || file.size > maxQueryBytes) {
        clearTimeout(typing.current);
        setDraft(nothingAsked);
        setOpened(undefined);
        fail(new RequestFailure(isNone ? 'media' : 'too-large', ''));
      } else submit({ ...nothingAsked, file: { blob: file, name: file.name } }, choiceRef.current, 'new step');
    },
    [fail, submit],
  );
  const isDragging = useDroppedFile(onFile);

  const findSimilar = ({ id, segment, name }: Hit) => {
    submit({ ...nothingAsked, like: { id, segment, name } }, choiceRef.current, 'new step');
    window.scrollTo({ top: 0 });
  };

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (document.querySelector('dialog[open]') !== null) return;
      if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
      const { target } = event;
      const isField = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
      if (event.key === '/' && !isField) {
        event.preventDefault();
        inputRef.current?.focus();
        inputRef.current?.select();
      } else if (event.key === 'Escape') {
        startAgain();
      } else if (event.key === 'ArrowDown' && (target === inputRef.current || target === document.body)) {
        const first = gridRef.current?.querySelector<HTMLElement>('button');
        if (first === null || first === undefined) return;
        event.preventDefault();
        first.focus();
      }
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, [startAgain]);

  // While the library grows, so do the results, unless somebody is moving among them.
  const files = status?.library.files ?? 0;
  const { asked, choice, response, isSearching } = state;
  const hasQuery = isAsking(asked);
  useEffect(() => {
    if (!hasQuery || response === undefined || isSearching || response.searched >= files) return;
    const timer = setTimeout(() => {
      const isMoving = opened !== undefined || gridRef.current?.contains(document.activeElement);
      if (!isMoving) ask(asked, choice, 'none');
    }, refreshMs);
    return () => clearTimeout(timer);
  }, [hasQuery, asked, choice, response, isSearching, files, opened, ask]);

  // While a search is shown, the progress stands beside its results.
  const isGrowing = status?.indexing.state === 'running' || status?.indexing.state === 'starting';
  const isAtRest = !hasQuery && state.failure === undefined;
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
              draft={draft}
              onChange={onDraft}
              onSubmit={() => submit(draft, choice, 'new step')}
              onClear={startAgain}
              onRemoveExample={() => {
                submit({ text: draft.text, not: draft.not }, choice, 'new step');
                inputRef.current?.focus();
              }}
              onFile={onFile}
              onProblem={setProblem}
            />
            {problem !== undefined && (
              <div class="banner warning" role="alert">
                <p>{text.capture[problem]}</p>
                <button type="button" class="link" onClick={() => setProblem(undefined)}>
                  {text.close}
                </button>
              </div>
            )}
            {isAtRest && (
              <div class="examples">
                <span class="quiet">{text.tryThese}</span>
                {exampleQueries[language].map((example) => (
                  <button
                    type="button"
                    class="chip"
                    key={example}
                    onClick={() => submit({ ...nothingAsked, text: example }, choice, 'new step')}
                  >
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
            facets={facets}
            gridRef={gridRef}
            current={current}
            onCurrent={setCurrent}
            onOpen={setOpened}
            onLeaveUp={() => inputRef.current?.focus()}
            onRetry={() => ask(asked, choice, 'none')}
            onChoose={(wanted) => {
              setCurrent(0);
              ask({ ...draft }, wanted, 'new step');
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
            asked={asked}
            hits={allHits(response)}
            index={opened}
            onMove={(index) => {
              setOpened(index);
              setCurrent(index);
            }}
            onClose={() => {
              // The browser has just moved the focus back to the tile that was opened first.
              gridRef.current?.querySelectorAll<HTMLElement>('button.tile')[opened]?.focus();
              setOpened(undefined);
            }}
            onFindSimilar={findSimilar}
          />
        )}
      </div>
    </LanguageContext.Provider>
  );
}
