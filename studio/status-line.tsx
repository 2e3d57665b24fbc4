/** @file How the library is: files that can be found, and how far the indexing has come. */
import type { Status } from '../src/serve/protocol/index.ts';
import { useTexts } from './language.ts';

export function StatusLine({ status }: { readonly status: Status | undefined }) {
  const { text, formatNumber } = useTexts();
  if (status === undefined) return <div class="status-line" />;
  const { indexing, library, encoder } = status;
  const parts: string[] = [];
  const isBusy = indexing.state === 'starting' || indexing.state === 'running';
  if (indexing.state === 'running' && indexing.total !== null) {
    parts.push(text.indexing(formatNumber(indexing.done), formatNumber(indexing.total)));
    const rate = indexing.filesPerSecond;
    if (rate !== null)
      parts.push(text.perSecond(formatNumber(rate < 10 ? Math.round(rate * 10) / 10 : Math.round(rate))));
    if (indexing.secondsLeft !== null) parts.push(text.timeLeft(indexing.secondsLeft));
  } else if (isBusy) {
    parts.push(text.starting);
  } else {
    parts.push(
      text.indexed(
        formatNumber(library.kinds.image),
        formatNumber(library.kinds.video),
        formatNumber(library.kinds.audio),
      ),
    );
    if (indexing.state === 'failed') parts.push(text.indexingFailed(indexing.message ?? ''));
  }
  if (encoder.state === 'loading') parts.push(text.encoderLoading);
  return (
    <div class={indexing.state === 'failed' ? 'status-line failed' : 'status-line'}>
      <p>{parts.join(' · ')}</p>
      {isBusy && indexing.total !== null && (
        <progress max={indexing.total} value={indexing.done} aria-label={parts[0]} />
      )}
    </div>
  );
}
