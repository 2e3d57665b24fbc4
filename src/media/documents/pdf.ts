/**
 * @file The text of PDF files by page, through unpdf (a build of PDF.js), in a process apart with limits of time and memory. Pages that are
 * pictures of text have none.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { askProgram, startProgram } from '../isolated-program.ts';
import { type Passage, paragraphsOf } from './passages.ts';

/** A PDF with more pages than this is refused. */
const maxPages = 5000;
/** More text than this is refused, in characters. */
const maxCharacters = 20_000_000;
/** What the process may hold in JavaScript objects. */
const heapMegabytes = 768;

/** What is read of a PDF. */
export interface PdfContent {
  readonly title: string | undefined;
  readonly numPages: number;
  readonly passages: readonly Passage[];
}

type Reply = { readonly title: string; readonly pages: readonly string[] } | { readonly error: string };

/**
 * Reads the pages' text, in the order in which the file holds it.
 * @throws Error with what is wrong: damaged, locked by a password, too large, too slow.
 */
export async function readPdf(bytes: Uint8Array, timeoutMs: number, signal?: AbortSignal): Promise<PdfContent> {
  signal?.throwIfAborted();
  const child = startProgram(program(), heapMegabytes);
  const abort = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', abort);
  try {
    const reply = await askProgram<Reply>(child, { bytes }, timeoutMs, 'reading its pages');
    if ('error' in reply) throw new Error(reply.error);
    const passages = reply.pages.flatMap((text, i) =>
      paragraphsOf(text).map((paragraph) => ({ text: paragraph, page: i + 1 })),
    );
    return { title: reply.title.trim() || undefined, numPages: reply.pages.length, passages };
  } finally {
    signal?.throwIfAborted();
    signal?.removeEventListener('abort', abort);
    child.kill('SIGKILL');
  }
}

/** What the process runs. Lines of a page are joined; a gap of more than a line and a half parts paragraphs. */
function program(): string {
  const unpdf = pathToFileURL(createRequire(import.meta.url).resolve('unpdf')).href;
  return `
    process.on('message', ({ bytes }) => {
      read(bytes).then(
        (reply) => process.send(reply),
        (error) => process.send({ error: error?.name === 'PasswordException' ? 'it is locked by a password' : String(error?.message ?? error) }),
      );
    });
    async function read(bytes) {
      const module = await import(${JSON.stringify(unpdf)});
      const { getDocumentProxy } = module.getDocumentProxy ? module : module.default;
      const pdf = await getDocumentProxy(new Uint8Array(bytes), {
        isEvalSupported: false, disableFontFace: true, useSystemFonts: false, stopAtErrors: false, verbosity: 0,
      });
      if (pdf.numPages > ${maxPages}) return { error: 'a PDF must have at most ${maxPages} pages, got ' + pdf.numPages };
      const { info } = await pdf.getMetadata().catch(() => ({ info: {} }));
      const pages = [];
      let length = 0;
      for (let i = 1; i <= pdf.numPages; i++) {
        const page = await pdf.getPage(i);
        const { items } = await page.getTextContent();
        const text = textOf(items);
        length += text.length;
        if (length > ${maxCharacters}) return { error: 'a PDF must have at most ${maxCharacters / 1e6} million characters' };
        pages.push(text);
        page.cleanup();
      }
      return { title: typeof info?.Title === 'string' ? info.Title : '', pages };
    }
    function textOf(items) {
      let text = '', lastY, lastHeight = 0;
      for (const { str, hasEOL, transform, height } of items) {
        if (str === undefined) continue;
        const y = transform[5];
        if (str.trim() !== '') {
          if (lastY !== undefined && Math.abs(lastY - y) > 1.7 * Math.max(height, lastHeight, 1)) text = text.trimEnd() + '\\n\\n';
          lastY = y;
          lastHeight = height;
        }
        text += str + (hasEOL ? '\\n' : '');
      }
      // A word that was parted at the end of a line is joined.
      return text.replace(/(\\p{Ll})-\\n(?=\\p{Ll})/gu, '$1');
    }
  `;
}
