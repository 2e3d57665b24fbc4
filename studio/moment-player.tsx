/** @file Plays a moment of a file over and over, from its start to its end, without controls. */
import { useEffect, useRef } from 'preact/hooks';
import type { Hit } from '../src/serve/protocol/index.ts';
import { fileUrl } from './client.ts';
import { loopOf } from './hit-media.ts';

interface MomentPlayerProps {
  readonly hit: Hit;
  readonly isMuted: boolean;
  /** Called when the browser cannot play the file. */
  onFailure(): void;
}

export function MomentPlayer({ hit, isMuted, onFailure }: MomentPlayerProps) {
  const ref = useRef<HTMLVideoElement>(null);
  const [start, end] = loopOf(hit);
  useEffect(() => {
    const player = ref.current;
    if (player === null) return;
    player.muted = isMuted;
    let frame = 0;
    const follow = () => {
      // A quarter of a second too much, as between two `timeupdate` events, would show the next scene.
      if (player.currentTime >= Math.min(end, player.duration || end) - 0.02 || player.currentTime < start - 0.5) {
        player.currentTime = start;
        if (player.paused) void player.play().catch(() => {});
      }
      frame = requestAnimationFrame(follow);
    };
    const begin = () => {
      player.currentTime = start;
      // A browser may refuse to play; then the still picture stays.
      player.play().catch(() => {});
      frame = requestAnimationFrame(follow);
    };
    player.addEventListener('loadedmetadata', begin, { once: true });
    return () => {
      cancelAnimationFrame(frame);
      player.removeEventListener('loadedmetadata', begin);
      player.pause();
      // Ends the download too.
      player.removeAttribute('src');
      player.load();
    };
  }, [start, end, isMuted]);
  return (
    <video
      ref={ref}
      class={hit.fileKind === 'audio' ? 'moment-player unseen' : 'moment-player'}
      src={fileUrl(hit.id)}
      muted={isMuted}
      playsInline
      preload="auto"
      tabIndex={-1}
      onError={onFailure}
    />
  );
}
