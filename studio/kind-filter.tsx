/** @file Which kinds of files are wanted: all, pictures, what moves, sounds. */
import type { FileKind, Status } from '../src/serve/protocol/index.ts';
import { useTexts } from './language.ts';

interface KindFilterProps {
  readonly kinds: Status['library']['kinds'];
  /** The kind that is wanted; all if absent. */
  readonly chosen: FileKind | undefined;
  onChoose(kind: FileKind | undefined): void;
}

/** Shown only where the library holds more than one kind. */
export function KindFilter({ kinds, chosen, onChoose }: KindFilterProps) {
  const { text, formatNumber } = useTexts();
  const present = (['image', 'video', 'audio'] as const).filter((kind) => kinds[kind] > 0);
  if (present.length < 2) return null;
  return (
    <fieldset class="kinds" aria-label={text.kindsLabel}>
      {[undefined, ...present].map((kind) => (
        <button
          type="button"
          class="chip"
          key={kind ?? 'all'}
          aria-pressed={kind === chosen}
          onClick={() => onChoose(kind)}
        >
          {text.kinds[kind ?? 'all']}
          {kind !== undefined && <span class="quiet"> {formatNumber(kinds[kind])}</span>}
        </button>
      ))}
    </fieldset>
  );
}
