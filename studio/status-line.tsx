/** @file How the library is: files that can be found, how far the indexing has come and how fast, and which files could not be taken. */
import { useState } from 'preact/hooks';
import type { Status } from '../src/serve/protocol/index.ts';
import { useTexts } from './language.ts';
import { RefusedFiles } from './refused-files.tsx';

export function StatusLine({ status }: { readonly status: Status | undefined }) {
  const { text, formatNumber } = useTexts();
  const [isRefusedOpen, setRefusedOpen] = useState(false);
  if (status === undefined) return <div class="status-line" />;
  const { indexing, library, encoder } = status;
  const parts: string[] = [];
  const rounded = (rate: number) => formatNumber(rate < 10 ? Math.round(rate * 10) / 10 : Math.round(rate));
  const isBusy = indexing.state === 'starting' || indexing.state === 'running';
  if (indexing.state === 'running' && indexing.total !== null) {
    parts.push(text.indexing(formatNumber(indexing.done), formatNumber(indexing.total)));
    if (indexing.filesPerSecond !== null) parts.push(text.perSecond(rounded(indexing.filesPerSecond)));
    if (indexing.mediaHoursPerHour !== null) parts.push(text.mediaPerHour(rounded(indexing.mediaHoursPerHour)));
    if (indexing.secondsLeft !== null) parts.push(text.timeLeft(indexing.secondsLeft));
  } else if (isBusy) {
    parts.push(text.starting);
  } else {
    const { image, video, audio, document } = library.kinds;
    const counts = [
      ...(image > 0 || library.files === 0 ? [text.counts.image(formatNumber(image), image)] : []),
      ...(video > 0 ? [text.counts.video(formatNumber(video), video)] : []),
      ...(audio > 0 ? [text.counts.audio(formatNumber(audio), audio)] : []),
      ...(document > 0 ? [text.counts.document(formatNumber(document), document)] : []),
    ];
    parts.push(...counts);
    if (indexing.state === 'failed') parts.push(text.indexingFailed(indexing.message ?? ''));
  }
  if (encoder.state === 'loading') parts.push(text.encoderLoading);
  return (
    <div class={indexing.state === 'failed' ? 'status-line failed' : 'status-line'}>
      <p>
        {parts.join(' · ')}
        {library.refused > 0 && (
          <>
            {' · '}
            <button type="button" class="link" onClick={() => setRefusedOpen(true)}>
              {text.refused(formatNumber(library.refused), library.refused)}
            </button>
          </>
        )}
      </p>
      {isBusy && indexing.total !== null && (
        <progress max={indexing.total} value={indexing.done} aria-label={parts[0]} />
      )}
      {isRefusedOpen && <RefusedFiles onClose={() => setRefusedOpen(false)} />}
    </div>
  );
}
