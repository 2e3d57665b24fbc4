/** @file `sensorium data`: shows what the data is, under which licences and how large, then installs what is missing. */
import { defineCommand } from 'citty';
import { type DataDescription, defaultDataDirectory, describeData, installData } from '../../learn/data/index.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { formatTable, outputOptions, printJson, printLines } from '../output.ts';
import { formatBytes, showProgress } from '../progress-bar.ts';

export default defineCommand({
  meta: { name: 'data', description: 'Install the training and evaluation data from npm packages' },
  args: {
    data: { type: 'string', description: 'Folder of the data (default: data/ in a clone, else .cache/sensorium/data)' },
    show: { type: 'boolean', description: 'Only show what is installed and what is not' },
    force: { type: 'boolean', description: 'Install again even when everything is there' },
    ...outputOptions,
  },
  async run({ args }) {
    const directory = args.data ?? defaultDataDirectory();
    const before = describeData(directory);
    if (!args.json) printLines(...describe(before));
    if (args.show) {
      if (args.json) printJson(before);
      return;
    }
    const progress = showProgress({ json: args.json, quiet: args.quiet });
    const interrupt = listenForInterrupt();
    try {
      const after = await installData({
        directory,
        onProgress: progress.onProgress,
        signal: interrupt.signal,
        force: args.force ?? false,
      });
      progress.close();
      if (args.json) printJson(after);
      else
        printLines(
          '',
          before.complete && !args.force ? 'Everything is installed.' : 'Installed, and the versions are right.',
        );
    } finally {
      progress.close();
      interrupt.dispose();
    }
  },
});

function describe({ directory, packages, downloadBytes, unpackedBytes }: DataDescription): string[] {
  const missing = packages.filter(({ state }) => state !== 'installed');
  const toDownload = missing.reduce((sum, one) => sum + one.downloadBytes, 0);
  const rows = packages.map((one) => [
    one.name,
    one.version,
    one.licence,
    formatBytes(one.downloadBytes),
    formatBytes(one.unpackedBytes),
    one.use,
    one.state,
    one.holds,
  ]);
  const head = ['package', 'version', 'licence', 'download', 'on disk', 'use', 'state', 'holds'];
  const total = ['together', '', '', formatBytes(downloadBytes), formatBytes(unpackedBytes)];
  const still = missing.length === 0 ? [] : [`To download at most: ${formatBytes(toDownload)}.`];
  return [`Data in ${directory}:`, '', ...formatTable([head, ...rows, total], [3, 4]), '', ...still];
}
