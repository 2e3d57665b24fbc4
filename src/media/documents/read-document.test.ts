/** @file Documents as passages: encodings, Markdown, PDF; damaged and hostile ones. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MediaError, Rng } from '../../engine/core/index.ts';
import { decodeText } from './decode-text.ts';
import { readMarkdown } from './markdown.ts';
import { cutLong, maxPassageCharacters, paragraphsOf } from './passages.ts';
import { readDocument } from './read-document.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'documents-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const chinese = '人工智能正在改变世界。今天天气很好，我们去公园散步。\n\n第二段：图书馆里有许多有趣的书。';
/** The same in GB18030, as Python's codec wrote it. */
const chineseInGb = Buffer.from(
  'c8cbb9a4d6c7c4dcd5fdd4dab8c4b1e4cac0bde7a1a3bdf1ccecccecc6f8badcbac3a3acced2c3c7c8a5b9abd4b0c9a2b2bda1a30a0ab5dab6feb6cea3bacdbccae9b9ddc0efd3d0d0edb6e0d3d0c8a4b5c4cae9a1a3',
  'hex',
);

/** A PDF with one text a page; `Q` ends a line, `P` a paragraph. */
function pdf(pages: readonly string[], { title = '', stream }: { title?: string; stream?: Buffer } = {}): Buffer {
  const objects = ['<< /Type /Catalog /Pages 2 0 R >>', ''];
  const kids: string[] = [];
  for (const page of pages) {
    let y = 740;
    const lines = page.split('Q').map((line) => {
      y -= line.startsWith('P') ? 40 : 14;
      return `BT /F1 12 Tf 1 0 0 1 72 ${y} Tm (${line.replace(/^P/, '')}) Tj ET`;
    });
    const content = stream ?? Buffer.from(lines.join('\n'));
    const filter = stream === undefined ? '' : '/Filter /FlateDecode ';
    objects.push(`<< ${filter}/Length ${content.length} >>\nstream\n${content.toString('latin1')}\nendstream`);
    const contents = objects.length;
    objects.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${contents} 0 R /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>`,
    );
    kids.push(`${objects.length} 0 R`);
  }
  objects[1] = `<< /Type /Pages /Kids [${kids.join(' ')}] /Count ${kids.length} >>`;
  objects.push(`<< /Title (${title}) >>`);
  let text = '%PDF-1.4\n';
  const offsets = objects.map((object, i) => {
    const at = text.length;
    text += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return String(at).padStart(10, '0');
  });
  const xref = text.length;
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.map((at) => `${at} 00000 n \n`).join('')}`;
  text += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R /Info ${objects.length} 0 R >>\nstartxref\n${xref}\n%%EOF`;
  return Buffer.from(text, 'latin1');
}

describe('text', () => {
  const utf16 = (text: string, isBig: boolean) => {
    const bytes = Buffer.from(text, 'utf16le');
    return isBig ? bytes.swap16() : bytes;
  };
  const cases: readonly (readonly [name: string, bytes: Uint8Array, text: string, encoding: string])[] = [
    ['UTF-8', Buffer.from(chinese), chinese, 'utf-8'],
    ['UTF-8 with a mark', Buffer.from(`\uFEFF${chinese}`), chinese, 'utf-8'],
    ['UTF-16 LE with a mark', utf16(`\uFEFF${chinese}`, false), chinese, 'utf-16le'],
    ['UTF-16 BE with a mark', utf16(`\uFEFF${chinese}`, true), chinese, 'utf-16be'],
    ['UTF-16 LE without a mark', utf16('Plain words.', false), 'Plain words.', 'utf-16le'],
    ['UTF-16 BE without a mark', utf16('Plain words.', true), 'Plain words.', 'utf-16be'],
    ['GB18030', chineseInGb, chinese, 'gb18030'],
  ];
  test.each(cases)('in %s', (_, bytes, text, encoding) => {
    expect(decodeText(bytes)).toEqual({ text, encoding });
  });

  test.each([
    ['Latin-1', Buffer.from('Ein schöner Tag für die Bären am Flüßchen.', 'latin1')],
    ['a program', Buffer.from('\x7fELF\x02\x01\x01\0\0\0\0\0', 'latin1')],
    ['noise', Uint8Array.from({ length: 4000 }, (_, i) => ((i * 7919) ^ (i >> 2) ^ (i * i)) & 255)],
  ])('%s is none', (_, bytes) => {
    expect(decodeText(bytes)).toBeUndefined();
  });

  test('a character that is cut at the end of a beginning does no harm', () => {
    const bytes = Buffer.from(chinese).subarray(0, 20);
    expect(decodeText(bytes)).toBeUndefined();
    expect(decodeText(bytes, true)?.text).toBe(chinese.slice(0, 6));
  });

  test('comes as paragraphs', async () => {
    const { kind, passages } = await readDocument(chineseInGb);
    expect(kind).toBe('text');
    expect(passages).toEqual(chinese.split('\n\n').map((text) => ({ text })));
    expect(paragraphsOf('a\r\nb\r\n \r\n\r\nc\fd\n')).toEqual(['a b', 'c', 'd']);
  });

  test('long paragraphs are cut behind sentences, and no character is lost or torn', () => {
    for (const sentence of ['The quick brown fox jumps over it. ', '敏捷的棕色狐狸跳过了懒狗。', 'x', '😀']) {
      const text = sentence.repeat(3000).trim();
      const pieces = cutLong(text);
      expect(pieces.length).toBeGreaterThan(2);
      for (const piece of pieces) {
        expect(piece.length).toBeLessThanOrEqual(maxPassageCharacters);
        expect(piece.length % sentence.trim().length === 0 || sentence.length > 5).toBe(true);
        if (sentence.length > 5) expect(piece).toMatch(/[.。]$/);
      }
      expect(pieces.join(sentence.endsWith(' ') ? ' ' : '')).toBe(text);
    }
  });
});

describe('Markdown', () => {
  test('comes as passages under their headings', () => {
    const { title, passages } = readMarkdown(
      [
        '---\ntitle: "Cats and *dogs*"\ntags: [a]\n---',
        '# Animals #\nAn **animal** is a [living](http://a.b/c) `thing`.\nIt *moves*, snake_case_name stays.',
        '<!-- not this -->\n\nCats\n----\n- soft\n- [x] round\n\n> quoted\n> twice',
        '```js\n# no heading\nconst a = 1;\n```',
        '| a | b |\n|---|---|\n| 1 | 2 |\n\n***\n\n![a cat](cat.png)\n## Dogs\nloud\\*',
      ].join('\n'),
    );
    expect(title).toBe('Cats and *dogs*');
    expect(passages).toEqual([
      { heading: 'Animals', text: 'An animal is a living thing. It moves, snake_case_name stays.' },
      { heading: 'Animals > Cats', text: 'soft round' },
      { heading: 'Animals > Cats', text: 'quoted twice' },
      { heading: 'Animals > Cats', text: '# no heading\nconst a = 1;' },
      { heading: 'Animals > Cats', text: 'a | b 1 | 2' },
      { heading: 'Animals > Cats', text: 'a cat' },
      { heading: 'Animals > Dogs', text: 'loud*' },
    ]);
  });

  test('is told by its name or its content', async () => {
    const kindOf = async (name: string, text: string) => {
      const path = join(folder, name);
      await writeFile(path, text);
      return (await readDocument(path)).kind;
    };
    expect(await kindOf('a.md', 'Only words.')).toBe('markdown');
    expect(await kindOf('notes', '# Title\n\nwords')).toBe('markdown');
    expect(await kindOf('a.txt', '# Title\n\nwords')).toBe('text');
    expect(await kindOf('plain', 'C# and 3 * 4 * 5')).toBe('text');
    expect((await readDocument(join(folder, 'notes'))).title).toBe('Title');
  });

  test('made to be slow is read soon', () => {
    const started = performance.now();
    for (const text of [
      '['.repeat(50_000),
      '*a '.repeat(30_000),
      '<'.repeat(50_000),
      '`'.repeat(50_001),
      `${' '.repeat(50_000)}x`,
      `|${' '.repeat(50_000)}x`,
      '[a]('.repeat(20_000),
      '| '.repeat(50_000),
    ]) {
      readMarkdown(text);
      readMarkdown(`# ${text}`);
    }
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe('PDF', () => {
  test('comes as paragraphs with their pages', async () => {
    const path = join(folder, 'really-a-pdf.txt');
    await writeFile(
      path,
      pdf(['A first line,Qthe para-Qgraph goes on.QPAnother one.', 'On page two.'], { title: 'A report' }),
    );
    expect(await readDocument(path)).toEqual({
      kind: 'pdf',
      title: 'A report',
      numPages: 2,
      passages: [
        { page: 1, text: 'A first line, the paragraph goes on.' },
        { page: 1, text: 'Another one.' },
        { page: 2, text: 'On page two.' },
      ],
    });
  });

  test('without text has no passages', async () => {
    expect(await readDocument(pdf(['']))).toEqual({ kind: 'pdf', numPages: 1, passages: [] });
  });

  test('that takes too long, or too much memory, is refused', async () => {
    // Sixty million bytes of text operators in sixty thousand.
    const bomb = pdf(['x'], { stream: deflateSync(Buffer.from('BT (x) Tj ET\n'.repeat(4_600_000))) });
    expect(bomb.length).toBeLessThan(500_000);
    const started = performance.now();
    await expect(readDocument(bomb, { timeoutMs: 1500 })).rejects.toThrow(
      /document: damaged PDF: reading its pages (must take at most 1500 ms|took too much memory)/,
    );
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  test('cut or changed at random is read or refused', async () => {
    const bytes = pdf(['Some words.', 'More words.']);
    const rng = new Rng('hostile pdf');
    const changed = [
      bytes.subarray(0, 20),
      Buffer.concat([bytes.subarray(0, 9), Buffer.from(Array.from({ length: 500 }, () => rng.integer(256)))]),
      Buffer.from(bytes).fill(0x20, 60, 400),
    ];
    for (const attempt of changed) {
      const failure: unknown = await readDocument(attempt).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failure !== undefined) expect(failure).toBeInstanceOf(MediaError);
    }
    await expect(readDocument(changed[0]!)).rejects.toThrow(/damaged PDF/);
  });

  test('is given up when the signal says so', async () => {
    await expect(readDocument(pdf(['x']), { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });
});

test('what is no document is refused by name and rule', async () => {
  const path = join(folder, 'no-document.md');
  await writeFile(path, Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 3));
  await expect(readDocument(path)).rejects.toThrow(`${path}: not a document; it must be PDF, or text in UTF-8`);
  await writeFile(path, '');
  await expect(readDocument(path)).rejects.toThrow(`${path}: a document must not be empty`);
  await truncate(path, 101_000_000);
  await expect(readDocument(path)).rejects.toThrow(/at most 100 MB, got 101\.0 MB/);
  await expect(readDocument(folder)).rejects.toThrow(/must be a file/);
  await expect(readDocument(join(folder, 'none.md'))).rejects.toThrow(/there is no such file/);
  const pipe = join(folder, 'pipe.md');
  execFileSync('mkfifo', [pipe]);
  await expect(readDocument(pipe)).rejects.toThrow(/must be a file/);
});
