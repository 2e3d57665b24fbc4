/**
 * @file The things that the recipe puts into the space: pictures, sounds and spoken phrases, moving pictures, texts. Training things teach the codes;
 * validation things choose among them and calibrate the scores; test things are measured. No concept is in two splits.
 */
import { join } from 'node:path';
import { Rng } from '../../../engine/core/index.ts';
import { type PictureRecord, type PictureSource, readCatalog, trainingSources } from '../../data/catalog.ts';
import { lemmaOf, type Split } from '../../data/concept.ts';
import { readEmoji } from '../../data/emoji.ts';
import { type MotionName, motionNames } from '../../data/motions.ts';
import { readMovingPictures } from '../../data/moving-pictures.ts';
import { defaultDataDirectory } from '../../data/packages.ts';
import { readSounds } from '../../data/sounds.ts';
import { readSpeechPhrases, speechClips } from '../../data/speech.ts';
import type { SpeechVoice } from '../../data/speech-voices.ts';
import { type TextSizes, textItems } from './text-items.ts';

/** Where a thing stands. */
interface Place {
  /** Unique among things of its kind and use, and the same on every machine. */
  readonly id: string;
  readonly concept: string;
  readonly split: Split;
  /** Media are looked for and look for others; of texts, some are looked for (`row`) and some look (`query`). */
  readonly use: 'row' | 'query' | 'both';
}

/** One thing before it is encoded. */
export type IndexItem = Place &
  (
    | { readonly kind: 'image'; readonly path: string }
    | { readonly kind: 'audio'; readonly path: string }
    | { readonly kind: 'audio'; readonly voice: SpeechVoice; readonly phrase: string }
    | { readonly kind: 'video'; readonly path: string; readonly motion?: { name: MotionName; seed: string } }
    | { readonly kind: 'text'; readonly language: 'en' | 'zh'; readonly text: string }
  );

/** How many things there are of those that could be made without end. */
export interface ItemSizes extends TextSizes {
  /** Still pictures set in motion, in training and in either held-out split. */
  readonly numComposed: number;
  readonly numHeldOutComposed: number;
  /** Spoken phrases of training. */
  readonly numSpoken: number;
}

const colourSources = ['noto', 'fluent-3d', 'fluent-color', 'fluent-flat'] as const satisfies readonly PictureSource[];

/**
 * Lists the things of all splits; nothing is decoded. Pictures of artists whose licence forbids training on them are of the test split alone.
 * @throws MissingDataError when a package is not installed.
 */
export async function indexItems(directory: string | undefined, sizes: ItemSizes): Promise<IndexItem[]> {
  const data = directory ?? defaultDataDirectory();
  const records = await readCatalog({ directory: data, sources: [...trainingSources, 'twemoji'] });
  const drawn = records.filter(({ isFlag, heldOutArtist, split }) => !isFlag && (!heldOutArtist || split === 'test'));
  const pictures = drawn.map(
    ({ id, concept, split, path }): IndexItem => ({ kind: 'image', use: 'both', id, concept, split, path }),
  );
  return [...pictures, ...videoItems(data, drawn, sizes), ...audioItems(data, sizes), ...textItems(data, sizes)];
}

function videoItems(data: string, drawn: readonly PictureRecord[], sizes: ItemSizes): IndexItem[] {
  const shared = { kind: 'video', use: 'both' } as const;
  const animated = readMovingPictures(data)
    .filter(({ isFlag }) => !isFlag)
    .map(({ id, concept, split, path }): IndexItem => ({ ...shared, id, concept, split, path }));
  const composed = (wanted: Split, sources: readonly PictureSource[], count: number) =>
    new Rng(`index ${wanted}`)
      .shuffle(drawn.filter(({ split, source }) => split === wanted && sources.includes(source)))
      .slice(0, count)
      .map(({ id, concept, split, path }): IndexItem => {
        const motion = { name: new Rng(id).pick(motionNames), seed: `${id} index` };
        return { ...shared, id: `${id} ${motion.name}`, concept, split, path, motion };
      });
  const { numComposed, numHeldOutComposed } = sizes;
  return [
    ...animated,
    ...composed('train', colourSources, numComposed),
    ...composed('validation', colourSources, numHeldOutComposed),
    ...composed('test', [...colourSources, 'twemoji'], numHeldOutComposed),
  ];
}

/** Recordings are of the concept of the emoji that has their name, where there is one. */
function audioItems(data: string, { numSpoken }: ItemSizes): IndexItem[] {
  const shared = { kind: 'audio', use: 'both' } as const;
  const emoji = readEmoji(join(data, 'node_modules'));
  const conceptOf = new Map(emoji.map(({ name, concept }) => [lemmaOf(name), concept]));
  const sounds = readSounds({ directory: data }).map(({ id, concept, split, path }): IndexItem => {
    const own = conceptOf.get(lemmaOf(concept)) ?? `sound:${concept}`;
    return { ...shared, id, concept: own, split, path };
  });
  const clips = speechClips(readSpeechPhrases({ directory: data }));
  const heldOut = clips.filter(({ split }) => split !== 'train');
  const training = new Rng('index speech')
    .shuffle(clips.filter(({ split, voice }) => split === 'train' && !voice.heldOut))
    .slice(0, numSpoken);
  const spoken = [...training, ...heldOut].map(
    ({ id, concept, split, voice, text }): IndexItem => ({ ...shared, id, concept, split, voice, phrase: text }),
  );
  return [...sounds, ...spoken];
}
