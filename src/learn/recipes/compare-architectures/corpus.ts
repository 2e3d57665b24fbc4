/**
 * @file What the comparison learns from and is measured with. An item is an emoji with its names in two languages and whatever there is of it: pictures
 * by several artists, an animation, its name as synthetic voices speak it; or a recorded sound with its description. Most items lack
 * some modality.
 *
 * Items of training concepts train. Held out are: concepts of the test split, as an artist draws them whom training never saw, with their
 * animations and spoken names; pictures of training concepts by that artist; recorded sounds that the suite holds out.
 */
import { join } from 'node:path';
import { Rng } from '../../../engine/core/index.ts';
import { sequenceKey } from '../../data/concept.ts';
import { type Emoji, readEmoji } from '../../data/emoji.ts';
import { defaultDataDirectory, type PictureRecord, readCatalog, trainingSources } from '../../data/index.ts';
import { readChineseNames, readMovingPictures } from '../../data/moving-pictures.ts';
import { readSounds, type SoundRecord } from '../../data/sounds.ts';
import { type SpeechVoice, speechVoices } from '../../data/speech-voices.ts';
import type { HeardSound, MediaLists, ShownRecord } from './media-tables.ts';
import type { ComparisonSettings } from './settings.ts';
import type { CaptionLanguage } from './texts.ts';

/** What may be trained on or measured. */
export interface ComparisonItem {
  /** No batch holds two items of one concept. */
  readonly concept: string;
  readonly name: Readonly<Record<CaptionLanguage, string>>;
  readonly keywords: Readonly<Record<CaptionLanguage, readonly string[]>>;
  /** Rows of the tables of media; none where a modality is missing. */
  readonly pictures: readonly number[];
  readonly videos: readonly number[];
  readonly sounds: readonly number[];
}

/** Items of one kind. */
export interface ItemGroup {
  readonly id: string;
  readonly items: readonly ComparisonItem[];
}

/** The corpus before its media are read. */
export interface ComparisonCorpus {
  /** The groups that batches are drawn from; an emoji with an animation is in two of them. */
  readonly training: readonly ItemGroup[];
  /** `unseen concepts`, `seen concepts` and `sounds`. */
  readonly heldOut: readonly ItemGroup[];
  /** Every text of stage one: names and keywords of training items and icons. */
  readonly texts: Readonly<Record<CaptionLanguage, readonly string[]>>;
  readonly media: MediaLists;
  /** The rows that training sees, from which features are standardized: the first of each table. */
  readonly numTrainingRows: { readonly pictures: number; readonly videos: number; readonly sounds: number };
  /** Why a modality has less than it could. */
  readonly notes: readonly string[];
}

/** The artists to train on: one view each is plain. */
const trainingArtists = ['noto', 'fluent-3d', 'fluent-color'] as const;
/** The artist that training never sees. */
const heldOutArtist = 'twemoji';
/** Voices of the training set; the first also speaks the held-out names. */
const spokenBy = ['flite-slt', 'flite-rms'];
/** How many pictures of training concepts by the held-out artist are measured. */
const numSeenItems = 240;

/** What `readCorpus` reads. */
export interface CorpusOptions {
  readonly settings: ComparisonSettings;
  readonly dataDirectory?: string;
  /** Whether there are voices to speak names. */
  readonly canSpeak: boolean;
}

/**
 * Lists the corpus. Pure given the installed packages.
 * @throws MissingDataError when a package is not installed.
 */
export async function readCorpus(options: CorpusOptions): Promise<ComparisonCorpus> {
  const directory = options.dataDirectory ?? defaultDataDirectory();
  const modules = join(directory, 'node_modules');
  const emoji = readEmoji(modules).filter(({ isFlag }) => !isFlag);
  const records = await readCatalog({ sources: [...trainingSources, heldOutArtist], directory });
  const words = namesOf(emoji, modules);
  const media = new MediaBuilder();
  const inSplit = (split: string) => emoji.filter((one) => one.split === split && words.has(one.sequence));
  const drawn = pictureIndex(records);
  const moving = new Map(readMovingPictures(directory).map((one) => [sequenceKey(hexOf(one.id)), one]));
  const voices = options.canSpeak ? speechVoices.filter(({ id }) => spokenBy.includes(id)) : [];

  const itemOf = (one: Emoji, artists: readonly string[], by: readonly SpeechVoice[], numViews: number, all = true) => {
    const { en, zh } = words.get(one.sequence)!;
    const video = all ? moving.get(one.sequence) : undefined;
    const shown = artists.flatMap((artist) => drawn.get(`${artist}/${one.sequence}`) ?? []);
    return {
      concept: one.concept,
      name: { en, zh: zh.name },
      // The catalog has cleared a training picture's keywords of words that name what is held out.
      keywords: { en: one.split === 'train' ? (shown[0]?.keywords ?? []) : [], zh: zh.keywords },
      pictures: shown.flatMap((record) => media.picture({ record, numViews })),
      videos: video ? [media.video(video)] : [],
      sounds: by.map((voice) => media.sound({ kind: 'speech', phrase: en, voice })),
    };
  };
  const train = inSplit('train').map((one) => itemOf(one, trainingArtists, voices, options.settings.numViews));
  const recordings = readSounds({ directory });
  const sounds = soundItems(recordings, media, 'train');
  const numTrainingRows = media.counts();
  const seen = new Rng('seen concepts').shuffle(inSplit('train')).slice(0, numSeenItems);
  const heldOut = [
    { id: 'unseen concepts', items: inSplit('test').map((one) => itemOf(one, [heldOutArtist], voices.slice(0, 1), 1)) },
    { id: 'seen concepts', items: seen.map((one) => itemOf(one, [heldOutArtist], [], 1, false)) },
    { id: 'sounds', items: soundItems(recordings, media, 'test') },
  ];
  const training = [
    { id: 'pictures', items: train.filter(({ pictures }) => pictures.length > 0) },
    { id: 'videos', items: train.filter(({ videos }) => videos.length > 0) },
    { id: 'speech', items: train.filter(({ sounds }) => sounds.length > 0) },
    { id: 'sounds', items: sounds },
  ].filter(({ items }) => items.length > 1);
  return {
    training,
    heldOut: heldOut.filter(({ items }) => items.length > 0),
    texts: textsOf(records, train, sounds),
    media: media.lists,
    numTrainingRows,
    notes: options.canSpeak ? [] : ['no spoken names: the program flite is not installed'],
  };
}

/** Collects media and gives them their rows. */
class MediaBuilder {
  readonly lists = {
    pictures: [] as ShownRecord[],
    videos: [] as MediaLists['videos'][number][],
    sounds: [] as HeardSound[],
  };
  #numPictureRows = 0;

  picture(shown: ShownRecord): number[] {
    this.lists.pictures.push(shown);
    const first = this.#numPictureRows;
    this.#numPictureRows += shown.numViews;
    return Array.from({ length: shown.numViews }, (_, i) => first + i);
  }

  video(video: MediaLists['videos'][number]): number {
    return this.lists.videos.push(video) - 1;
  }

  sound(sound: HeardSound): number {
    return this.lists.sounds.push(sound) - 1;
  }

  counts() {
    return { pictures: this.#numPictureRows, videos: this.lists.videos.length, sounds: this.lists.sounds.length };
  }
}

interface Words {
  readonly name: string;
  readonly keywords: readonly string[];
}

/** The names and keywords of emoji that have a Chinese name; keywords that name what is held out are left out. */
function namesOf(
  emoji: readonly Emoji[],
  modules: string,
): ReadonlyMap<string, { readonly en: string; readonly zh: Words }> {
  const chinese = readChineseNames(modules);
  const nameOf = (sequence: string) => chinese.get(sequence)?.tts?.[0];
  const heldOut = emoji.flatMap(({ sequence, split }) => (split === 'train' ? [] : (nameOf(sequence) ?? [])));
  const names = new Set(heldOut.filter((name) => name.length > 1));
  const leaks = (text: string) => [...names].some((name) => text.includes(name));
  return new Map(
    emoji.flatMap(({ sequence, name, split }) => {
      const zh = nameOf(sequence);
      if (zh === undefined) return [];
      const all = split === 'train' ? (chinese.get(sequence)?.default ?? []) : [];
      const keywords = all.filter((word) => word !== zh && !leaks(word));
      return [[sequence, { en: name, zh: { name: zh, keywords } }] as const];
    }),
  );
}

function pictureIndex(records: readonly PictureRecord[]): ReadonlyMap<string, PictureRecord> {
  return new Map(records.map((record) => [record.id, record]));
}

function hexOf(id: string): number[] {
  return id
    .slice(id.indexOf('/') + 1)
    .split('-')
    .map((hex) => Number.parseInt(hex, 16));
}

/** The recorded sounds of a split as items; some of their names stand for several, of which the first is taken where they are measured. */
function soundItems(records: readonly SoundRecord[], media: MediaBuilder, split: string): ComparisonItem[] {
  return records
    .filter((one) => one.split === split)
    .map(({ path, concept, text, keywords }) => ({
      concept: `sound:${concept}`,
      name: text,
      keywords: { en: split === 'train' ? keywords : [], zh: [] },
      pictures: [],
      videos: [],
      sounds: [media.sound({ kind: 'file', path })],
    }));
}

function textsOf(
  records: readonly PictureRecord[],
  train: readonly ComparisonItem[],
  sounds: readonly ComparisonItem[],
) {
  const own = [...train, ...sounds];
  const pictured = records.filter(({ split, heldOutArtist: isHeldOut }) => split === 'train' && !isHeldOut);
  const unique = (texts: readonly string[]) => [...new Set(texts)].sort();
  return {
    en: unique([...own.map(({ name }) => name.en), ...pictured.flatMap(({ name, keywords }) => [name, ...keywords])]),
    zh: unique(own.flatMap(({ name, keywords }) => [name.zh, ...keywords.zh])),
  };
}
