/** @file Which language the page speaks: the one chosen before, else the browser's. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { type Language, languages, texts } from './texts.ts';

const storageKey = 'language';

/** The language chosen before, else the first of the browser's that the page has, else English. */
export function initialLanguage(): Language {
  const isKnown = (code: string | null): code is Language => code !== null && code in languages;
  let remembered: string | null = null;
  try {
    remembered = localStorage.getItem(storageKey);
  } catch {
    // Storage can be forbidden; then nothing is remembered.
  }
  if (isKnown(remembered)) return remembered;
  const codes = navigator.languages.map((tag) => tag.toLowerCase().split('-')[0] ?? '');
  return codes.find(isKnown) ?? 'en';
}

/** Keeps the choice for the next visit. */
export function rememberLanguage(language: Language): void {
  try {
    localStorage.setItem(storageKey, language);
  } catch {
    // As above.
  }
}

/** The language of the components below. */
export const LanguageContext = createContext<Language>('en');

/** The sentences of the present language, and its way to write numbers. */
export function useTexts() {
  const language = useContext(LanguageContext);
  const number = new Intl.NumberFormat(language);
  const score = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const tenths = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  return {
    language,
    text: texts[language],
    formatNumber: (value: number) => number.format(value),
    formatScore: (value: number) => score.format(value),
    /** "2.4 s", "1:05". */
    formatDuration: (seconds: number) =>
      seconds < 60
        ? texts[language].seconds(tenths.format(seconds))
        : `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`,
  };
}
