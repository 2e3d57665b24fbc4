/** @file Tables of Markdown: aligned, and left as they are where they are aligned already, as in the written results. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { alignTables } from './markdown-tables.ts';

describe('alignTables', () => {
  it('pads columns, to the right where they are marked so, and touches nothing else', () => {
    const text = 'a | b\n\n| | joint |\n| --- | ---: |\n| mean | 0.5 |\n| R@10 | 0.25 ± 0.1 |\n\nend |';
    expect(alignTables(text)).toBe(
      'a | b\n\n|      |      joint |\n| ---- | ---------: |\n| mean |        0.5 |\n| R@10 | 0.25 ± 0.1 |\n\nend |',
    );
  });

  it.each(['fusion', 'architectures', 'ablations'])('leaves bench/results/%s.md as the formatter left it', (name) => {
    const text = readFileSync(new URL(`../../../bench/results/${name}.md`, import.meta.url), 'utf8');
    expect(text).toMatch(/^\| -{3,}/m);
    expect(alignTables(text)).toBe(text);
    const loose = text
      .replace(/ {2,}\|/g, ' |')
      .replace(/\| {2,}/g, '| ')
      .replace(/-{4,}/g, '---');
    expect(alignTables(loose)).toBe(text);
  });
});
