/** @file The Debian packages that some data comes from: what each is for, under which licence, how large. None of them is needed by default. */

/** One Debian package of recordings or drawings. */
export interface DebianPackage {
  readonly name: string;
  /** The version that the sizes are of; another one is taken where Debian has another. */
  readonly version: string;
  /** Licence of the media in it (SPDX where it has a name). */
  readonly licence: string;
  readonly holds: string;
  /** Whether what we ship may be trained on it. */
  readonly use: 'training' | 'evaluation';
  /** Size of the archive, in bytes. */
  readonly downloadBytes: number;
  /** Size of the files unpacked, in bytes. */
  readonly unpackedBytes: number;
}

/** The packages, the largest first. */
export const debianPackages: readonly DebianPackage[] = [
  {
    name: 'tuxpaint-stamps-default',
    version: '2022.06.04-1',
    licence: 'GPL-2.0-only',
    holds: 'photos and drawings with descriptions read aloud, some with their true sound',
    use: 'evaluation',
    downloadBytes: 160_880_444,
    unpackedBytes: 217_292_242,
  },
  {
    name: 'openclipart-svg',
    version: '1:0.18+dfsg-19',
    licence: 'public domain',
    holds: 'drawings with keywords (SVG)',
    use: 'training',
    downloadBytes: 24_919_068,
    unpackedBytes: 172_634_523,
  },
  {
    name: 'asterisk-core-sounds-ru-wav',
    version: '1.6.1-1',
    licence: 'CC-BY-3.0',
    holds: 'Russian announcements by a human voice (8 kHz WAV)',
    use: 'training',
    downloadBytes: 18_788_860,
    unpackedBytes: 23_838_026,
  },
  {
    name: 'asterisk-core-sounds-en-wav',
    version: '1.6.1-1',
    licence: 'CC-BY-SA-3.0',
    holds: 'English words and announcements by a human voice (8 kHz WAV)',
    use: 'evaluation',
    downloadBytes: 18_272_864,
    unpackedBytes: 24_524_228,
  },
  {
    name: 'asterisk-core-sounds-it-wav',
    version: '1.6.1-1',
    licence: 'CC-BY-3.0',
    holds: 'Italian announcements by a human voice (8 kHz WAV)',
    use: 'training',
    downloadBytes: 18_262_124,
    unpackedBytes: 22_934_172,
  },
  {
    name: 'oxygen-sounds',
    version: '4:5.27.5-2',
    licence: 'LGPL-3.0-or-later',
    holds: 'sounds of a desktop',
    use: 'evaluation',
    downloadBytes: 1_892_864,
    unpackedBytes: 2_114_207,
  },
  {
    name: 'sound-theme-freedesktop',
    version: '0.8-2',
    licence: 'GPL-2.0-or-later AND CC-BY-SA-3.0',
    holds: 'sounds of a desktop: camera, bell, telephone',
    use: 'evaluation',
    downloadBytes: 383_752,
    unpackedBytes: 516_136,
  },
];
