/** @file The files that were found, best first, with their scores; arrow keys move among them. */
import type { RefObject } from 'preact';
import type { Hit } from '../src/serve/protocol/index.ts';
import { useTexts } from './language.ts';
import { MediaTile } from './media-view.tsx';

interface ResultsGridProps {
  readonly hits: readonly Hit[];
  readonly gridRef: RefObject<HTMLUListElement>;
  /** The hit that the keyboard is at. */
  readonly current: number;
  /** Whether newer hits are on their way. */
  readonly isStale: boolean;
  onCurrent(index: number): void;
  onOpen(index: number): void;
  /** Called when the arrow keys leave the first row upward. */
  onLeaveUp(): void;
}

/** How many tiles stand in the first row, as laid out now. */
function numColumns(grid: HTMLElement): number {
  const tiles = [...grid.children] as HTMLElement[];
  const first = tiles[0]?.offsetTop;
  const next = tiles.findIndex((tile) => tile.offsetTop !== first);
  return next === -1 ? Math.max(1, tiles.length) : next;
}

/** Where a key leads from a tile: an index, or `-1` for out of the grid at the top; nothing for other keys. */
export function moveFrom(index: number, key: string, columns: number, count: number): number | undefined {
  switch (key) {
    case 'ArrowRight':
      return Math.min(count - 1, index + 1);
    case 'ArrowLeft':
      return Math.max(0, index - 1);
    case 'ArrowDown':
      // From the row above a short last row, down still leads into it.
      if (index + columns < count) return index + columns;
      return Math.floor(index / columns) < Math.floor((count - 1) / columns) ? count - 1 : index;
    case 'ArrowUp':
      return index < columns ? -1 : index - columns;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return undefined;
  }
}

export function ResultsGrid({ hits, gridRef, current, isStale, onCurrent, onOpen, onLeaveUp }: ResultsGridProps) {
  const { text, formatNumber, formatScore } = useTexts();
  const onKeyDown = (event: KeyboardEvent, index: number) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const grid = gridRef.current;
    const target = grid === null ? undefined : moveFrom(index, event.key, numColumns(grid), hits.length);
    if (target === undefined) return;
    event.preventDefault();
    if (target === -1) return onLeaveUp();
    onCurrent(target);
    grid?.querySelectorAll<HTMLElement>('button')[target]?.focus();
  };
  return (
    <ul class={isStale ? 'results stale' : 'results'} ref={gridRef} aria-label={text.results}>
      {hits.map((hit, index) => (
        <li key={hit.id}>
          <button
            type="button"
            class="tile"
            tabIndex={index === current ? 0 : -1}
            aria-label={text.hitLabel(formatNumber(index + 1), hit.name, formatScore(hit.score))}
            title={hit.name}
            onFocus={() => onCurrent(index)}
            onClick={() => onOpen(index)}
            onKeyDown={(event) => onKeyDown(event, index)}
          >
            <MediaTile hit={hit} isEager={index < 24} />
            <span class="score">
              <span class="score-bar">
                <span style={{ width: `${Math.round(100 * Math.min(1, Math.max(0, hit.score)))}%` }} />
              </span>
              <span class="score-number">{formatScore(hit.score)}</span>
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}
