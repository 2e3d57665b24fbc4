/** @file What came of the search: results, a notice, a failure, or why there is nothing yet. */
import type { RefObject } from 'preact';
import type { SegmentKind, Status } from '../src/serve/protocol/index.ts';
import type { Query } from './client.ts';
import { KindFilter } from './kind-filter.tsx';
import { useTexts } from './language.ts';
import { ResultsGrid } from './results-grid.tsx';
import { StatusLine } from './status-line.tsx';
import type { SearchState } from './use-search.ts';

interface OutcomeProps {
  readonly state: SearchState;
  readonly status: Status | undefined;
  readonly gridRef: RefObject<HTMLUListElement>;
  readonly current: number;
  onCurrent(index: number): void;
  onOpen(index: number): void;
  onLeaveUp(): void;
  onRetry(): void;
  onKind(query: Query, kind: SegmentKind | undefined): void;
}

export function Outcome(props: OutcomeProps) {
  const { state, status, gridRef, current, onCurrent, onOpen, onLeaveUp, onRetry } = props;
  const { text, formatNumber } = useTexts();
  const { query, response, failure, isSearching } = state;

  let summary = '';
  if (isSearching) summary = status?.encoder.state === 'loading' ? text.waitingForEncoder : text.loading;
  else if (response !== undefined && response.hits.length > 0) {
    summary = text.found(
      formatNumber(response.hits.length),
      formatNumber(response.searched),
      formatNumber(response.latencyMs < 10 ? response.latencyMs : Math.round(response.latencyMs)),
    );
  }
  const isEmpty =
    query !== undefined &&
    !isSearching &&
    response !== undefined &&
    response.hits.length === 0 &&
    response.notice === null;
  const isGrowing = status?.indexing.state === 'running' || status?.indexing.state === 'starting';
  return (
    <section class="outcome" aria-busy={isSearching}>
      <div class="summary-row">
        <p role="status">{query === undefined ? '' : summary}</p>
        {query !== undefined && status !== undefined && (
          <KindFilter kinds={status.library.kinds} chosen={state.kind} onChoose={(kind) => props.onKind(query, kind)} />
        )}
        {query !== undefined && isGrowing && <StatusLine status={status} />}
      </div>
      {response?.notice != null && !isSearching && (
        <p class="banner warning" role="status">
          {text.notice[response.notice.kind]}
        </p>
      )}
      {failure !== undefined && (
        <div class="banner failure" role="alert">
          <p>
            {failure.kind === 'media' && failure.message === ''
              ? text.notAFile
              : text.failure[failure.kind](failure.message)}
          </p>
          {query !== undefined && failure.kind !== 'media' && failure.kind !== 'too-large' && (
            <button type="button" class="button" onClick={onRetry}>
              {text.tryAgain}
            </button>
          )}
        </div>
      )}
      {isEmpty && <p class="nothing quiet">{isGrowing ? text.nothingYet : text.noHits}</p>}
      {isSearching && response === undefined && (
        <ul class="results waiting" aria-hidden="true">
          {Array.from({ length: 12 }, (_, index) => (
            <li key={index}>
              <span class="tile" />
            </li>
          ))}
        </ul>
      )}
      {response !== undefined && response.hits.length > 0 && (
        <ResultsGrid
          hits={response.hits}
          gridRef={gridRef}
          current={Math.min(current, response.hits.length - 1)}
          isStale={isSearching}
          onCurrent={onCurrent}
          onOpen={onOpen}
          onLeaveUp={onLeaveUp}
        />
      )}
    </section>
  );
}
