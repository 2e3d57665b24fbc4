/** @file Documents as passages: pieces of text of a length that can be embedded and shown. */

/** A piece of a document. */
export interface Passage {
  readonly text: string;
  /** Its page, from 1, where there are pages. */
  readonly page?: number;
  /** The heading that it stands under, with those above it: `Animals > Cats`. */
  readonly heading?: string;
}

/** A passage has at most this many characters. */
export const maxPassageCharacters = 1000;

/** The paragraphs of plain text, which empty lines part; long ones are cut at ends of sentences. */
export function paragraphsOf(text: string): string[] {
  return text
    .split(/\r?\n[^\S\n]*(?:\r?\n[^\S\n]*)+|\f/)
    .map((paragraph) => paragraph.replace(/\s+/g, ' ').trim())
    .filter((paragraph) => paragraph !== '')
    .flatMap(cutLong);
}

/** Pieces of at most `maxPassageCharacters`, cut behind the last sentence that fits, else behind the last word, else anywhere. */
export function cutLong(text: string): string[] {
  const pieces: string[] = [];
  let rest = text;
  while (rest.length > maxPassageCharacters) {
    const head = rest.slice(0, maxPassageCharacters);
    const sentence = Math.max(...[...head.matchAll(/[。！？；]|[.!?](?=\s)/g)].map(({ index }) => index + 1), 0);
    const word = head.lastIndexOf(' ');
    let at = sentence > maxPassageCharacters / 4 ? sentence : word > 0 ? word : maxPassageCharacters;
    // A character outside the basic plane is not torn apart.
    if (/[\uD800-\uDBFF]/.test(rest[at - 1]!)) at -= 1;
    pieces.push(rest.slice(0, at).trim());
    rest = rest.slice(at).trim();
  }
  if (rest !== '') pieces.push(rest);
  return pieces;
}
