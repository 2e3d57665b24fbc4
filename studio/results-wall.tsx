/** @file What was found as a wall of tiles, best first, what matches apart from what is merely nearest; arrow keys move among them. */
import { Fragment, type RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Hit } from '../src/serve/protocol/index.ts';
import { useTexts } from './language.ts';
import { Tile } from './tile.tsx';

interface ResultsWallProps {
  /** What matches, then what is merely nearest. */
  readonly hits: readonly Hit[];
  /** How many of them match. */
  readonly numMatches: number;
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

/** How many tiles stand in each row, as laid out now. */
function rowsOf(grid: HTMLElement): number[] {
  const rows: number[] = [];
  let top: number | undefined;
  for (const tile of grid.querySelectorAll<HTMLElement>('button.tile')) {
    const at = Math.round(tile.getBoundingClientRect().top);
    if (at === top) rows[rows.length - 1]! += 1;
    else rows.push(1);
    top = at;
  }
  return rows;
}

/**
 * Where a key leads from a tile: an index, or `-1` for out of the grid at the top; nothing for other keys.
 * @param rows how many tiles stand in each row.
 */
export function moveFrom(index: number, key: string, rows: readonly number[]): number | undefined {
  const count = rows.reduce((sum, length) => sum + length, 0);
  let row = 0;
  let first = 0;
  while (row < rows.length - 1 && index >= first + rows[row]!) first += rows[row++]!;
  const column = index - first;
  switch (key) {
    case 'ArrowRight':
      return Math.min(count - 1, index + 1);
    case 'ArrowLeft':
      return Math.max(0, index - 1);
    case 'ArrowDown': {
      const next = rows[row + 1];
      // From the row above a short one, down still leads into it.
      return next === undefined ? index : first + rows[row]! + Math.min(column, next - 1);
    }
    case 'ArrowUp': {
      const before = rows[row - 1];
      return before === undefined ? -1 : first - before + Math.min(column, before - 1);
    }
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return undefined;
  }
}

export function ResultsWall({
  hits,
  numMatches,
  gridRef,
  current,
  isStale,
  onCurrent,
  onOpen,
  onLeaveUp,
}: ResultsWallProps) {
  const { text } = useTexts();
  const [mayBeHeard, setMayBeHeard] = useState(false);
  useEffect(() => {
    const onClick = () => setMayBeHeard(true);
    document.addEventListener('click', onClick, { once: true });
    return () => document.removeEventListener('click', onClick);
  }, []);
  const onKeyDown = (event: KeyboardEvent, index: number) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const grid = gridRef.current;
    const target = grid === null ? undefined : moveFrom(index, event.key, rowsOf(grid));
    if (target === undefined) return;
    event.preventDefault();
    if (target === -1) return onLeaveUp();
    onCurrent(target);
    grid?.querySelectorAll<HTMLElement>('button.tile')[target]?.focus();
  };
  return (
    <ul class={isStale ? 'results stale' : 'results'} ref={gridRef} aria-label={text.results}>
      {hits.map((hit, index) => (
        <Fragment key={`${hit.id} ${hit.segment}`}>
          {index === numMatches && (
            <li class="divider">
              <p>{numMatches === 0 ? text.nothingMatches : text.weaker}</p>
            </li>
          )}
          <li class={index < numMatches ? '' : 'weaker'}>
            <Tile
              hit={hit}
              rank={index + 1}
              isCurrent={index === current}
              isEager={index < 24}
              mayBeHeard={mayBeHeard}
              onFocus={() => onCurrent(index)}
              onOpen={() => onOpen(index)}
              onKeyDown={(event) => onKeyDown(event, index)}
            />
          </li>
        </Fragment>
      ))}
    </ul>
  );
}
