/**
 * @file Bytes to text: UTF-8 and UTF-16 with or without a byte order mark, and GB18030, told from the bytes. Other encodings are refused
 * rather than guessed at.
 */

/** The encodings that are told apart. */
export type TextEncoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'gb18030';

/** Text and how it was written. */
export interface DecodedText {
  readonly text: string;
  readonly encoding: TextEncoding;
}

/** How many characters are looked at to judge whether they are plausible. */
const judged = 20_000;

/**
 * The text of these bytes, or undefined if they are no text in any of the encodings.
 * @param isCut whether the bytes are the beginning of something longer, so that the last character may be cut.
 */
export function decodeText(bytes: Uint8Array, isCut = false): DecodedText | undefined {
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return decoded(bytes, 'utf-8', isCut);
  if (a === 0xff && b === 0xfe) return decoded(bytes, 'utf-16le', isCut);
  if (a === 0xfe && b === 0xff) return decoded(bytes, 'utf-16be', isCut);
  const wide = wideEncoding(bytes);
  if (wide !== undefined) return decoded(bytes, wide, isCut);
  const utf8 = decoded(bytes, 'utf-8', isCut);
  if (utf8 !== undefined) return utf8;
  const chinese = decoded(bytes, 'gb18030', isCut);
  return chinese !== undefined && isPlausiblyChinese(chinese.text) ? chinese : undefined;
}

function decoded(bytes: Uint8Array, encoding: TextEncoding, isCut: boolean): DecodedText | undefined {
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: isCut });
    return isText(text) ? { text, encoding } : undefined;
  } catch {
    return undefined;
  }
}

/** UTF-16 without a mark: mostly Latin text, so that every other byte is zero. */
function wideEncoding(bytes: Uint8Array): TextEncoding | undefined {
  const length = Math.min(bytes.length & ~1, judged);
  if (length < 4) return undefined;
  let even = 0;
  let odd = 0;
  for (let i = 0; i < length; i += 2) {
    if (bytes[i] === 0) even++;
    if (bytes[i + 1] === 0) odd++;
  }
  if (even === 0 && odd > length / 4) return 'utf-16le';
  return odd === 0 && even > length / 4 ? 'utf-16be' : undefined;
}

/** No text holds NUL, and hardly any holds other control characters. */
function isText(text: string): boolean {
  const length = Math.min(text.length, judged);
  let numControl = 0;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0) return false;
    if ((code < 32 && ![9, 10, 12, 13, 27].includes(code)) || code === 127) numControl++;
  }
  return numControl * 100 <= length;
}

/** Almost any bytes are valid GB18030; Chinese text is mostly of the characters of everyday writing and their punctuation. */
function isPlausiblyChinese(text: string): boolean {
  let numWide = 0;
  let numCommon = 0;
  for (const character of text.slice(0, judged)) {
    if (character.charCodeAt(0) < 128) continue;
    numWide++;
    if (/[\u3000-\u303f\uff00-\uffef“”‘’…—·]/u.test(character) || isCommonHan(character)) numCommon++;
  }
  return numWide > 0 && numCommon >= 0.7 * numWide;
}

let common: Set<string> | undefined;

/** Whether a character is among the 3,755 of the first level of GB 2312. */
function isCommonHan(character: string): boolean {
  if (common === undefined) {
    const bytes: number[] = [];
    for (let lead = 0xb0; lead <= 0xd7; lead++) {
      for (let trail = 0xa1; trail <= (lead === 0xd7 ? 0xf9 : 0xfe); trail++) bytes.push(lead, trail);
    }
    common = new Set(new TextDecoder('gb18030').decode(Uint8Array.from(bytes)));
  }
  return common.has(character);
}
