/** @file Whether a query is written in a script that the encoder has learned. */

/** Why the answer to a query is missing or weak. */
export type QueryNotice = 'chinese-not-yet' | 'script-not-yet';

/** What is known of the language of a query. */
export interface QueryLanguage {
  /** Set when some of the text is in a script that the encoder has not learned. */
  readonly notice?: QueryNotice;
  /** Whether some of the text can be understood. */
  readonly isUnderstood: boolean;
}

/**
 * Tells the scripts of a query apart. Han alone is taken for Chinese; with kana it is Japanese.
 * @param languages those that the encoder understands (BCP 47).
 */
export function queryLanguage(text: string, languages: readonly string[] = ['en']): QueryLanguage {
  const hasLatin = /\p{Script=Latin}/u.test(text);
  const foreign = /[^\P{Letter}\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}]/u.test(text);
  if (!foreign) return { isUnderstood: true };
  const isChinese =
    /\p{Script=Han}|\p{Script=Bopomofo}/u.test(text) && !/\p{Script=Hiragana}|\p{Script=Katakana}/u.test(text);
  if (isChinese && languages.some((language) => /^zh\b/.test(language))) return { isUnderstood: true };
  return { notice: isChinese ? 'chinese-not-yet' : 'script-not-yet', isUnderstood: hasLatin };
}
