/** @file Which format a picture has, told from its first bytes and never from its name. */

/** The formats of pictures that can be read. */
export type PictureFormat = 'png' | 'jpeg' | 'webp' | 'gif' | 'svg';

/** How each format is called in messages. */
export const pictureFormatNames: Readonly<Record<PictureFormat, string>> = {
  png: 'PNG',
  jpeg: 'JPEG',
  webp: 'WebP',
  gif: 'GIF',
  svg: 'SVG',
};

/** The first bytes of each format; `undefined` matches any byte. */
const signatures: readonly (readonly [format: PictureFormat, bytes: readonly (number | undefined)[]])[] = [
  ['png', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ['jpeg', [0xff, 0xd8, 0xff]],
  ['gif', [0x47, 0x49, 0x46, 0x38, undefined, 0x61]],
  [
    'webp',
    [0x52, 0x49, 0x46, 0x46, undefined, undefined, undefined, undefined, 0x57, 0x45, 0x42, 0x50, 0x56, 0x50, 0x38],
  ],
];

/** How many bytes from the start tell the format; the root element of an SVG must begin within them. */
export const signatureBytes = 16384;

/** The format of the picture that these bytes begin, or undefined when it is none that can be read. */
export function pictureFormat(bytes: Uint8Array): PictureFormat | undefined {
  for (const [format, signature] of signatures) {
    if (signature.every((byte, i) => (byte === undefined ? i < bytes.length : bytes[i] === byte))) return format;
  }
  return isSvg(bytes) ? 'svg' : undefined;
}

/** Whether the first element of the text is `svg`, after a prolog of declarations and comments. */
function isSvg(bytes: Uint8Array): boolean {
  const text = new TextDecoder('utf-8').decode(bytes.subarray(0, signatureBytes));
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at).trimStart();
    at = text.length - rest.length;
    if (/^<(?:[A-Za-z_][\w.-]*:)?svg[\s/>]/.test(rest)) return true;
    const end = rest.startsWith('<!--')
      ? after(rest, '-->')
      : rest.startsWith('<?')
        ? after(rest, '?>')
        : rest.startsWith('<!DOCTYPE')
          ? endOfDoctype(rest)
          : -1;
    if (end < 0) return false;
    at += end;
  }
  return false;
}

function after(text: string, mark: string): number {
  const found = text.indexOf(mark);
  return found < 0 ? -1 : found + mark.length;
}

/** The index after a document type declaration, whose internal subset stands in brackets. */
function endOfDoctype(text: string): number {
  const bracket = text.indexOf('[');
  const close = text.indexOf('>');
  if (bracket < 0 || close < bracket) return close < 0 ? -1 : close + 1;
  const end = /\]\s*>/.exec(text);
  return end === null ? -1 : end.index + end[0].length;
}
