/** @file Which answers are wanted: the kind as chips, and type, date, length, folder and tags behind a button. Only what the library has is offered. */
import { useState } from 'preact/hooks';
import type { Facets, FileKind, SegmentKind } from '../src/serve/protocol/index.ts';
import { type Choice, numChosen } from './asked.ts';
import { CloseIcon, FilterIcon } from './icons.tsx';
import { useTexts } from './language.ts';

interface FiltersProps {
  readonly facets: Facets;
  readonly choice: Choice;
  onChoose(choice: Choice): void;
}

/** Lengths that can be asked for, in seconds. */
const lengths = ['-10', '10-60', '60-600', '600-'] as const;

/** A choice with one thing changed; an empty value takes it out. */
function chosen<K extends Exclude<keyof Choice, 'tags'>>(choice: Choice, key: K, value: string | undefined): Choice {
  const { [key]: _, ...rest } = choice;
  return (value === undefined || value === '' ? rest : { ...rest, [key]: value }) as Choice;
}

export function Filters({ facets, choice, onChoose }: FiltersProps) {
  const { text, formatNumber } = useTexts();
  const [isOpen, setOpen] = useState(false);
  const count = numChosen(choice);
  const hasMore = facets.modifiedMs !== null;
  return (
    <div class="filters">
      <div class="filter-row">
        <Kinds facets={facets} choice={choice} onChoose={onChoose} />
        {hasMore && (
          <button
            type="button"
            class="chip"
            aria-expanded={isOpen}
            aria-controls="filter-panel"
            onClick={() => setOpen(!isOpen)}
          >
            <FilterIcon />
            {text.filters}
            {count > 0 && <span class="count">{formatNumber(count)}</span>}
          </button>
        )}
        <ChosenChips facets={facets} choice={choice} onChoose={onChoose} />
      </div>
      {isOpen && <Panel facets={facets} choice={choice} onChoose={onChoose} />}
    </div>
  );
}

function Kinds({ facets, choice, onChoose }: FiltersProps) {
  const { text, formatNumber } = useTexts();
  const { image, video, audio, document } = facets.kinds;
  const counts: Record<SegmentKind, number> = { image, video, audio, text: document };
  const present = (['image', 'video', 'audio', 'text'] as const).filter((kind) => counts[kind] > 0);
  // A video is heard too.
  if (video > 0 && audio === 0) present.push('audio');
  if (present.length < 2 && choice.kind === undefined) return null;
  return (
    <fieldset class="kinds" aria-label={text.kindsLabel}>
      {[undefined, ...present].map((kind) => (
        <button
          type="button"
          class="chip"
          key={kind ?? 'all'}
          aria-pressed={kind === choice.kind}
          onClick={() => onChoose(chosen(choice, 'kind', kind))}
        >
          {text.kinds[kind ?? 'all']}
          {kind !== undefined && counts[kind] > 0 && <span class="quiet"> {formatNumber(counts[kind])}</span>}
        </button>
      ))}
    </fieldset>
  );
}

/** The filters that are set, each with a way to take it out. */
function ChosenChips({ facets, choice, onChoose }: FiltersProps) {
  const { text, formatDay } = useTexts();
  const { type, folder, tags, from, to, length } = choice;
  const without = (key: Exclude<keyof Choice, 'tags'>) => () => onChoose(chosen(choice, key, undefined));
  const day = (value: string | undefined) => (value === undefined ? '' : formatDay(`${value}T12:00`));
  const chips: { key: string; label: string; remove: () => void }[] = [];
  if (type !== undefined) chips.push({ key: 'type', label: text.types[type], remove: without('type') });
  if (from !== undefined || to !== undefined) {
    const remove = () => onChoose(chosen(chosen(choice, 'from', undefined), 'to', undefined));
    chips.push({ key: 'date', label: text.dates(day(from), day(to)), remove });
  }
  if (length !== undefined)
    chips.push({ key: 'length', label: lengthText(length, text.lengths), remove: without('length') });
  if (folder !== undefined) {
    const name = facets.folders.find(({ id }) => id === folder)?.name ?? text.aFolder;
    chips.push({ key: 'folder', label: name, remove: without('folder') });
  }
  for (const tag of tags) {
    const remove = () => onChoose({ ...choice, tags: tags.filter((other) => other !== tag) });
    chips.push({ key: `tag ${tag}`, label: `#${tag}`, remove });
  }
  if (chips.length === 0) return null;
  return (
    <>
      {chips.map(({ key, label, remove }) => (
        <button type="button" class="chip chosen" key={key} onClick={remove} aria-label={text.removeFilter(label)}>
          {label}
          <CloseIcon size={12} />
        </button>
      ))}
      <button
        type="button"
        class="link"
        onClick={() => onChoose({ tags: [], ...(choice.kind === undefined ? {} : { kind: choice.kind }) })}
      >
        {text.clearAll}
      </button>
    </>
  );
}

function lengthText(length: string, names: Readonly<Record<string, string>>): string {
  return names[length] ?? length;
}

function Panel({ facets, choice, onChoose }: FiltersProps) {
  const { text, formatNumber, formatDay } = useTexts();
  const types = (Object.entries(facets.kinds) as [FileKind, number][]).filter(([, count]) => count > 0);
  const usefulLengths = lengths.filter((length) => Number(length.split('-')[0]) <= facets.longestSeconds);
  const dayOf = (ms: number) => {
    const date = new Date(ms - 60_000 * new Date(ms).getTimezoneOffset());
    return Number.isNaN(date.getTime()) ? '' : date.toISOString().slice(0, 10);
  };
  const [first, last] = [dayOf(facets.modifiedMs?.first ?? 0), dayOf(facets.modifiedMs?.last ?? 0)];
  const select = (key: 'type' | 'length' | 'folder', label: string, options: readonly [string, string][]) => (
    <label>
      <span>{label}</span>
      <select value={choice[key] ?? ''} onChange={(event) => onChoose(chosen(choice, key, event.currentTarget.value))}>
        <option value="">{text.any}</option>
        {options.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
  const date = (key: 'from' | 'to', label: string) => (
    <label>
      <span>{label}</span>
      <input
        type="date"
        value={choice[key] ?? ''}
        min={first}
        max={last}
        onChange={(event) => onChoose(chosen(choice, key, event.currentTarget.value))}
      />
    </label>
  );
  return (
    <fieldset class="filter-panel" id="filter-panel" aria-label={text.filters}>
      {types.length > 1 &&
        select(
          'type',
          text.fileType,
          types.map(([type, count]) => [type, `${text.types[type]} (${formatNumber(count)})`]),
        )}
      {first !== last && (
        <>
          {date('from', text.from)}
          {date('to', text.to)}
        </>
      )}
      {facets.longestSeconds > 0 &&
        select(
          'length',
          text.lengthLabel,
          usefulLengths.map((length) => [length, text.lengths[length]]),
        )}
      {facets.folders.length > 0 &&
        select(
          'folder',
          text.folder,
          facets.folders.map(({ id, name, files }) => [id, `${name} (${formatNumber(files)})`]),
        )}
      {facets.tags.length > 0 && (
        <fieldset class="tags" aria-label={text.tags}>
          <span>{text.tags}</span>
          {facets.tags.slice(0, 24).map(({ tag, files }) => {
            const isOn = choice.tags.includes(tag);
            const tags = isOn ? choice.tags.filter((other) => other !== tag) : [...choice.tags, tag];
            return (
              <button
                type="button"
                class="chip"
                key={tag}
                aria-pressed={isOn}
                onClick={() => onChoose({ ...choice, tags })}
              >
                {tag} <span class="quiet">{formatNumber(files)}</span>
              </button>
            );
          })}
        </fieldset>
      )}
      {first !== '' && first === last && <p class="quiet">{text.allOfOneDay(formatDay(`${first}T12:00`))}</p>}
    </fieldset>
  );
}
