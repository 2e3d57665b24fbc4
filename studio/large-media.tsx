/** @file The file of a find by itself, large, with a player that starts at the moment found where there is something to play. */
import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Hit } from '../src/serve/protocol/index.ts';
import { fileUrl, thumbnailUrl } from './client.ts';
import { isAnimatedPicture } from './hit-media.ts';
import { useTexts } from './language.ts';
import { Waveform } from './waveform.tsx';

interface LargeMediaProps {
  readonly hit: Hit;
  readonly playerRef: RefObject<HTMLMediaElement>;
}

export function LargeMedia({ hit, playerRef }: LargeMediaProps) {
  const { text } = useTexts();
  const [failedId, setFailedId] = useState<string>();
  const { id, startSeconds } = hit;
  useEffect(() => {
    const player = playerRef.current;
    if (player === null) return;
    const begin = () => {
      player.currentTime = startSeconds;
      // A browser may want a click first; the controls are there.
      player.play().catch(() => {});
    };
    if (player.readyState >= HTMLMediaElement.HAVE_METADATA) begin();
    else player.addEventListener('loadedmetadata', begin, { once: true });
    return () => player.removeEventListener('loadedmetadata', begin);
  }, [startSeconds, playerRef]);
  if (hit.kind === 'text') return <blockquote class="large-text">{hit.passage}</blockquote>;
  const player = { key: id, src: fileUrl(id), controls: true, 'aria-label': hit.name, preload: 'auto' } as const;
  if (hit.fileKind === 'audio') {
    return (
      <div class="large-sound">
        <Waveform hit={hit} isEager={true} />
        <audio ref={playerRef as RefObject<HTMLAudioElement>} {...player} />
      </div>
    );
  }
  if (hit.fileKind === 'video' && !isAnimatedPicture(hit)) {
    if (failedId === id) {
      return (
        <div class="unplayable">
          {hit.hasThumbnail && <img src={thumbnailUrl(hit)} alt="" />}
          <p>{text.cannotPlay}</p>
        </div>
      );
    }
    return (
      <video
        ref={playerRef as RefObject<HTMLVideoElement>}
        {...player}
        playsInline
        {...(hit.hasThumbnail ? { poster: thumbnailUrl(hit) } : {})}
        onError={() => setFailedId(id)}
      />
    );
  }
  return <img src={fileUrl(id)} alt={hit.name} />;
}
