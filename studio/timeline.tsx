/** @file The whole of a file that plays, moment by moment: what is seen on one lane, what is heard on another, higher the better it answers. A click or the arrow keys jump there. */
import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { FileMoment, Hit } from '../src/serve/protocol/index.ts';
import { thumbnailUrl } from './client.ts';
import { clockTime, useTexts } from './language.ts';
import { scoreText } from './score.ts';

interface TimelineProps {
  readonly hit: Hit;
  readonly moments: readonly FileMoment[];
  readonly playerRef: RefObject<HTMLMediaElement>;
}

/** How strongly each moment answers, in [0, 1], beside the others of the file. */
function strengthsOf(moments: readonly Pick<FileMoment, 'standing' | 'probability'>[]): number[] {
  const probabilities = moments.map(({ probability }) => probability);
  if (probabilities.every((probability) => probability !== undefined)) return probabilities.map((p) => Math.max(0, p));
  // The best of a file that answers badly should not look as if it answered well.
  const most = Math.max(1, ...moments.map(({ standing }) => standing));
  return moments.map(({ standing }) => Math.max(0, standing) / most);
}

export function Timeline({ hit, moments, playerRef }: TimelineProps) {
  const { text } = useTexts();
  const playing = moments.filter(({ kind }) => kind === 'video' || kind === 'audio');
  const strengths = strengthsOf(playing);
  const length = Math.max(hit.durationSeconds, ...playing.map(({ endSeconds }) => endSeconds), 0.1);
  const placed = playing.map((moment, i) => ({ moment, strength: strengths[i]! }));
  const jump = ({ startSeconds }: FileMoment) => {
    const player = playerRef.current;
    if (player === null) return;
    player.currentTime = startSeconds;
    player.play().catch(() => {});
  };
  return (
    <section class="timeline" aria-label={text.timeline}>
      {(['video', 'audio'] as const).map((kind) => {
        const lane = placed.filter(({ moment }) => moment.kind === kind);
        if (lane.length === 0) return null;
        return (
          <Lane key={kind} kind={kind} hit={hit} lane={lane} length={length} playerRef={playerRef} onJump={jump} />
        );
      })}
      <p class="timeline-times" aria-hidden="true">
        <span>{clockTime(0)}</span>
        <span>{clockTime(length)}</span>
      </p>
    </section>
  );
}

interface LaneProps {
  readonly kind: 'video' | 'audio';
  readonly hit: Hit;
  readonly lane: readonly { readonly moment: FileMoment; readonly strength: number }[];
  readonly length: number;
  readonly playerRef: RefObject<HTMLMediaElement>;
  onJump(moment: FileMoment): void;
}

function Lane({ kind, hit, lane, length, playerRef, onJump }: LaneProps) {
  const writing = useTexts();
  const { text, formatRange } = writing;
  const barsRef = useRef<HTMLFieldSetElement>(null);
  const found = lane.findIndex(({ moment }) => moment.segment === hit.segment);
  const [current, setCurrent] = useState(Math.max(0, found));
  const [shown, setShown] = useState<number>();
  const isAtFound = found >= 0;
  useEffect(() => {
    if (found >= 0) setCurrent(found);
  }, [found]);
  const percent = (seconds: number) => (100 * seconds) / length;
  const onKeyDown = (event: KeyboardEvent, index: number) => {
    const steps: Record<string, number> = {
      ArrowRight: index + 1,
      ArrowLeft: index - 1,
      Home: 0,
      End: lane.length - 1,
    };
    const wanted = steps[event.key];
    if (wanted === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const target = Math.min(lane.length - 1, Math.max(0, wanted));
    setCurrent(target);
    barsRef.current?.querySelectorAll<HTMLElement>('button')[target]?.focus();
    onJump(lane[target]!.moment);
  };
  const preview = shown === undefined ? undefined : lane[shown]?.moment;
  return (
    <div class={`lane lane-${kind}`}>
      <span class="lane-name">{text.lanes[kind]}</span>
      <fieldset class="lane-bars" ref={barsRef} aria-label={text.lanes[kind]}>
        {lane.map(({ moment, strength }, index) => {
          const when = formatRange(moment.startSeconds, moment.endSeconds);
          const score = text.scoreName(moment.probability !== undefined, scoreText(moment, writing));
          const isFound = isAtFound && index === found;
          return (
            <button
              type="button"
              key={moment.segment}
              class={isFound ? 'bar found' : 'bar'}
              style={{
                left: `${percent(moment.startSeconds)}%`,
                width: `${percent(Math.max(moment.endSeconds - moment.startSeconds, 0))}%`,
              }}
              tabIndex={index === current ? 0 : -1}
              aria-label={text.momentLabel(when, score, isFound)}
              aria-current={isFound ? 'true' : undefined}
              onClick={() => {
                setCurrent(index);
                onJump(moment);
              }}
              onKeyDown={(event) => onKeyDown(event, index)}
              onPointerEnter={() => setShown(index)}
              onPointerLeave={() => setShown(undefined)}
              onFocus={() => setShown(index)}
              onBlur={() => setShown(undefined)}
            >
              <span
                class="bar-height"
                style={{ height: `${Math.round(8 + 92 * strength)}%`, opacity: (0.35 + 0.65 * strength).toFixed(2) }}
              />
            </button>
          );
        })}
        <Cursor playerRef={playerRef} length={length} />
        {preview !== undefined && (
          <span
            class="bar-preview"
            aria-hidden="true"
            style={{ left: `${Math.min(86, Math.max(14, percent((preview.startSeconds + preview.endSeconds) / 2)))}%` }}
          >
            {preview.hasThumbnail && <img src={thumbnailUrl({ id: hit.id, segment: preview.segment })} alt="" />}
            <span>
              {formatRange(preview.startSeconds, preview.endSeconds)} · {scoreText(preview, writing)}
            </span>
          </span>
        )}
      </fieldset>
    </div>
  );
}

/** Where the player is. */
function Cursor({ playerRef, length }: { readonly playerRef: RefObject<HTMLMediaElement>; readonly length: number }) {
  const ref = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    let frame = 0;
    const follow = () => {
      const seconds = playerRef.current?.currentTime ?? 0;
      if (ref.current !== null) ref.current.style.left = `${Math.min(100, (100 * seconds) / length)}%`;
      frame = requestAnimationFrame(follow);
    };
    follow();
    return () => cancelAnimationFrame(frame);
  }, [playerRef, length]);
  return <span class="cursor" ref={ref} aria-hidden="true" />;
}
