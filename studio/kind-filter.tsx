/** @file Which kinds of files are wanted: all, pictures, what moves, sounds, texts. */
import type { SegmentKind, Status } from '../src/serve/protocol/index.ts';
import { useTexts } from './language.ts';

interface KindFilterProps {
  readonly kinds: Status['library']['kinds'];
  /** The kind that is wanted; all if absent. */
  readonly chosen: SegmentKind | undefined;
  onChoose(kind: SegmentKind | undefined): void;
}

/** Shown only where the library holds more than one kind. */
export function KindFilter({ kinds, chosen, onChoose }: KindFilterProps) {
  const { text, formatNumber } = useTexts();
  const counts = { image: kinds.image, video: kinds.video, audio: kinds.audio, text: kinds.document };
  const present = (['image', 'video', 'audio', 'text'] as const).filter((kind) => counts[kind] > 0);
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
          {kind !== undefined && <span class="quiet"> {formatNumber(counts[kind])}</span>}
        </button>
      ))}
    </fieldset>
  );
}
