/**
 * @file What an SVG may not contain. Rendering happens from memory, so the renderer has no folder to resolve references in and
 * loads neither files nor addresses; what remains are documents made to cost time or memory.
 */

/** An SVG longer than this is refused, in bytes. */
export const maxSvgBytes = 16_000_000;

/** An entity value longer than this is refused, in characters; drawing programs put namespaces of some 60 there. */
const maxEntityLength = 1000;

/**
 * The rule that a document breaks, or undefined. Entities may stand for short plain text, as old drawing programs write
 * their namespaces; one that names another entity, a file or an address is refused, because a few of those expand to gigabytes.
 */
export function brokenSvgRule(svg: string): string | undefined {
  if (svg.length > maxSvgBytes) return `an SVG must be at most ${maxSvgBytes / 1e6} MB`;
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
