/** @file What a sound looks like, with the moment marked. The picture shows a minute at most. */
import type { Hit } from '../src/serve/protocol/index.ts';
import { waveformUrl } from './client.ts';
import { isWholeFile } from './hit-media.ts';

/** The server draws only so much of a longer sound, in seconds. */
const shownSeconds = 60;

export function Waveform({ hit, isEager }: { readonly hit: Hit; readonly isEager: boolean }) {
  const length = Math.min(hit.durationSeconds, shownSeconds);
  const isMarked = !isWholeFile(hit) && hit.startSeconds < length;
  const percent = (seconds: number) => `${(100 * Math.min(1, seconds / length)).toFixed(2)}%`;
  return (
    <span class="waveform">
      <img src={waveformUrl(hit.id)} alt="" loading={isEager ? 'eager' : 'lazy'} decoding="async" />
      {isMarked && (
        <span
          class="waveform-mark"
          style={{
            left: percent(hit.startSeconds),
            width: percent(Math.min(hit.endSeconds, length) - hit.startSeconds),
          }}
        />
      )}
    </span>
  );
}
