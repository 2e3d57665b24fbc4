/**
 * @file What an SVG may not contain. Rendering happens from memory, so the renderer has no folder to resolve references in and
 * loads neither files nor addresses; what remains are documents made to cost time or memory.
 */

/** An SVG longer than this is refused, in bytes. */
const maxSvgBytes = 8_000_000;

/** Sides beyond this are refused: the size of an SVG is only a number in its text. */
const maxSide = 100_000;

/** More elements than this are refused; the largest clip art has some tens of thousands. */
const maxElements = 100_000;

/** More text between elements than this is refused, in characters: laying it out takes about a kilobyte for each. */
const maxTextLength = 100_000;

/** An embedded picture longer than this is refused, in base64 characters. */
const maxEmbeddedLength = 4_000_000;

/** Pixels beyond which an embedded picture is refused. */
const maxEmbeddedPixels = 16_000_000;

/** An entity value longer than this is refused, in characters; drawing programs put namespaces of some 60 there. */
const maxEntityLength = 1000;

/** A longer document may be slow, in characters. */
const maxPlainLength = 200_000;

/** Elements whose cost is not bounded by the length of the document: they repeat, filter, lay out or embed. */
const costlyElements =
  /<(?:[\w.-]+:)?(?:use|symbol|pattern|filter|mask|clipPath|marker|text|image|style|foreignObject)[\s/>]/;

/**
 * Whether drawing the document could take far more than its length suggests. Icons and most emoji are plain shapes and
 * gradients, which cost what they look like.
 */
export function isRiskySvg(svg: string): boolean {
  return svg.length > maxPlainLength || costlyElements.test(svg);
}

/** The rule that a document breaks, or undefined. */
export function brokenSvgRule(svg: string): string | undefined {
  if (svg.length > maxSvgBytes) return `an SVG must be at most ${maxSvgBytes / 1e6} MB`;
  return brokenSizeRule(svg) ?? brokenEntityRule(svg) ?? brokenEmbeddingRule(svg) ?? brokenExtentRule(svg);
}

/** The width, height and view box that the root element claims. */
function brokenSizeRule(svg: string): string | undefined {
  const root = /<(?:[A-Za-z_][\w.-]*:)?svg[\s/>][^>]*/.exec(svg)?.[0] ?? '';
  const sides = Array.from(
    root.matchAll(/\s(?:width|height)\s*=\s*["']\s*([\d.]+(?:e[+-]?\d+)?)/gi),
    ([, side]) => side,
  );
  if (sides.length < 2)
    sides.push(
      ...(/\sviewBox\s*=\s*["']([^"']*)/
        .exec(root)?.[1]
        ?.trim()
        .split(/[\s,]+/)
        .slice(2) ?? []),
    );
  return sides.some((side) => Number(side) > maxSide)
    ? `an SVG must be at most ${maxSide} wide and high, got ${sides.slice(0, 2).join(' x ')}`
    : undefined;
}

/**
 * Entities may stand for short plain text, as old drawing programs write their namespaces; one that names another entity, a
 * file or an address is refused, because a few of those expand to gigabytes.
 */
function brokenEntityRule(svg: string): string | undefined {
  if (!svg.includes('<!ENTITY')) return undefined;
  const entity = /<!ENTITY\s+(%\s*)?[^\s>]+\s+(?:"([^"]*)"|'([^']*)'|(\S+))/g;
  for (const [, parameter, double, single, external] of svg.matchAll(entity)) {
    const value = double ?? single ?? '';
    if (parameter !== undefined || external !== undefined) return 'entities of an SVG must not be external';
    if (/[&%<]/.test(value)) return 'entities of an SVG must be plain text';
    if (value.length > maxEntityLength) return `entities of an SVG must be at most ${maxEntityLength} characters long`;
  }
  const declared = svg.split('<!ENTITY').length - 1;
  const understood = svg.match(entity)?.length ?? 0;
  return declared === understood ? undefined : 'entities of an SVG must be well formed';
}

/** Embedded pictures are decoded by the renderer at their full size, so their claimed size is looked at here. */
function brokenEmbeddingRule(svg: string): string | undefined {
  for (const { index } of svg.matchAll(/data:[^,"'>]{0,200},/g)) {
    const start = svg.indexOf(',', index) + 1;
    const end = svg.slice(start, start + maxEmbeddedLength + 1).search(/["'>)]/);
    if (end < 0) return `a picture within an SVG must be at most ${maxEmbeddedLength / 1e6} MB`;
    const head = svg.slice(start, start + Math.min(end, 400_000)).replace(/\s|%0A/gi, '');
    const pixels = claimedPixels(Buffer.from(head, 'base64'));
    if (pixels > maxEmbeddedPixels) {
      return `a picture within an SVG must have at most ${maxEmbeddedPixels / 1e6} million pixels`;
    }
  }
  return undefined;
}

/** Width times height from the header of a PNG or a JPEG; 0 for anything else. */
function claimedPixels(bytes: Buffer): number {
  if (bytes.length >= 24 && bytes.readUInt32BE(0) === 0x89504e47)
    return bytes.readUInt32BE(16) * bytes.readUInt32BE(20);
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== 0xffd8) return 0;
  let at = 2;
  while (at + 9 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1]!;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return bytes.readUInt16BE(at + 5) * bytes.readUInt16BE(at + 7);
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return 0;
}

function brokenExtentRule(svg: string): string | undefined {
  let elements = 0;
  let text = 0;
  for (let at = svg.indexOf('<'); at >= 0; ) {
    elements += 1;
    const close = svg.indexOf('>', at);
    const next = svg.indexOf('<', at + 1);
    const isStyle = svg.startsWith('style', at + 1) || svg.startsWith('![CDATA[', at + 1);
    if (close >= 0 && !isStyle) text += Math.max(0, (next < 0 ? svg.length : next) - close - 1);
    at = next;
  }
  // An element has at most two tags.
  if (elements > 2 * maxElements) return `an SVG must have at most ${maxElements} elements`;
  if (text > maxTextLength + elements * 64) return `an SVG must hold at most ${maxTextLength} characters of text`;
  return undefined;
}
