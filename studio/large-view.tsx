/** @file One file, large, over the page; arrow keys go to its neighbours, Escape goes back. */
import { useEffect, useRef } from 'preact/hooks';
import type { Hit } from '../src/serve/protocol/index.ts';
import { fileUrl } from './client.ts';
import { CloseIcon, NextIcon, PreviousIcon } from './icons.tsx';
import { useTexts } from './language.ts';
import { MediaLarge } from './media-view.tsx';

interface LargeViewProps {
  readonly hits: readonly Hit[];
  readonly index: number;
  onMove(index: number): void;
  onClose(): void;
  onFindSimilar(hit: Hit): void;
}

export function LargeView({ hits, index, onMove, onClose, onFindSimilar }: LargeViewProps) {
  const { text, formatNumber, formatScore, formatDuration } = useTexts();
  const dialogRef = useRef<HTMLDialogElement>(null);
  const hit = hits[index];
  useEffect(() => {
    dialogRef.current?.showModal();
  }, []);
  if (hit === undefined) return null;
  const move = (step: number) => onMove(Math.min(hits.length - 1, Math.max(0, index + step)));
  return (
    <dialog
      ref={dialogRef}
      class="large-view"
      aria-label={hit.name}
      onClose={onClose}
      onKeyDown={(event) => {
        if (event.key === 'ArrowRight' || event.key === 'ArrowDown') move(1);
        else if (event.key === 'ArrowLeft' || event.key === 'ArrowUp') move(-1);
        else return;
        event.preventDefault();
      }}
      onClick={(event) => {
        if (event.target === dialogRef.current) dialogRef.current?.close();
      }}
    >
      <div class="large-frame">
        <button
          type="button"
          class="round close"
          onClick={() => dialogRef.current?.close()}
          aria-label={text.close}
          title={text.close}
        >
          <CloseIcon />
        </button>
        <div class="large-picture">
          <MediaLarge hit={hit} />
          <button
            type="button"
            class="round previous"
            disabled={index === 0}
            onClick={() => move(-1)}
            aria-label={text.previous}
          >
            <PreviousIcon />
          </button>
          <button
            type="button"
            class="round next"
            disabled={index === hits.length - 1}
            onClick={() => move(1)}
            aria-label={text.next}
          >
            <NextIcon />
          </button>
        </div>
        <div class="large-facts">
          <div>
            <p class="large-name">{hit.name}</p>
            <p class="quiet">
              {[
                `${text.similarity} ${formatScore(hit.score)}`,
                ...(hit.width > 0 ? [`${formatNumber(hit.width)} × ${formatNumber(hit.height)}`] : []),
                ...(hit.durationSeconds > 0 ? [formatDuration(hit.durationSeconds)] : []),
              ].join(' · ')}
            </p>
          </div>
          <div class="large-actions">
            <a class="button" href={fileUrl(hit.id)} target="_blank" rel="noreferrer">
              {text.openFile}
            </a>
            <button type="button" class="button strong" onClick={() => onFindSimilar(hit)}>
              {text.findSimilar}
            </button>
          </div>
        </div>
      </div>
    </dialog>
  );
}
