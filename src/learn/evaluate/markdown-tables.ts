/** @file Markdown whose tables are read as well in the source as on a page: columns padded, the way formatters leave them. */

/** Pads the tables of a text so that their columns stand below each other; columns marked `---:` are aligned to the right. */
export function alignTables(markdown: string): string {
  const lines = markdown.split('\n');
  for (let start = 0; start < lines.length; start++) {
    let end = start;
    while (end < lines.length && lines[end]!.startsWith('|')) end++;
    if (end - start >= 2) lines.splice(start, end - start, ...aligned(lines.slice(start, end)));
    start = Math.max(start, end - 1);
  }
  return lines.join('\n');
}

function aligned(lines: readonly string[]): string[] {
  const rows = lines.map((line) =>
    line
      .replace(/^\||\|$/g, '')
      .split('|')
      .map((cell) => cell.trim()),
  );
  const marks = rows[1]!;
  const widths = marks.map((_, column) =>
    Math.max(...rows.map((row, i) => (i === 1 ? (isRight(row[column]!) ? 4 : 3) : (row[column] ?? '').length))),
  );
  return rows.map((row, i) => {
    const cells = widths.map((width, column) => {
      const right = isRight(marks[column]!);
      if (i === 1) return right ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width);
      const cell = row[column] ?? '';
      return right ? cell.padStart(width) : cell.padEnd(width);
    });
    return `| ${cells.join(' | ')} |`;
  });
}

const isRight = (mark: string) => mark.endsWith(':');
