/** @file One find, large, over the page; arrow keys go to its neighbours, Escape goes back. */
import { useEffect, useRef } from 'preact/hooks';
import type { Hit } from '../src/serve/protocol/index.ts';
import type { Asked } from './asked.ts';
import { fileUrl } from './client.ts';
import { isPlayable } from './hit-media.ts';
import { CloseIcon, NextIcon, PreviousIcon } from './icons.tsx';
import { useTexts } from './language.ts';
import { LargeMedia } from './large-media.tsx';
import { isByWords, scoreText } from './score.ts';
import { whenOf } from './tile.tsx';
import { Timeline } from './timeline.tsx';
import { useMoments } from './use-moments.ts';

interface LargeViewProps {
  readonly asked: Asked;
  readonly hits: readonly Hit[];
  readonly index: number;
  onMove(index: number): void;
  onClose(): void;
  onFindSimilar(hit: Hit): void;
}

export function LargeView({ asked, hits, index, onMove, onClose, onFindSimilar }: LargeViewProps) {
  const writing = useTexts();
  const { text, formatNumber, formatDuration, formatDay } = writing;
  const dialogRef = useRef<HTMLDialogElement>(null);
  const playerRef = useRef<HTMLMediaElement>(null);
  const hit = hits[index];
  const moments = useMoments(hit !== undefined && isPlayable(hit) ? hit.id : undefined, asked);
  useEffect(() => {
    dialogRef.current?.showModal();
  }, []);
  if (hit === undefined) return null;
  const move = (step: number) => onMove(Math.min(hits.length - 1, Math.max(0, index + step)));
  const facts = [
    whenOf(hit, writing),
    isByWords(hit) ? text.byWords : text.scoreName(hit.probability !== undefined, scoreText(hit, writing)),
    hit.width > 0 ? `${formatNumber(hit.width)} × ${formatNumber(hit.height)}` : '',
    hit.durationSeconds > 0 ? text.inAll(formatDuration(hit.durationSeconds)) : '',
    hit.format.toUpperCase(),
    formatDay(hit.modifiedAt),
    ...hit.tags.map((tag) => `#${tag}`),
  ].filter((fact) => fact !== '');
  return (
    <dialog
      ref={dialogRef}
      class="large-view"
      aria-label={hit.name}
      onClose={onClose}
      onKeyDown={(event) => {
        // A player with the focus moves in time by these keys.
        if (event.target instanceof HTMLMediaElement) return;
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
        <div class="large-bar">
          <p class="large-name">{hit.name}</p>
          <span class="large-place quiet">{text.place(formatNumber(index + 1), formatNumber(hits.length))}</span>
          <button
            type="button"
            class="round"
            aria-disabled={index === 0}
            onClick={() => move(-1)}
            aria-label={text.previous}
            title={text.previous}
          >
            <PreviousIcon />
          </button>
          <button
            type="button"
            class="round"
            aria-disabled={index === hits.length - 1}
            onClick={() => move(1)}
            aria-label={text.next}
            title={text.next}
          >
            <NextIcon />
          </button>
          <button
            type="button"
            class="round"
            onClick={() => dialogRef.current?.close()}
            aria-label={text.close}
            title={text.close}
          >
            <CloseIcon />
          </button>
        </div>
        <div class={`large-picture large-${hit.fileKind}`}>
          <LargeMedia hit={hit} playerRef={playerRef} />
        </div>
        {isPlayable(hit) && moments !== undefined && moments.length > 1 && (
          <Timeline key={hit.id} hit={hit} moments={moments} playerRef={playerRef} />
        )}
        <div class="large-facts">
          <p class="quiet">{facts.join(' · ')}</p>
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
