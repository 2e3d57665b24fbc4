/** @file `sensorium search`: finds pictures in a library by text or by picture. */
import { defineCommand } from 'citty';
import type { QueryNotice } from '../../apps/search/index.ts';
import { UsageError } from '../failure.ts';
import { formatTable, outputOptions, printJson, printLines } from '../output.ts';

/** What people are told about a query in a script that the encoder has not learned. */
const noticeTexts: Readonly<Record<QueryNotice, string>> = {
  'chinese-not-yet': 'Chinese is not understood yet; please ask in English (暂不支持中文，请用英文查询)',
  'script-not-yet': 'only English is understood so far; please ask in English',
};

// Loaded only for a command line that is right. (In a method the compiler leaves the paths of imports as they are.)
const loadSearch = () => import('../../apps/search/index.ts');
const loadBundle = () => import('../../bundle/index.ts');

export default defineCommand({
  meta: { name: 'search', description: 'Find pictures in a library by text or by picture' },
  args: {
    library: { type: 'string', description: 'The folder of the library', valueHint: 'dir' },
    text: { type: 'string', description: 'What to look for, in English', valueHint: 'words' },
    image: { type: 'string', description: 'A picture to find similar ones of', valueHint: 'file' },
    top: { type: 'string', description: 'How many to show', default: '10', valueHint: 'k' },
    folder: { type: 'string', description: 'Look only within this folder', valueHint: 'dir' },
    model: { type: 'string', description: 'A bundle; the built-in one by default', valueHint: 'bundle' },
    ...outputOptions,
  },
  async run({ args }) {
    if (!args.library) throw new UsageError('search: say where the library is: --library <dir>');
    const query = queryOf(args);
    const top = Number(args.top);
    if (!Number.isInteger(top) || top < 1 || top > 1000) {
      throw new UsageError(`search: --top must be a whole number from 1 to 1000, got ${args.top}`);
    }
    const { openLibrary, searchLibrary } = await loadSearch();
    const { loadEncoder } = await loadBundle();
    // Opened first without an encoder: a missing library is told at once, before a model is loaded.
    const library = await openLibrary(args.library);
    const encoder = await loadEncoder(args.model);
    try {
      const { folder } = args;
      const startedAtMs = performance.now();
      const result = await searchLibrary({ library, encoder, query, top, ...(folder ? { folder } : {}) });
      const latencyMs = performance.now() - startedAtMs;
      if (args.json) {
        printJson({
          library: library.directory,
          query: args.text ? { text: args.text } : { image: args.image },
          ...result,
          latencyMs,
        });
        return;
      }
      if (result.notice !== undefined) process.stderr.write(`${noticeTexts[result.notice]}\n`);
      if (result.hits.length > 0) {
        const rows = result.hits.map((hit, i) => [
          String(i + 1),
          hit.score.toFixed(3),
          `${hit.width} x ${hit.height}`,
          hit.path,
        ]);
        printLines(...formatTable([['', 'score', 'size', 'picture'], ...rows], [0, 1, 2]));
      } else if (result.notice === undefined) {
        process.stderr.write(
          (await library.count()) === 0
            ? 'the library is empty; index a folder first: sensorium index <folder> --library <dir>\n'
            : 'nothing found\n',
        );
      }
    } finally {
      await encoder.close();
      await library.close();
    }
  },
});

function queryOf({ text, image }: { text?: string | undefined; image?: string | undefined }) {
  if (text !== undefined && image !== undefined) throw new UsageError('search: give --text or --image, not both');
  if (image !== undefined) {
    if (image === '') throw new UsageError('search: --image needs the path of a picture');
    return { picture: image };
  }
  if (text === undefined)
    throw new UsageError('search: say what to look for: --text "a slice of pizza" or --image <file>');
  if (text.trim() === '') throw new UsageError('search: --text must not be empty');
  return { text };
}
