/** @file What came of the search: results, a notice, a failure, or why there is nothing yet. */
import type { RefObject } from 'preact';
import type { Facets, Status } from '../src/serve/protocol/index.ts';
import { type Choice, isAsking, numChosen } from './asked.ts';
import { Filters } from './filters.tsx';
import { useTexts } from './language.ts';
import { ResultsWall } from './results-wall.tsx';
import { StatusLine } from './status-line.tsx';
import { allHits, type SearchState } from './use-search.ts';

interface OutcomeProps {
  readonly state: SearchState;
  readonly status: Status | undefined;
  readonly facets: Facets | undefined;
  readonly gridRef: RefObject<HTMLUListElement>;
  readonly current: number;
  onCurrent(index: number): void;
  onOpen(index: number): void;
  onLeaveUp(): void;
  onRetry(): void;
  onChoose(choice: Choice): void;
}

export function Outcome(props: OutcomeProps) {
  const { state, status, facets, gridRef, current, onCurrent, onOpen, onLeaveUp, onRetry, onChoose } = props;
  const { text, formatNumber } = useTexts();
  const { asked, choice, response, failure, isSearching } = state;
  const hasQuery = isAsking(asked);
  const found = allHits(response);

  let summary = '';
  if (isSearching) summary = status?.encoder.state === 'loading' ? text.waitingForEncoder : text.loading;
  else if (response !== undefined && found.length > 0) {
    summary = text.found(
      formatNumber(response.hits.length),
      formatNumber(response.searched),
      formatNumber(response.latencyMs < 10 ? response.latencyMs : Math.round(response.latencyMs)),
    );
  }
  const isEmpty = hasQuery && !isSearching && response !== undefined && found.length === 0 && response.notice === null;
  const isGrowing = status?.indexing.state === 'running' || status?.indexing.state === 'starting';
  const isFiltered = choice.kind !== undefined || numChosen(choice) > 0;
  const emptiness = isFiltered ? text.noHitsHere : isGrowing ? text.nothingYet : text.noHits;
  return (
    <section class="outcome" aria-busy={isSearching}>
      {hasQuery && facets !== undefined && <Filters facets={facets} choice={choice} onChoose={onChoose} />}
      <div class="summary-row">
        <p role="status">{hasQuery ? summary : ''}</p>
        {hasQuery && isGrowing && <StatusLine status={status} />}
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
          {hasQuery && failure.kind !== 'media' && failure.kind !== 'too-large' && (
            <button type="button" class="button" onClick={onRetry}>
              {text.tryAgain}
            </button>
          )}
        </div>
      )}
      {isEmpty && (
        <p class="nothing quiet" role="status">
          {emptiness}
        </p>
      )}
      {isSearching && response === undefined && (
        <ul class="results waiting" aria-hidden="true">
          {Array.from({ length: 12 }, (_, index) => (
            <li key={index}>
              <span class="tile" />
            </li>
          ))}
        </ul>
      )}
      {response !== undefined && found.length > 0 && (
        <ResultsWall
          hits={found}
          numMatches={response.hits.length}
          gridRef={gridRef}
          current={Math.min(current, found.length - 1)}
          isStale={isSearching}
          onCurrent={onCurrent}
          onOpen={onOpen}
          onLeaveUp={onLeaveUp}
        />
      )}
    </section>
  );
}
