/**
 * @file The visible characters that stand for bytes in byte-level vocabularies, as GPT-2 chose them: printable Latin-1 stands for itself, the other
 * 68 bytes for U+0100 onward (a space is "Ġ").
 */

const isPrintable = (byte: number) =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);

/** The character of each byte. */
export const characterOfByte: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : next++));
})();

/** The byte of each character. */
export const byteOfCharacter: ReadonlyMap<string, number> = new Map(
  characterOfByte.map((character, byte) => [character, byte]),
);

const encoder = new TextEncoder();

/** The UTF-8 bytes of a text, as characters; a lone surrogate counts as U+FFFD. */
export function byteCharacters(text: string): string[] {
  return Array.from(encoder.encode(text), (byte) => characterOfByte[byte]!);
}
