/** @file `sensorium duplicates`: files of a library that are the same, or nearly. */
import { defineCommand } from 'citty';
import { UsageError } from '../failure.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { formatTable, outputOptions, printJson, printLines } from '../output.ts';
import { showProgress } from '../progress-bar.ts';

// Loaded only for a command line that is right.
const loadSearch = () => import('../../apps/search/index.ts');

export default defineCommand({
  meta: { name: 'duplicates', description: 'Find files of a library that are the same, or nearly' },
  args: {
    library: { type: 'string', description: 'The folder of the library', valueHint: 'dir' },
    'min-score': { type: 'string', description: 'The cosine from which on two are the same', valueHint: 'cosine' },
    ...outputOptions,
  },
  async run({ args }) {
    if (!args.library) throw new UsageError('duplicates: say where the library is: --library <dir>');
    const given = args['min-score'];
    const minScore = given === undefined ? undefined : Number(given);
    if (minScore !== undefined && !(minScore > 0 && minScore <= 1)) {
      throw new UsageError(`duplicates: --min-score must be above 0 and at most 1, got ${given}`);
    }
    const { findDuplicates, openLibrary } = await loadSearch();
    const interrupt = listenForInterrupt();
    const bar = showProgress(args);
    const library = await openLibrary(args.library);
    try {
      const groups = await findDuplicates({
        library,
        ...(minScore === undefined ? {} : { minScore }),
        onProgress: bar.onProgress,
        signal: interrupt.signal,
      }).finally(() => bar.close());
      if (args.json) printJson({ library: library.directory, groups });
      else if (groups.length === 0) process.stderr.write('no duplicates\n');
      else {
        const rows = groups.flatMap(({ files, isExact, score }, i) =>
          files.map(({ path }, k) => [
            k === 0 ? String(i + 1) : '',
            k > 0 ? '' : isExact ? 'same' : score.toFixed(3),
            path,
          ]),
        );
        printLines(...formatTable([['', 'score', 'file'], ...rows], [0, 1]));
      }
    } finally {
      bar.close();
      interrupt.dispose();
      await library.close();
    }
  },
});
