/** @file `sensorium search`: finds files, moments and sequences in a library by text, or by picture, sound or video, or by several together. */
import { defineCommand } from 'citty';
import type {
  FoundStretch,
  JudgedHit,
  QueryNotice,
  SearchFilter,
  SearchHit,
  SearchResult,
  WeightedPart,
} from '../../apps/search/index.ts';
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
  meta: { name: 'search', description: 'Find any moment of a library by text, picture, sound or video' },
  args: {
    library: { type: 'string', description: 'The folder of the library', valueHint: 'dir' },
    text: { type: 'string', description: 'What to look for, in English or Chinese', valueHint: 'words' },
    image: { type: 'string', description: 'A picture to search by', valueHint: 'file' },
    audio: { type: 'string', description: 'A sound to search by', valueHint: 'file' },
    video: { type: 'string', description: 'A video or animated picture to search by', valueHint: 'file' },
    not: { type: 'string', description: 'What it should not be like, in words', valueHint: 'words' },
    moments: { type: 'boolean', description: 'Find stretches of time inside videos and recordings' },
    before: {
      type: 'string',
      description: 'What must come after it in the same file; several with |',
      valueHint: 'words',
    },
    kind: {
      type: 'string',
      description: 'What to find: image, audio, video, text, or several with commas',
      valueHint: 'kinds',
    },
    type: {
      type: 'string',
      description: 'In what files: image, audio, video, document, or several with commas',
      valueHint: 'types',
    },
    top: { type: 'string', description: 'How many to show', default: '10', valueHint: 'k' },
    folder: { type: 'string', description: 'Look only within this folder', valueHint: 'dir' },
    from: { type: 'string', description: 'Only files changed on or after this day', valueHint: 'date' },
    to: { type: 'string', description: 'Only files changed on or before this day', valueHint: 'date' },
    'min-seconds': { type: 'string', description: 'Only files that play at least so long', valueHint: 's' },
    'max-seconds': { type: 'string', description: 'Only files that play at most so long', valueHint: 's' },
    tags: { type: 'string', description: 'Only files with all of these tags, with commas', valueHint: 'tags' },
    model: { type: 'string', description: 'A bundle; the built-in one by default', valueHint: 'bundle' },
    ...outputOptions,
  },
  async run({ args }) {
    if (!args.library) throw new UsageError('search: say where the library is: --library <dir>');
    const parts = partsOf(args);
    const later = (args.before ?? '').split('|').filter((words) => words.trim() !== '');
    const filter = filterOf(args);
    const top = Number(args.top);
    if (!Number.isInteger(top) || top < 1 || top > 1000) {
      throw new UsageError(`search: --top must be a whole number from 1 to 1000, got ${args.top}`);
    }
    const { findMoments, findSequences, openLibrary, searchLibrary } = await loadSearch();
    const { loadEncoder } = await loadBundle();
    // Opened first without an encoder: a missing library is told at once, before a model is loaded.
    const library = await openLibrary(args.library);
    const encoder = await loadEncoder(args.model);
    const common = { library, encoder, top, ...filter };
    const about = { library: library.directory, query: parts, ...(later.length === 0 ? {} : { before: later }) };
    try {
      const startedAtMs = performance.now();
      const latencyMs = () => performance.now() - startedAtMs;
      if (later.length > 0) {
        const queries = [{ parts }, ...later.map((text) => ({ text }))];
        const sequences = await findSequences({ ...common, queries });
        if (args.json) printJson({ ...about, sequences, latencyMs: latencyMs() });
        else printStretches(sequences.map(({ stretches }) => stretches));
      } else if (args.moments) {
        const stretches = await findMoments({ ...common, query: { parts } });
        if (args.json) printJson({ ...about, stretches, latencyMs: latencyMs() });
        else printStretches(stretches.map((stretch) => [stretch]));
      } else {
        const result = await searchLibrary({ ...common, query: parts.length === 1 ? parts[0]! : { parts } });
        if (args.json) printJson({ ...about, ...result, latencyMs: latencyMs() });
        else printHits(result, await library.count());
      }
    } finally {
      await encoder.close();
      await library.close();
    }
  },
});

/** So many weaker hits are shown where nothing matches. */
const shownWeaker = 3;

function printHits({ hits, weaker, notice }: SearchResult, numFiles: number): void {
  if (notice !== undefined) process.stderr.write(`${noticeTexts[notice]}\n`);
  const isSure = hits.length > 0;
  if (!isSure && weaker.length > 0) process.stderr.write('nothing here matches; what comes nearest:\n');
  const shown = isSure ? hits : weaker.slice(0, shownWeaker);
  if (shown.length > 0) {
    const rows = shown.map((hit, i) => [String(i + 1), likelihoodOf(hit), hit.kind, placeOf(hit), hit.path]);
    printLines(...formatTable([['', 'score', 'kind', 'where', 'file'], ...rows], [0, 1, 3]));
  } else if (notice === undefined) sayNothingFound(numFiles);
}

/** "87 %" of a calibrated hit, "words" where it was rather its words that found it, else the cosine. */
function likelihoodOf({ probability, score, hasWords }: JudgedHit): string {
  if (hasWords && probability !== undefined && probability < 0.5) return 'words';
  return probability === undefined ? score.toFixed(3) : `${Math.round(100 * probability)} %`;
}

function sayNothingFound(numFiles: number): void {
  process.stderr.write(
    numFiles === 0
      ? 'the library is empty; index a folder first: sensorium index <folder> --library <dir>\n'
      : 'nothing found\n',
  );
}

/** A line for each stretch; those of a sequence stand together. */
function printStretches(groups: readonly (readonly FoundStretch[])[]): void {
  if (groups.length === 0) {
    sayNothingFound(1);
    return;
  }
  const rows = groups.flatMap((group, i) =>
    group.map(({ best, startSeconds, endSeconds }, k) => [
      k === 0 ? String(i + 1) : '',
      best.score.toFixed(3),
      best.kind,
      `${formatClock(startSeconds)}-${formatClock(endSeconds)}`,
      best.path,
    ]),
  );
  printLines(...formatTable([['', 'score', 'kind', 'when', 'file'], ...rows], [0, 1, 3]));
}

/** What a command line may ask by, beside a text. */
const queryKinds = { image: 'picture', audio: 'audio', video: 'video' } as const;

/** How much counts against what `--not` says. */
const weightAgainst = -0.5;

function partsOf(
  args: Partial<Record<'text' | 'not' | keyof typeof queryKinds, string | undefined>>,
): readonly WeightedPart[] {
  const given = (['text', 'image', 'audio', 'video'] as const).filter((name) => args[name] !== undefined);
  if (given.length === 0) {
    throw new UsageError(
      'search: say what to look for: --text "a slice of pizza", --image <file>, --audio <file> or --video <file>',
    );
  }
  const parts = given.map((by): WeightedPart => {
    const value = args[by]!;
    if (value.trim() === '') {
      throw new UsageError(
        by === 'text' ? 'search: --text must not be empty' : `search: --${by} needs the path of a file`,
      );
    }
    return by === 'text' ? { text: value } : ({ [queryKinds[by]]: value } as { picture: string });
  });
  if (args.not === undefined) return parts;
  if (args.not.trim() === '') throw new UsageError('search: --not must not be empty');
  return [...parts, { text: args.not, weight: weightAgainst }];
}

type FilterArgs = Partial<
  Record<'kind' | 'type' | 'folder' | 'from' | 'to' | 'min-seconds' | 'max-seconds' | 'tags', string | undefined>
>;

function filterOf(args: FilterArgs): SearchFilter {
  const kinds = listOf('kind', args.kind, ['image', 'audio', 'video', 'text'] as const);
  const fileKinds = listOf('type', args.type, ['image', 'audio', 'video', 'document'] as const);
  const { folder } = args;
  const modifiedFromMs = dayOf('from', args.from);
  const lastDayMs = dayOf('to', args.to);
  const minSeconds = secondsOf('min-seconds', args['min-seconds']);
  const maxSeconds = secondsOf('max-seconds', args['max-seconds']);
  const tags = args.tags?.split(',').map((tag) => tag.trim());
  return {
    ...(kinds ? { kinds } : {}),
    ...(fileKinds ? { fileKinds } : {}),
    ...(folder ? { folder } : {}),
    ...(modifiedFromMs === undefined ? {} : { modifiedFromMs }),
    ...(lastDayMs === undefined ? {} : { modifiedBeforeMs: lastDayMs + 86_400_000 }),
    ...(minSeconds === undefined ? {} : { minSeconds }),
    ...(maxSeconds === undefined ? {} : { maxSeconds }),
    ...(tags ? { tags } : {}),
  };
}

function listOf<T extends string>(name: string, given: string | undefined, all: readonly T[]): T[] | undefined {
  if (given === undefined) return undefined;
  const values = given.split(',').map((one) => one.trim());
  const isOne = (one: string): one is T => (all as readonly string[]).includes(one);
  const wrong = values.find((one) => !isOne(one));
  if (wrong === undefined) return values.filter(isOne);
  throw new UsageError(`search: --${name} must name ${all.slice(0, -1).join(', ')} or ${all.at(-1)}, got "${wrong}"`);
}

/** The beginning of a day in local time, in milliseconds since 1970. */
function dayOf(name: string, given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const time = /^\d{4}-\d{2}-\d{2}$/.test(given) ? new Date(`${given}T00:00:00`).getTime() : Number.NaN;
  if (Number.isNaN(time)) throw new UsageError(`search: --${name} must be a day such as 2026-11-25, got ${given}`);
  return time;
}

function secondsOf(name: string, given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const seconds = Number(given);
  if (given.trim() === '' || !(seconds >= 0)) {
    throw new UsageError(`search: --${name} must be a number of seconds, got ${given}`);
  }
  return seconds;
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
