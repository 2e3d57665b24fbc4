/**
 * @file Markdown as plain passages under their headings: front matter, headings of both kinds, lists, quotes, tables, code. Marks of
 * emphasis, links and pictures leave their words. No renderer: what it does not know stays as it is written.
 */
import { cutLong, type Passage } from './passages.ts';

/** What is read of a Markdown text. */
export interface MarkdownContent {
  readonly title: string | undefined;
  readonly passages: readonly Passage[];
}

/** The passages of Markdown. The title is that of the front matter, else the first heading. */
export function readMarkdown(source: string): MarkdownContent {
  const { title: declared, body } = splitFrontMatter(source.replace(/\r\n?/g, '\n'));
  const passages: Passage[] = [];
  const headings: (string | undefined)[] = [];
  let title = declared;
  let lines: string[] = [];
  let fence: string | undefined;

  const end = (isCode = false) => {
    const text = isCode ? lines.join('\n').trim() : plain(lines.join('\n'));
    lines = [];
    if (text === '') return;
    const heading = headings.filter((name) => name !== undefined).join(' > ');
    for (const piece of cutLong(text)) passages.push(heading === '' ? { text: piece } : { text: piece, heading });
  };
  const open = (level: number, text: string) => {
    headings.length = Math.min(headings.length, level - 1);
    headings[level - 1] = plain(text);
    title ??= headings[level - 1];
  };

  for (const line of withoutComments(body).split('\n')) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence !== undefined) {
      if (mark?.startsWith(fence) && line.trim() === mark) {
        fence = undefined;
        end(true);
      } else lines.push(line);
    } else if (mark !== undefined) {
      end();
      fence = mark;
    } else if (line.trim() === '') end();
    else if (/^ {0,3}#{1,6}(\s|$)/.test(line)) {
      end();
      const [, marks = '', text = ''] = /^ {0,3}(#{1,6})(.*)$/.exec(line) ?? [];
      open(marks.length, text.trim().replace(/(^|\s)#+$/, ''));
    } else if (/^ {0,3}(=+|-+)\s*$/.test(line) && lines.length > 0) {
      const text = lines.join(' ');
      lines = [];
      open(line.trim().startsWith('=') ? 1 : 2, text);
    } else if (/^ {0,3}([-*_])( *\1){2,}\s*$/.test(line)) end();
    else if (/^[-:|\s]+$/.test(line) && line.includes('|') && line.includes('-')) continue;
    else lines.push(line);
  }
  end(fence !== undefined);
  return { title: title === '' ? undefined : title, passages };
}

/** Whether a text looks like Markdown: front matter, a heading, a fence, a link or a picture. */
export function looksLikeMarkdown(text: string): boolean {
  const head = text.slice(0, 20_000);
  if (/^---\r?\n[\s\S]*?\r?\n(---|\.\.\.)\r?\n/.test(head)) return true;
  return /^ {0,3}#{1,6} \S|^(`{3}|~{3})|\[[^[\]\n]+\]\([^()\s]{1,2000}\)/m.test(head);
}

/** Parts what stands between lines of dashes at the top from the rest. */
function splitFrontMatter(source: string): { readonly title: string | undefined; readonly body: string } {
  const match = /^\uFEFF?---\n([\s\S]*?)\n(?:---|\.\.\.)(?:\n|$)/.exec(source);
  if (match === null) return { title: undefined, body: source };
  const title = /^title:[ \t]*(.*)$/m.exec(match[1]!)?.[1]?.trim();
  const quoted = /^(["'])(.*)\1$/.exec(title ?? '');
  return { title: quoted?.[2] ?? title, body: source.slice(match[0].length) };
}

/** Comments of HTML are not text. */
function withoutComments(text: string): string {
  let out = '';
  let at = 0;
  for (;;) {
    const from = text.indexOf('<!--', at);
    const to = from < 0 ? -1 : text.indexOf('-->', from);
    if (to < 0) return out + text.slice(at);
    out += text.slice(at, from);
    at = to + 3;
  }
}

/** A block's words without its marks. */
function plain(block: string): string {
  return (
    block
      .split('\n')
      .map((line) =>
        line
          .replace(/^\s*(?:>\s?)+/, '')
          .replace(/^\s*(?:[-*+]|\d{1,9}[.)])\s+(?:\[[ xX]\]\s+)?/, '')
          .replace(/^\s*\||\|\s*$/g, ''),
      )
      .join(' ')
      .replace(/\s+/g, ' ')
      // Pictures first, since they may stand within links.
      .replace(/!\[([^[\]]{0,1000})\]\([^()]{0,2000}\)/g, '$1')
      .replace(/\[([^[\]]{0,1000})\]\([^()]{0,2000}\)/g, '$1')
      .replace(/!?\[([^[\]]{1,1000})\]\[[^[\]]{0,200}\]/g, '$1')
      .replace(/<((?:https?|mailto):[^>\s]{1,2000})>/g, '$1')
      .replace(/<\/?[a-zA-Z][^<>]{0,1000}>/g, '')
      .replace(/(?<!`)(`{1,3})(?!`)([^`]+)\1(?!`)/g, '$2')
      .replace(/(\*\*|__|~~)(?=\S)([^*_~]+?)\1/g, '$2')
      .replace(/(?<![\w*])\*(?=\S)([^*]+?)\*(?!\w)/g, '$1')
      .replace(/(?<!\w)_(?=\S)([^_]+?)_(?!\w)/g, '$1')
      .replace(/\\([!-/:-@[-`{-~])/g, '$1')
      .replace(/ ?\| ?/g, ' | ')
      .trim()
  );
}
