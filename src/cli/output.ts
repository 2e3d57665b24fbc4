/** @file What every command shares about its output: the options, and JSON alone on stdout. */

/** Options that every command takes; spread them into its `args`. */
export const outputOptions = {
  json: { type: 'boolean', description: 'Print one JSON value on stdout and nothing else' },
  quiet: { type: 'boolean', description: 'Show no progress' },
  verbose: { type: 'boolean', description: 'Show the stack of an error' },
} as const;

/** Prints a value as JSON on stdout, followed by a line end. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Prints lines for people on stdout. */
export function printLines(...lines: string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}

/** Columns padded to the same width; a column of `right` is aligned to the right. Widths count full-width letters as two. */
export function formatTable(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, displayWidth(cell));
    });
  }
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const padding = ' '.repeat(widths[column]! - displayWidth(cell));
        return right.includes(column) ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd(),
  );
}

/** Terminal columns that a text takes: Han, kana, Hangul, full-width forms and emoji take two. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text.normalize('NFC')) {
    if (/\p{Mark}|\u200D|\uFE0F/u.test(character)) continue;
    const wide = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\uFF01-\uFF60\u3000-\u303F]/u;
    width += wide.test(character) || /\p{Emoji_Presentation}/u.test(character) ? 2 : 1;
  }
  return width;
}
