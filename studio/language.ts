/** @file Which language the page speaks: the one chosen before, else the browser's; and how it writes numbers, times and days. */
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

/** "0:07", "1:05", "1:02:03". */
export function clockTime(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** The sentences of a language, and its way to write numbers, times and days. */
function writingOf(language: Language) {
  const number = new Intl.NumberFormat(language);
  const score = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const tenths = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const share = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 });
  const day = new Intl.DateTimeFormat(language, { dateStyle: 'medium' });
  return {
    language,
    text: texts[language],
    formatNumber: (value: number) => number.format(value),
    formatScore: (value: number) => score.format(value),
    formatShare: (value: number) => share.format(value),
    formatDay: (value: string | number) => day.format(new Date(value)),
    /** "2.4 s", "1:05". */
    formatDuration: (seconds: number) =>
      seconds < 60 ? texts[language].seconds(tenths.format(seconds)) : clockTime(seconds),
    /** "0:12–0:18"; one time where both are within a second. */
    formatRange: (startSeconds: number, endSeconds: number) => {
      const [start, end] = [clockTime(startSeconds), clockTime(Math.ceil(endSeconds - 1e-3))];
      return start === end ? start : `${start}–${end}`;
    },
  };
}

const writings = new Map<Language, ReturnType<typeof writingOf>>();

/** The sentences of the present language, and its way to write numbers, times and days. */
export function useTexts() {
  const language = useContext(LanguageContext);
  const known = writings.get(language) ?? writingOf(language);
  writings.set(language, known);
  return known;
}
