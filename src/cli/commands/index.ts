/** @file `sensorium index`: brings a library up to date with a folder of pictures, sounds and videos. */
import { defineCommand } from 'citty';
import type { FileKind, IndexReport } from '../../apps/search/index.ts';
import { UsageError } from '../failure.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { outputOptions, printJson, printLines } from '../output.ts';
import { formatDuration, showProgress } from '../progress-bar.ts';

/** How many skipped files are named; the others are counted. `--json` names them all. */
const shownSkipped = 10;

// Loaded only for a command line that is right. (In a method the compiler leaves the paths of imports as they are.)
const loadSearch = () => import('../../apps/search/index.ts');
const loadBundle = () => import('../../bundle/index.ts');

export default defineCommand({
  meta: { name: 'index', description: 'Index a folder of pictures, sounds, videos and documents into a library' },
  args: {
    folder: { type: 'positional', description: 'The folder of files, searched at any depth' },
    library: { type: 'string', description: 'The folder of the library; made if it is not there', valueHint: 'dir' },
    model: { type: 'string', description: 'A bundle; the built-in one by default', valueHint: 'bundle' },
    watch: { type: 'boolean', description: 'Go on, and index what comes, changes or goes, until Ctrl-C' },
    'key-frames': { type: 'boolean', description: 'Look at key frames of videos only: many times faster, less exact' },
    tags: { type: 'string', description: 'Words given to all files, with commas', valueHint: 'tags' },
    'retry-refused': { type: 'boolean', description: 'Try files again that could not be indexed before' },
    rebuild: { type: 'boolean', description: 'Empty the library first, for example for another model' },
    ...outputOptions,
  },
  async run({ args }) {
    if (!args.library) throw new UsageError('index: say where the library is: --library <dir>');
    const { indexFolder, openLibrary, watchFolder } = await loadSearch();
    const { loadEncoder } = await loadBundle();
    const interrupt = listenForInterrupt();
    const bar = showProgress(args);
    const encoder = await loadEncoder(args.model);
    try {
      const library = await openLibrary(args.library, {
        create: true,
        rebuild: args.rebuild ?? false,
        encoderId: encoder.id,
        dim: encoder.dim,
      });
      const folder = args.folder as string;
      const options = {
        library,
        folder,
        encoder,
        onProgress: bar.onProgress,
        signal: interrupt.signal,
        keyFrames: args['key-frames'] ?? false,
        retryRefused: args['retry-refused'] ?? false,
        ...(args.tags ? { tags: args.tags.split(',').map((tag) => tag.trim()) } : {}),
      };
      const onReport = async (report: IndexReport) => {
        bar.close();
        const files = await library.countByKind();
        if (args.json) printJson({ library: library.directory, folder, files, ...report });
        else printReport(report, files);
      };
      if (args.watch) {
        let told = Promise.resolve();
        await watchFolder({
          ...options,
          onReport: (report) => {
            // A look that found nothing new is not worth a line.
            const { added, updated, removed } = report;
            if (added + updated + removed > 0) told = told.then(() => onReport(report));
          },
        });
        await told;
      } else await onReport(await indexFolder(options).finally(() => bar.close()));
      await library.close();
    } finally {
      bar.close();
      interrupt.dispose();
      await encoder.close();
    }
  },
});

function printReport(report: IndexReport, files: Readonly<Record<FileKind, number>>): void {
  const { added, updated, unchanged, removed, segments, skipped, seconds } = report;
  printLines(
    `${added} added, ${updated} updated, ${unchanged} unchanged, ${removed} removed, ${skipped.length} skipped ` +
      `in ${formatDuration(seconds)}; ${segments} new segments`,
    `the library holds ${files.image} pictures, ${files.audio} sounds, ${files.video} videos, ${files.document} documents`,
    ...skipped.slice(0, shownSkipped).map(({ path, reason }) => `skipped ${path}: ${reason}`),
  );
  if (skipped.length > shownSkipped) printLines(`and ${skipped.length - shownSkipped} more; --json names them all`);
}
