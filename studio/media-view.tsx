/** @file A file as the page shows it: a picture, something that moves, or a sound by its waveform. */
import type { Hit } from '../src/serve/protocol/index.ts';
import { fileUrl, waveformUrl } from './client.ts';
import { useTexts } from './language.ts';

/** Animated pictures play by themselves as pictures; other videos need a player. */
function isAnimatedPicture({ format }: Hit): boolean {
  return format === 'webp' || format === 'gif';
}

/** The file in a tile. A video plays while the pointer or the focus is on its tile. */
export function MediaTile({ hit, isEager }: { readonly hit: Hit; readonly isEager: boolean }) {
  const { formatDuration } = useTexts();
  const loading = isEager ? 'eager' : 'lazy';
  const badge = hit.durationSeconds > 0 && <span class="tile-badge">{formatDuration(hit.durationSeconds)}</span>;
  if (hit.kind === 'text') {
    return (
      <span class="tile-picture tile-text">
        <span class="tile-passage">{hit.passage}</span>
        <span class="tile-name">{hit.name}</span>
      </span>
    );
  }
  if (hit.fileKind === 'audio') {
    return (
      <span class="tile-picture tile-sound">
        <img src={waveformUrl(hit.id)} alt="" loading={loading} decoding="async" />
        <span class="tile-name">{hit.name}</span>
        {badge}
      </span>
    );
  }
  if (hit.fileKind === 'video' && !isAnimatedPicture(hit)) {
    return (
      <span class="tile-picture">
        <video
          src={fileUrl(hit.id)}
          muted
          loop
          playsInline
          preload="metadata"
          onPointerEnter={(event) => void event.currentTarget.play().catch(() => {})}
          onPointerLeave={(event) => event.currentTarget.pause()}
        />
        {badge}
      </span>
    );
  }
  return (
    <span class="tile-picture">
      <img src={fileUrl(hit.id)} alt="" loading={loading} decoding="async" />
      {badge}
    </span>
  );
}

/** The file by itself, large, with a player where there is something to play. */
export function MediaLarge({ hit }: { readonly hit: Hit }) {
  if (hit.kind === 'text') return <blockquote class="large-text">{hit.passage}</blockquote>;
  if (hit.fileKind === 'audio') {
    return (
      <div class="large-sound">
        <img src={waveformUrl(hit.id)} alt="" />
        {/* biome-ignore lint/a11y/useMediaCaption: nobody has written down what the sounds of a library say */}
        <audio key={hit.id} src={fileUrl(hit.id)} controls autoPlay aria-label={hit.name} />
      </div>
    );
  }
  if (hit.fileKind === 'video' && !isAnimatedPicture(hit)) {
    // biome-ignore lint/a11y/useMediaCaption: nobody has written down what the videos of a library say
    return <video key={hit.id} src={fileUrl(hit.id)} controls autoPlay loop aria-label={hit.name} />;
  }
  return <img src={fileUrl(hit.id)} alt={hit.name} />;
}
