/** @file One find on the wall: what it looks like, what kind it is, when it plays, how well it answers. While the pointer or the focus is on it, it plays. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Hit, SegmentKind } from '../src/serve/protocol/index.ts';
import { fileUrl, thumbnailUrl } from './client.ts';
import { isAnimatedPicture, isPlayable, isWholeFile } from './hit-media.ts';
import { FilmIcon, PictureIcon, SoundIcon, TextIcon } from './icons.tsx';
import { useTexts } from './language.ts';
import { MomentPlayer } from './moment-player.tsx';
import { isByWords, scoreText, shareOf } from './score.ts';
import { Waveform } from './waveform.tsx';

const kindIcons: Readonly<Record<SegmentKind, typeof FilmIcon>> = {
  image: PictureIcon,
  video: FilmIcon,
  audio: SoundIcon,
  text: TextIcon,
};

/** Whoever only passes over a tile does not want it to play, in milliseconds. */
const restMs = 140;

interface TileProps {
  readonly hit: Hit;
  /** Its place among the results, from 1. */
  readonly rank: number;
  /** Whether the Tab key leads here. */
  readonly isCurrent: boolean;
  readonly isEager: boolean;
  /** Whether the person has clicked somewhere: before that nothing may be heard. */
  readonly mayBeHeard: boolean;
  onFocus(): void;
  onOpen(): void;
  onKeyDown(event: KeyboardEvent): void;
}

export function Tile({ hit, rank, isCurrent, isEager, mayBeHeard, onFocus, onOpen, onKeyDown }: TileProps) {
  const writing = useTexts();
  const { text, formatNumber } = writing;
  const [by, setBy] = useState<'pointer' | 'focus'>();
  const rest = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(rest.current), []);
  const begin = (how: 'pointer' | 'focus') => {
    clearTimeout(rest.current);
    if (window.matchMedia('(prefers-reduced-motion: reduce)').matches && hit.kind !== 'audio') return;
    rest.current = setTimeout(() => setBy(how), restMs);
  };
  const end = () => {
    clearTimeout(rest.current);
    setBy(undefined);
  };
  const when = whenOf(hit, writing);
  const label = text.hitLabel(
    formatNumber(rank),
    text.kindOf[hit.kind],
    hit.name,
    when,
    isByWords(hit) ? text.byWords : text.scoreName(hit.probability !== undefined, scoreText(hit, writing)),
  );
  const KindIcon = kindIcons[hit.kind];
  return (
    <button
      type="button"
      class={`tile kind-${hit.kind}`}
      tabIndex={isCurrent ? 0 : -1}
      aria-label={label}
      title={hit.name}
      onFocus={() => {
        onFocus();
        begin('focus');
      }}
      onBlur={end}
      onPointerEnter={(event) => event.pointerType === 'mouse' && begin('pointer')}
      onPointerLeave={end}
      onClick={() => {
        end();
        onOpen();
      }}
      onKeyDown={onKeyDown}
    >
      <span class="tile-picture">
        <StillPicture hit={hit} isEager={isEager} />
        {by !== undefined && <Playing hit={hit} by={by} mayBeHeard={mayBeHeard} />}
        <span class="badge kind-badge">
          <KindIcon size={14} />
          {hit.fileKind === 'video' && hit.kind === 'audio' && <FilmIcon size={14} />}
        </span>
        {when !== '' && <span class="badge time-badge">{when}</span>}
      </span>
      <span class="tile-foot">
        <span class="tile-name">{hit.name}</span>
        <span class="score">
          <span class="score-bar">
            <span style={{ width: `${Math.round(100 * (isByWords(hit) ? 1 : shareOf(hit)))}%` }} />
          </span>
          <span class="score-number">{isByWords(hit) ? text.byWords : scoreText(hit, writing)}</span>
        </span>
      </span>
    </button>
  );
}

/** When the moment plays, or its page; empty where there is neither. */
export function whenOf(
  hit: Hit,
  { text, formatRange, formatDuration, formatNumber }: ReturnType<typeof useTexts>,
): string {
  if (hit.page > 0) return text.page(formatNumber(hit.page));
  if (!isPlayable(hit) || hit.durationSeconds === 0) return '';
  return isWholeFile(hit) ? formatDuration(hit.durationSeconds) : formatRange(hit.startSeconds, hit.endSeconds);
}

function StillPicture({ hit, isEager }: { readonly hit: Hit; readonly isEager: boolean }) {
  const loading = isEager ? 'eager' : 'lazy';
  if (hit.kind === 'text') return <span class="tile-passage">{hit.passage}</span>;
  if (hit.fileKind === 'audio') return <Waveform hit={hit} isEager={isEager} />;
  if (hit.hasThumbnail) return <img src={thumbnailUrl(hit)} alt="" loading={loading} decoding="async" />;
  // What is heard in a video has no small picture of its own: the player shows the frame of that moment.
  if (isPlayable(hit)) {
    return (
      <video src={`${fileUrl(hit.id)}#t=${hit.startSeconds}`} muted playsInline preload="metadata" tabIndex={-1} />
    );
  }
  return <img src={fileUrl(hit.id)} alt="" loading={loading} decoding="async" />;
}

/** What plays over the still picture. */
function Playing({
  hit,
  by,
  mayBeHeard,
}: {
  readonly hit: Hit;
  readonly by: 'pointer' | 'focus';
  readonly mayBeHeard: boolean;
}) {
  const [hasFailed, setFailed] = useState(false);
  if (hasFailed || hit.kind === 'text') return null;
  if (isAnimatedPicture(hit)) return <img class="moment-player" src={fileUrl(hit.id)} alt="" />;
  if (!isPlayable(hit)) return null;
  // A sound that starts because the focus has come would talk over a screen reader.
  const isHeard = hit.kind === 'audio' && mayBeHeard && by === 'pointer';
  if (hit.fileKind === 'audio' && !isHeard) return null;
  return (
    <>
      <MomentPlayer hit={hit} isMuted={!isHeard} onFailure={() => setFailed(true)} />
      {isHeard && <span class="badge playing-badge" />}
    </>
  );
}
