/** @file Documents as passages of text: plain text, Markdown, PDF. */
import { MediaError } from '../../engine/core/index.ts';
import { readWhole } from '../media-source.ts';
import { decodeText } from './decode-text.ts';
import { looksLikeMarkdown, readMarkdown } from './markdown.ts';
import { type Passage, paragraphsOf } from './passages.ts';
import { readPdf } from './pdf.ts';

/** The kinds of documents. */
export type DocumentKind = 'text' | 'markdown' | 'pdf';

/** A document that has been read. */
export interface DocumentContent {
  readonly kind: DocumentKind;
  readonly title?: string;
  /** In the order of the document; empty if it holds no text, as a scanned PDF does. */
  readonly passages: readonly Passage[];
  /** How many pages a PDF has. */
  readonly numPages?: number;
}

/** How a document is read. */
export interface ReadDocumentOptions {
  /** Whether a text is Markdown; told from the name's ending (`.md`) and the content by default. */
  readonly markdown?: boolean;
  /** A PDF that takes longer is refused; 60000 by default. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** A document longer than this is refused, in bytes. */
export const maxDocumentBytes = 100_000_000;
/** Text longer than this is refused, in bytes; a text is read whole. */
const maxTextBytes = 50_000_000;

/**
 * Reads a document from a file or its bytes, its kind told from the content.
 * @throws MediaError naming the file if it cannot be read, is none of the kinds, damaged, locked, too large, or takes too long.
 */
export async function readDocument(
  source: string | Uint8Array,
  options: ReadDocumentOptions = {},
): Promise<DocumentContent> {
  const name = typeof source === 'string' ? source : 'document';
  const bytes = await readWhole(source, 'document', maxDocumentBytes);
  if (isPdf(bytes)) {
    try {
      const { title, numPages, passages } = await readPdf(bytes, options.timeoutMs ?? 60_000, options.signal);
      return { kind: 'pdf', ...(title === undefined ? {} : { title }), passages, numPages };
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new MediaError(`${name}: damaged PDF: ${(error as Error).message.slice(0, 200)}`, { cause: error });
    }
  }
  if (bytes.length > maxTextBytes) {
    throw new MediaError(
      `${name}: a text must be at most ${maxTextBytes / 1e6} MB, got ${(bytes.length / 1e6).toFixed(1)} MB`,
    );
  }
  const text = decodeText(bytes)?.text;
  if (text === undefined) {
    throw new MediaError(`${name}: not a document; it must be PDF, or text in UTF-8, UTF-16 or GB18030`);
  }
  if (options.markdown ?? isMarkdown(name, text)) {
    const { title, passages } = readMarkdown(text);
    return { kind: 'markdown', ...(title === undefined ? {} : { title }), passages };
  }
  return { kind: 'text', passages: paragraphsOf(text).map((paragraph) => ({ text: paragraph })) };
}

/** Whether a text is Markdown, from the name that it goes by and its content. */
export function isMarkdown(name: string, text: string): boolean {
  return /\.(md|markdown|mdown)$/i.test(name) || (!/\.txt$/i.test(name) && looksLikeMarkdown(text));
}

/** Whether these bytes begin a PDF; some writers put a few bytes before its mark. */
export function isPdf(head: Uint8Array): boolean {
  return Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, 1024)).includes('%PDF-');
}
