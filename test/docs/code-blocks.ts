/** @file Finds the fenced code blocks of a Markdown file. */

/** One fenced block. */
export interface CodeBlock {
  /** The word after the fence: `ts`, `bash`, ... */
  readonly language: string;
  /** The rest of that line, such as `no-run`. */
  readonly remark: string;
  readonly text: string;
  /** The line of the opening fence, counted from 1. */
  readonly line: number;
}

/** All fenced blocks in order. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const fence = /^( *)(`{3,}|~{3,})([^\s`]*)[ \t]*([^\n`]*)\n(.*?)^\1\2[ \t]*$/gms;
  for (const match of markdown.matchAll(fence)) {
    const [, indent = '', , language = '', remark = '', text = ''] = match;
    blocks.push({
      language,
      remark: remark.trim(),
      text: text.replace(new RegExp(`^${indent}`, 'gm'), ''),
      line: markdown.slice(0, match.index).split('\n').length,
    });
  }
  return blocks;
}
