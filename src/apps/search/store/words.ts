/**
 * @file Texts as words for a full-text index that knows no language: lower case, and pairs of characters where a script puts no spaces between words. Nothing is
 * stemmed or left out.
 */

/** Scripts that are written without spaces between words. */
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]+/u;

/** Longer words are cut here, in characters. */
const maxWordLength = 200;

/** Runs of letters and digits, each of one way of writing. */
function runsOf(text: string): string[] {
  return (
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}\p{M}]+/gu) ?? []
  ).flatMap((word) => word.split(new RegExp(`(${unspaced.source})`, 'u')).filter((run) => run !== ''));
}

/** The words of a text that is to be found, in their order: `a dog 一只狗` gives a, dog, 一, 一只, 只, 只狗, 狗. */
export function indexedWords(text: string): string[] {
  return runsOf(text).flatMap((run) => {
    if (!unspaced.test(run)) return [run.slice(0, maxWordLength)];
    const characters = [...run];
    return characters.flatMap((one, i) => (i + 1 < characters.length ? [one, one + characters[i + 1]!] : [one]));
  });
}

/** The words that a text must hold to be found by a query: pairs, and a character alone only where it stands alone. */
export function queriedWords(text: string): string[] {
  const words = runsOf(text).flatMap((run) => {
    if (!unspaced.test(run)) return [run.slice(0, maxWordLength)];
    const characters = [...run];
    return characters.length === 1 ? [run] : characters.slice(1).map((one, i) => characters[i]! + one);
  });
  return [...new Set(words)];
}
