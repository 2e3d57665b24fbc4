/** @file The files that could not be indexed, each with its reason, some at a time. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { RefusedResponse } from '../src/serve/protocol/index.ts';
import { readRefused } from './client.ts';
import { CloseIcon } from './icons.tsx';
import { useTexts } from './language.ts';

export function RefusedFiles({ onClose }: { onClose(): void }) {
  const { text, formatNumber } = useTexts();
  const dialogRef = useRef<HTMLDialogElement>(null);
  const [files, setFiles] = useState<RefusedResponse['files']>([]);
  const [total, setTotal] = useState<number>();
  const [hasFailed, setFailed] = useState(false);
  const reading = useRef(new AbortController());
  const readMore = () => {
    readRefused(files.length, reading.current.signal).then(
      (more) => {
        setTotal(more.total);
        setFiles((before) => [...before, ...more.files]);
      },
      () => setFailed(!reading.current.signal.aborted),
    );
  };
  useEffect(() => {
    dialogRef.current?.showModal();
    readMore();
    return () => reading.current.abort();
  }, []);
  return (
    <dialog ref={dialogRef} class="large-view refused" aria-label={text.refusedTitle} onClose={onClose}>
      <div class="large-bar">
        <p class="large-name">
          {text.refusedTitle}
          {total !== undefined && <span class="quiet"> {formatNumber(total)}</span>}
        </p>
        <button
          type="button"
          class="round"
          onClick={() => dialogRef.current?.close()}
          aria-label={text.close}
          title={text.close}
        >
          <CloseIcon />
        </button>
      </div>
      {hasFailed && <p class="banner failure">{text.failure.unreachable('')}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
      <ul class="refused-list" tabIndex={0} aria-label={text.refusedTitle}>
        {files.map(({ name, folder, reason }, index) => (
          <li key={index}>
            <p class="refused-name">
              {folder !== '' && <span class="quiet">{folder}/</span>}
              {name}
            </p>
            <p class="quiet">{reason}</p>
          </li>
        ))}
      </ul>
      {total !== undefined && files.length < total && (
        <div class="large-actions">
          <button type="button" class="button" onClick={readMore}>
            {text.showMore}
          </button>
        </div>
      )}
    </dialog>
  );
}
