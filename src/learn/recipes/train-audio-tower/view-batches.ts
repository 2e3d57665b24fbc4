/**
 * @file Batches of two views of each sound and phrase, in arrays that are filled again each step. B: pairs; L: frames of a window; M: mel bands.
 */
import { type Rng, Tensor } from '../../../engine/core/index.ts';
import type { AudioViews } from '../../../model/index.ts';
import { writeAudioView } from '../../augment/audio-views.ts';
import { numMelBands, type Spectrograms } from '../../data/sounds-spectrograms.ts';
import type { AudioCorpus } from './audio-corpus.ts';
import type { AudioTowerSettings } from './settings.ts';

/** Clips that are the same thing: a phrase by several voices, the recordings of a concept. */
type Group = readonly number[];

/** A function that draws the next batch from what may be trained on; its tensors are the same ones each time. */
export function viewBatches(corpus: AudioCorpus, settings: AudioTowerSettings): (rng: Rng) => AudioViews<Tensor> {
  const { numPhrases, numSounds, views } = settings;
  const numPairs = numPhrases + numSounds;
  const size = views.windowFrames * numMelBands;
  const table = () =>
    new Tensor('float32', [numPairs, views.windowFrames, numMelBands], new Float32Array(numPairs * size));
  const batch = { one: table(), other: table() };
  const sounds = trainedSounds(corpus);
  const phrases = trainedPhrases(corpus);
  return (rng) => {
    const write = (spectrograms: Spectrograms, group: Group, row: number, clip: number, to: Tensor<'float32'>) => {
      const source = { spectrograms, clip, other: rng.pick(group) };
      writeAudioView(source, views, rng, { data: to.data, at: row * size });
    };
    drawGroups(phrases, numPhrases, rng).forEach((group, row) => {
      const [one, other] = rng.shuffle([...group]) as [number, number];
      const noise = rng.pick(phrases);
      write(corpus.clipSpectrograms, noise, row, one, batch.one);
      write(corpus.clipSpectrograms, noise, row, other, batch.other);
    });
    drawGroups(sounds, numSounds, rng).forEach((group, i) => {
      const one = rng.pick(group);
      const other = rng.uniform() < settings.conceptProbability ? rng.pick(group) : one;
      const noise = rng.pick(sounds);
      write(corpus.soundSpectrograms, noise, numPhrases + i, one, batch.one);
      write(corpus.soundSpectrograms, noise, numPhrases + i, other, batch.other);
    });
    return batch;
  };
}

/** The recordings of each concept that may be trained on. */
function trainedSounds({ sounds }: AudioCorpus): Group[] {
  return groupsOf(
    sounds,
    ({ split }) => split === 'train',
    ({ concept }) => concept,
  );
}

/** The clips of each training phrase by the training voices. */
function trainedPhrases({ clips }: AudioCorpus): Group[] {
  const trains = groupsOf(
    clips,
    ({ split, voice }) => split === 'train' && !voice.heldOut,
    ({ language, text }) => `${language} ${text}`,
  );
  return trains.filter((group) => group.length > 1);
}

function groupsOf<Item>(items: readonly Item[], keep: (of: Item) => boolean, keyOf: (of: Item) => string): Group[] {
  const groups = new Map<string, number[]>();
  items.forEach((item, i) => {
    if (!keep(item)) return;
    const known = groups.get(keyOf(item));
    if (known === undefined) groups.set(keyOf(item), [i]);
    else known.push(i);
  });
  return [...groups.values()];
}

/** Different groups, each drawn alike. @throws RangeError if there are not enough. */
function drawGroups(groups: readonly Group[], count: number, rng: Rng): Group[] {
  if (groups.length < count)
    throw new RangeError(`viewBatches: a batch needs ${count} groups, there are ${groups.length}`);
  const drawn = new Set<Group>();
  while (drawn.size < count) drawn.add(rng.pick(groups));
  return [...drawn];
}
