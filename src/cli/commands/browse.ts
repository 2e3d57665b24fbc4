/** @file `sensorium browse`: a library in groups of what is alike. */
import { basename } from 'node:path';
import { defineCommand } from 'citty';
import { UsageError } from '../failure.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { formatTable, outputOptions, printJson, printLines } from '../output.ts';

// Loaded only for a command line that is right.
const loadSearch = () => import('../../apps/search/index.ts');

const kinds = ['image', 'audio', 'video', 'text'] as const;

/** Files that are named of each group. */
const shownExamples = 4;

export default defineCommand({
  meta: { name: 'browse', description: 'Show a library in groups of what is alike' },
  args: {
    library: { type: 'string', description: 'The folder of the library', valueHint: 'dir' },
    kind: { type: 'string', description: 'What is grouped: image, audio, video or text', default: 'image' },
    groups: { type: 'string', description: 'How many groups; as many as seem right by default', valueHint: 'k' },
    ...outputOptions,
  },
  async run({ args }) {
    if (!args.library) throw new UsageError('browse: say where the library is: --library <dir>');
    const kind = kinds.find((one) => one === args.kind);
    if (kind === undefined)
      throw new UsageError(`browse: --kind must be image, audio, video or text, got ${args.kind}`);
    const numClusters = args.groups === undefined ? undefined : Number(args.groups);
    if (numClusters !== undefined && !(Number.isInteger(numClusters) && numClusters >= 1 && numClusters <= 256)) {
      throw new UsageError(`browse: --groups must be a whole number from 1 to 256, got ${args.groups}`);
    }
    const { clusterLibrary, openLibrary } = await loadSearch();
    const interrupt = listenForInterrupt();
    const library = await openLibrary(args.library);
    try {
      const clusters = await clusterLibrary({
        library,
        kind,
        signal: interrupt.signal,
        ...(numClusters === undefined ? {} : { numClusters }),
      });
      if (args.json) printJson({ library: library.directory, kind, clusters });
      else if (clusters.length === 0) process.stderr.write('nothing of this kind in the library\n');
      else {
        const rows = clusters.map(({ size, examples }) => [
          String(size),
          examples
            .slice(0, shownExamples)
            .map(({ path }) => basename(path))
            .join('  '),
        ]);
        printLines(...formatTable([['size', 'such as'], ...rows], [0]));
      }
    } finally {
      interrupt.dispose();
      await library.close();
    }
  },
});
