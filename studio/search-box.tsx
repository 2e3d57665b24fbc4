/** @file The search box: a text, or a file in its place. */
import type { RefObject } from 'preact';
import { useRef } from 'preact/hooks';
import type { Query } from './client.ts';
import { CloseIcon, PictureIcon, SearchIcon } from './icons.tsx';
import { useTexts } from './language.ts';

interface SearchBoxProps {
  readonly inputRef: RefObject<HTMLInputElement>;
  readonly value: string;
  readonly query: Query | undefined;
  /** Called at every change of the text. */
  onChange(text: string): void;
  /** Called for Enter. */
  onSubmit(): void;
  onClear(): void;
  onFile(file: File): void;
}

export function SearchBox({ inputRef, value, query, onChange, onSubmit, onClear, onFile }: SearchBoxProps) {
  const { text } = useTexts();
  const fileRef = useRef<HTMLInputElement>(null);
  const file = query?.kind === 'file' ? query : undefined;
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
        {file !== undefined && (
          <span class="query-picture">
            <img
              key={file.url}
              src={file.url}
              alt=""
              onError={(event) => {
                event.currentTarget.hidden = true;
              }}
            />
            <span class="query-picture-name">{file.name}</span>
          </span>
        )}
        <input
          ref={inputRef}
          type="text"
          name="q"
          class={file === undefined ? '' : 'beside-picture'}
          value={value}
          aria-label={text.searchLabel}
          placeholder={file === undefined ? text.placeholder : ''}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          enterkeyhint="search"
          maxLength={1000}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
        {(value !== '' || file !== undefined) && (
          <button
            type="button"
            class="in-box"
            onClick={onClear}
            aria-label={file === undefined ? text.clear : text.removeFile}
            title={file === undefined ? text.clear : text.removeFile}
          >
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
          <PictureIcon />
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
    </search>
  );
}
