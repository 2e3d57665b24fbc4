/** @file `sensorium search`: finds pictures, sounds and videos in a library by text or by any of them. */
import { defineCommand } from 'citty';
import type { QueryNotice, SearchHit, SegmentKind } from '../../apps/search/index.ts';
import { UsageError } from '../failure.ts';
import { formatTable, outputOptions, printJson, printLines } from '../output.ts';

/** What people are told about a query in a script that the encoder has not learned. */
const noticeTexts: Readonly<Record<QueryNotice, string>> = {
  'chinese-not-yet': 'this model does not understand Chinese; please ask in English (此模型不支持中文，请用英文查询)',
  'script-not-yet':
    'this script is not understood; please ask in English or Chinese (不支持这种文字，请用中文或英文查询)',
};

// Loaded only for a command line that is right. (In a method the compiler leaves the paths of imports as they are.)
const loadSearch = () => import('../../apps/search/index.ts');
const loadBundle = () => import('../../bundle/index.ts');

export default defineCommand({
  meta: { name: 'search', description: 'Find pictures, sounds and videos in a library by text, or by any of them' },
  args: {
    library: { type: 'string', description: 'The folder of the library', valueHint: 'dir' },
    text: { type: 'string', description: 'What to look for, in English or Chinese', valueHint: 'words' },
    image: { type: 'string', description: 'A picture to search by', valueHint: 'file' },
    audio: { type: 'string', description: 'A sound to search by', valueHint: 'file' },
    video: { type: 'string', description: 'A video or animated picture to search by', valueHint: 'file' },
    kind: {
      type: 'string',
      description: 'What to find: image, audio, video, text, or several with commas',
      valueHint: 'kinds',
    },
    top: { type: 'string', description: 'How many to show', default: '10', valueHint: 'k' },
    folder: { type: 'string', description: 'Look only within this folder', valueHint: 'dir' },
    model: { type: 'string', description: 'A bundle; the built-in one by default', valueHint: 'bundle' },
    ...outputOptions,
  },
  async run({ args }) {
    if (!args.library) throw new UsageError('search: say where the library is: --library <dir>');
    const query = queryOf(args);
    const kinds = kindsOf(args.kind);
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
      const result = await searchLibrary({
        library,
        encoder,
        query,
        top,
        ...(folder ? { folder } : {}),
        ...(kinds ? { kinds } : {}),
      });
      const latencyMs = performance.now() - startedAtMs;
      if (args.json) {
        printJson({
          library: library.directory,
          query: args.text ? { text: args.text } : { image: args.image, audio: args.audio, video: args.video },
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
          hit.kind,
          placeOf(hit),
          hit.path,
        ]);
        printLines(...formatTable([['', 'score', 'kind', 'where', 'file'], ...rows], [0, 1, 3]));
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

/** What a command line may ask by, beside a text. */
const queryKinds = { image: 'picture', audio: 'audio', video: 'video' } as const;

function queryOf(args: Partial<Record<'text' | keyof typeof queryKinds, string | undefined>>) {
  const given = (['text', 'image', 'audio', 'video'] as const).filter((name) => args[name] !== undefined);
  const [by] = given;
  if (given.length > 1) {
    throw new UsageError(`search: give one of --text, --image, --audio, --video, got --${given.join(' and --')}`);
  }
  if (by === undefined) {
    throw new UsageError(
      'search: say what to look for: --text "a slice of pizza", --image <file>, --audio <file> or --video <file>',
    );
  }
  const value = args[by]!;
  if (by === 'text') {
    if (value.trim() === '') throw new UsageError('search: --text must not be empty');
    return { text: value };
  }
  if (value === '') throw new UsageError(`search: --${by} needs the path of a file`);
  return { [queryKinds[by]]: value } as { picture: string } | { audio: string } | { video: string };
}

function kindsOf(kind: string | undefined): SegmentKind[] | undefined {
  if (kind === undefined) return undefined;
  const kinds = kind.split(',').map((one) => one.trim());
  const isKind = (one: string): one is SegmentKind => ['image', 'audio', 'video', 'text'].includes(one);
  const wrong = kinds.find((one) => !isKind(one));
  if (wrong !== undefined) throw new UsageError(`search: --kind must name image, audio, video or text, got "${wrong}"`);
  return kinds.filter(isKind);
}

/** Where in the file: "0:12-0:20 of 3:05", "page 4", "640 x 480". */
function placeOf({ width, height, durationSeconds, startSeconds, endSeconds, page }: SearchHit): string {
  if (durationSeconds > 0) {
    return `${formatClock(startSeconds)}-${formatClock(endSeconds)} of ${formatClock(durationSeconds)}`;
  }
  if (page > 0) return `page ${page}`;
  return width > 0 ? `${width} x ${height}` : '';
}

/** "3:05", "1:02:03", and tenths below a minute: "0:12.5". */
function formatClock(seconds: number): string {
  const [whole, two] = [Math.floor(seconds), (value: number) => String(value).padStart(2, '0')];
  if (seconds < 60) return `0:${seconds.toFixed(1).padStart(4, '0')}`;
  const minutes = `${Math.floor(whole / 60) % 60}`;
  return whole < 3600
    ? `${minutes}:${two(whole % 60)}`
    : `${Math.floor(whole / 3600)}:${minutes.padStart(2, '0')}:${two(whole % 60)}`;
}
