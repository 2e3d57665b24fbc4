/** @file The search box: a text, a file, a find from before, a text beside one of these, and what is not wanted. */
import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { maxTextLength } from '../src/serve/protocol/index.ts';
import type { Asked } from './asked.ts';
import { Camera } from './camera.tsx';
import type { CaptureProblem } from './capture.ts';
import { thumbnailUrl } from './client.ts';
import { CameraIcon, CloseIcon, SearchIcon, UploadIcon } from './icons.tsx';
import { useTexts } from './language.ts';
import { RecordButton } from './record-button.tsx';

interface SearchBoxProps {
  readonly inputRef: RefObject<HTMLInputElement>;
  /** What is in the box: the text may be ahead of what was searched. */
  readonly draft: Asked;
  /** Called at every change of a text. */
  onChange(texts: Pick<Asked, 'text' | 'not'>): void;
  /** Called for Enter. */
  onSubmit(): void;
  onClear(): void;
  /** Called to search without the file or find. */
  onRemoveExample(): void;
  onFile(file: File): void;
  onProblem(problem: CaptureProblem): void;
}

export function SearchBox(props: SearchBoxProps) {
  const { inputRef, draft, onChange, onSubmit, onClear, onRemoveExample, onFile, onProblem } = props;
  const { text } = useTexts();
  const fileRef = useRef<HTMLInputElement>(null);
  const notRef = useRef<HTMLInputElement>(null);
  const [isNotOpen, setNotOpen] = useState(false);
  const [isCameraOpen, setCameraOpen] = useState(false);
  const hasExample = draft.file !== undefined || draft.like !== undefined;
  const hasNot = isNotOpen || draft.not !== '';
  return (
    <search>
      <form
        class="search-box"
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        <span class="search-icon">
          <SearchIcon />
        </span>
        {hasExample && <Example asked={draft} onRemove={onRemoveExample} />}
        <input
          ref={inputRef}
          type="text"
          name="q"
          class={hasExample ? 'beside-example' : ''}
          value={draft.text}
          aria-label={hasExample ? text.besideLabel : text.searchLabel}
          placeholder={hasExample ? text.besidePlaceholder : text.placeholder}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          enterkeyhint="search"
          maxLength={maxTextLength}
          onInput={(event) => onChange({ text: event.currentTarget.value, not: draft.not })}
        />
        {(draft.text !== '' || hasExample) && (
          <button type="button" class="in-box" onClick={onClear} aria-label={text.clear} title={text.clear}>
            <CloseIcon />
          </button>
        )}
        <button
          type="button"
          class="in-box"
          onClick={() => fileRef.current?.click()}
          aria-label={text.pickFile}
          title={text.pickFile}
        >
          <UploadIcon />
        </button>
        <RecordButton onSound={onFile} onProblem={onProblem} />
        <button
          type="button"
          class="in-box"
          onClick={() => setCameraOpen(true)}
          aria-label={text.camera}
          title={text.camera}
        >
          <CameraIcon />
        </button>
        <input
          ref={fileRef}
          type="file"
          accept="image/*,audio/*,video/*"
          hidden
          onChange={(event) => {
            const chosen = event.currentTarget.files?.[0];
            event.currentTarget.value = '';
            if (chosen !== undefined) onFile(chosen);
          }}
        />
      </form>
      {(draft.text !== '' || hasExample || hasNot) && (
        <div class="without">
          {hasNot ? (
            <label class="without-field">
              <span>{text.without}</span>
              <input
                ref={notRef}
                type="text"
                name="not"
                value={draft.not}
                placeholder={text.withoutPlaceholder}
                autocomplete="off"
                autocapitalize="off"
                maxLength={maxTextLength}
                onInput={(event) => onChange({ text: draft.text, not: event.currentTarget.value })}
                onKeyDown={(event) => {
                  if (event.key === 'Enter') onSubmit();
                }}
              />
              <button
                type="button"
                class="remove"
                aria-label={text.removeWithout}
                title={text.removeWithout}
                onClick={() => {
                  setNotOpen(false);
                  onChange({ text: draft.text, not: '' });
                  inputRef.current?.focus();
                }}
              >
                <CloseIcon size={14} />
              </button>
            </label>
          ) : (
            <button
              type="button"
              class="chip quiet-chip"
              onClick={() => {
                setNotOpen(true);
                requestAnimationFrame(() => notRef.current?.focus());
              }}
            >
              {text.addWithout}
            </button>
          )}
        </div>
      )}
      {isCameraOpen && <Camera onPicture={onFile} onProblem={onProblem} onClose={() => setCameraOpen(false)} />}
    </search>
  );
}

/** The file or find that is asked with, with a way to take it out. */
function Example({ asked, onRemove }: { readonly asked: Asked; onRemove(): void }) {
  const { text } = useTexts();
  const { file, like } = asked;
  const url = useObjectUrl(file?.blob);
  const name = file?.name ?? (like?.name || text.anEarlierFind);
  const picture = file === undefined ? like && thumbnailUrl(like) : url;
  const isSound = file?.blob.type.startsWith('audio/') ?? false;
  return (
    <span class="query-example" title={name}>
      {picture !== undefined && !isSound && (
        <img
          key={picture}
          src={picture}
          alt=""
          onError={(event) => {
            event.currentTarget.hidden = true;
          }}
        />
      )}
      <span class="query-example-name">{like === undefined ? name : text.like(name)}</span>
      {/* biome-ignore lint/a11y/useMediaCaption: nobody has written down what a person's own recording says */}
      {isSound && url !== undefined && <audio src={url} controls aria-label={name} />}
      <button type="button" class="remove" onClick={onRemove} aria-label={text.removeFile} title={text.removeFile}>
        <CloseIcon size={14} />
      </button>
    </span>
  );
}

/** An address for a file, freed when it is no longer shown. */
function useObjectUrl(blob: Blob | undefined): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (blob === undefined) return setUrl(undefined);
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return url;
}
