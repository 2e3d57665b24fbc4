/**
 * @file Which clips the recipe learns from, chooses by and is measured with. Training: pictures of training concepts by four artists, each in
 * one motion, and the animated pictures of training concepts. Validation: concepts of that split, drawn by OpenMoji. Test: concepts of
 * the test split, drawn by Twemoji. Neither artist trains anything.
 */
import { join } from 'node:path';
import { Rng } from '../../../engine/core/index.ts';
import { type PictureRecord, type PictureSource, readCatalog } from '../../data/catalog.ts';
import { type MotionName, motionNames, motions } from '../../data/motions.ts';
import { readChineseNames, readMovingPictures } from '../../data/moving-pictures.ts';
import { defaultDataDirectory } from '../../data/packages.ts';
import { animatedClip, type Clip, composedClip } from './clips.ts';

/** The artists whose pictures are set in motion for training: colour drawings, not icons. */
const motionSources = ['noto', 'fluent-3d', 'fluent-color', 'fluent-flat'] as const satisfies readonly PictureSource[];

/** Motions that are something else when they run backward, one of each pair. */
export const directedMotions = [
  'moves-left',
  'rises',
  'grows',
  'turns-clockwise',
  'appears',
] as const satisfies readonly MotionName[];

/** The clips of the three splits. */
export interface VideoCorpus {
  readonly training: readonly Clip[];
  /** Motions of validation concepts, each in the five `directedMotions`. */
  readonly validation: readonly Clip[];
  /** Motions of test concepts, likewise. */
  readonly test: readonly Clip[];
  /** Animated pictures of validation and test concepts, as they are and in a mirror. */
  readonly heldOutAnimated: readonly Clip[];
  /** The concepts of the test split among the animated pictures. */
  readonly testConcepts: ReadonlySet<string>;
}

/** How many clips there are. */
export interface CorpusSizes {
  /** Pictures set in motion for training; all of them if absent. */
  readonly maxComposed?: number;
  /** Pictures of the validation and of the test split that are set in motion. */
  readonly numHeldOut: number;
}

/**
 * Lists the clips; nothing is rendered.
 * @throws MissingDataError when a package is not installed.
 */
export async function videoCorpus(directory: string | undefined, sizes: CorpusSizes): Promise<VideoCorpus> {
  const data = directory ?? defaultDataDirectory();
  const chinese = readChineseNames(join(data, 'node_modules'));
  const records = await readCatalog({ directory: data, sources: [...motionSources, 'openmoji', 'twemoji'] });
  const namesOf = ({ id, name }: PictureRecord) => ({ en: name, zh: chinese.get(id.split('/')[1]!)?.tts?.[0] });
  const drawn = records.filter((record) => !record.isFlag);
  const composed = new Rng('training pictures')
    .shuffle(drawn.filter((record) => record.split === 'train' && !record.heldOutArtist))
    .slice(0, sizes.maxComposed)
    .map((record) => composedClip(record, namesOf(record), new Rng(record.id).pick(motionNames), '1'));
  const heldOut = (source: PictureSource, split: string) => {
    const own = drawn.filter((record) => record.source === source && record.split === split);
    // One picture of a name: no two of the questions are the same.
    const distinct = [...new Map(own.map((record) => [record.name, record])).values()];
    return new Rng(`${source} ${split}`)
      .shuffle(distinct)
      .slice(0, sizes.numHeldOut)
      .flatMap((record) => directedMotions.map((motion) => composedClip(record, namesOf(record), motion, 'suite')));
  };
  const moving = readMovingPictures(data).filter((picture) => !picture.isFlag);
  const bothSides = (split: (name: string) => boolean) =>
    moving
      .filter((picture) => split(picture.split))
      .flatMap((picture) => [false, true].map((side) => animatedClip(picture, side)));
  return {
    training: [...composed, ...bothSides((split) => split === 'train')],
    validation: heldOut('openmoji', 'validation'),
    test: heldOut('twemoji', 'test'),
    heldOutAnimated: bothSides((split) => split !== 'train'),
    testConcepts: new Set(moving.flatMap(({ split, concept }) => (split === 'test' ? [concept] : []))),
  };
}

/** The motion that a composed clip shows run backward. */
export function oppositeOf(motion: MotionName): MotionName {
  return motions[motion].reversed;
}
