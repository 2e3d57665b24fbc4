/**
 * @file The task "stamps": a bad photo of a thing and what a volunteer says of it aloud, real pictures and real voices; what kind of thing is it? Photos go through
 * the frozen picture tower, speech through an encoder that starts from nothing. Things are held out by family (see data/spoken-stamps.ts).
 */
import { join } from 'node:path';
import { openPictureTower } from '../../../bundle/index.ts';
import { Rng, type Tensor } from '../../../engine/core/index.ts';
import { decodeAudio, renderPicture } from '../../../media/index.ts';
import { cachedFeatures } from '../../data/features.ts';
import { joinFeatures } from '../../data/join-features.ts';
import { cachedSpectrograms } from '../../data/sounds-spectrograms.ts';
import { readSpokenStamps, type SpokenStamp } from '../../data/spoken-stamps.ts';
import { alignSettings } from '../align-text-image/settings.ts';
import { type Badness, badPhoto } from './bad-photo.ts';
import { maxShift, type SpokenWords, speechShape, spokenWords } from './spoken-words.ts';
import type { FusionModelSettings, FusionTask, FusionTraining, LoadOptions, SampleTable, TaskTables } from './task.ts';

/** Everything that decides the experiment. */
export interface StampsSettings {
  /** The class: what kind of thing is shown; or that and in which of three languages it is named, of which each side tells one half. */
  readonly question: 'kind' | 'kind and language';
  /** The data folder; its default if absent. */
  readonly directory?: string;
  /** Photos of each training stamp, each badly taken anew, its pixels drawn between the least and the most of `curve` on a logarithmic scale. */
  readonly numViews: number;
  /** What is measured along the curve; the table is measured with `badness`. */
  readonly badness: Badness;
  readonly curve: readonly number[];
  /** How often training zeroes a feature of a photo. */
  readonly dropFeature: number;
  readonly model: FusionModelSettings;
  readonly training: FusionTraining;
}

/** The settings of the committed figures. */
export function stampsSettings(changes: Partial<StampsSettings> = {}): StampsSettings {
  return {
    question: 'kind',
    numViews: 6,
    badness: { pixels: 24, noise: 40, hidden: 0.4 },
    curve: [160, 64, 32, 16, 8],
    dropFeature: 0.5,
    model: { channels: [16, 32, 48, 64], width: 64, numLayers: 2, numHeads: 4 },
    training: {
      batchSize: 48,
      numSteps: 700,
      peakLearningRate: 2e-3,
      weightDecay: 0.1,
      dropSide: 0.2,
      dropToken: 0,
    },
    ...changes,
  };
}

/** What the second question asks about: the kinds with most stamps, and languages with a recording of nearly every stamp. */
const asked = { kinds: ['animals', 'food', 'household', 'town'], languages: ['ca', 'fr', 'ru'] };

/** The class of a recording of a stamp, if the question asks about it. */
function classOf(
  question: StampsSettings['question'],
  { category }: SpokenStamp,
  language: string,
): string | undefined {
  if (question === 'kind') return category;
  const isAsked = asked.kinds.includes(category) && asked.languages.includes(language);
  return isAsked ? `${category}, ${language}` : undefined;
}

/** The experiment. @throws MissingDataError if the stamps are not installed. */
export function stampsTask(settings: StampsSettings = stampsSettings()): FusionTask {
  const { question, directory, badness, curve, numViews, dropFeature, model, training } = settings;
  const stamps = readSpokenStamps(directory === undefined ? {} : { directory });
  const known = stamps.flatMap((stamp) => stamp.recordings.map(({ language }) => classOf(question, stamp, language)));
  const classes = [...new Set(known.filter((name) => name !== undefined))].sort();
  const count = (split: SpokenStamp['split']) => {
    const some = stamps.filter((stamp) => stamp.split === split).flatMap((stamp) => rowsOf(stamp, question));
    const [families, pictures] = [(one: Row) => one.stamp.family, (one: Row) => one.stamp.id].map(
      (of) => new Set(some.map(of)).size,
    );
    return `${pictures} stamps in ${families} families (${some.length} recordings)`;
  };
  const { tower } = alignSettings();
  return {
    name: question === 'kind' ? 'stamps' : 'voices',
    classes,
    sides: [
      { name: 'photo', modalities: { photo: { kind: 'tokens', numTokens: 1, dim: photoDim } } },
      { name: 'speech', modalities: { speech: { kind: 'map', shape: speechShape } } },
    ],
    model,
    training,
    curve: {
      title: `Accuracy as the photo worsens (${question}, things never met)`,
      xLabel: 'pixels along a side of the photo',
      logX: true,
    },
    about: [
      `Real pictures and real voices: the stamps of Tux Paint (Debian's tuxpaint-stamps-default, GPL-2.0; used for this experiment alone, nothing trained on it is
shipped), each described aloud by volunteers in up to nine languages. ${questions[question]} ${classes.length} classes: ${classes.join('; ')}.`,
      `Stamps are held out by family: those that share the first word of the file's name or the English description stay together, so that neither the things of
the test nor their names in any language were ever seen or heard. Trained on ${count('train')}; the temperature${question === 'kind' ? ', and the settings in a few trials,' : ''} chosen on ${count('validation')}${question === 'kind' ? '' : ' (the settings are those of the question for the kind alone)'}; tested on ${count('test')},
a sample a recording. Letters, coins and folders of fewer than 30 stamps are left out.`,
      `The photo has ${badness.pixels} pixels along a side, noise of ${badness.noise} of 255, and ${badness.hidden * 100} % of its side hidden by a grey square; along the curve
the pixels alone change. It goes through the frozen picture tower, the speech as a log-mel spectrogram through a convolutional encoder that starts from
nothing. Training sees ${numViews} bad photos of each stamp, of ${Math.min(...curve)} to ${Math.max(...curve)} pixels.`,
    ],
    key: { question, numViews, badness, curve, dropFeature, tower, stamps: stamps.map(({ id, split }) => [id, split]) },
    load: (_seed, options) => loadStamps(stamps, classes, settings, options),
  };
}

const questions: Readonly<Record<StampsSettings['question'], string>> = {
  kind: `The question is what kind of thing it is, which both might tell; but words are arbitrary, and those of the test were never heard, so that speech
has little more to go by than the frequencies of the kinds.`,
  'kind and language': `The question is what kind of thing it is and in which language it is named: the photo can tell the first, the voice the second. A language is
one volunteer here or a few, so that it is their voices as much as their languages that are told apart.`,
};

/** A recording of a stamp, by its place among those of the stamp. */
interface Row {
  readonly stamp: SpokenStamp;
  readonly recording: number;
  readonly name: string;
}

/** The recordings of a stamp that the question asks about. */
function rowsOf(stamp: SpokenStamp, question: StampsSettings['question']): Row[] {
  return stamp.recordings.flatMap(({ language }, recording) => {
    const name = classOf(question, stamp, language);
    return name === undefined ? [] : [{ stamp, recording, name }];
  });
}

/** Features of the picture tower's six outputs side by side. */
const photoDim = 2320;

/** A photo to be taken. */
interface Shot {
  readonly stamp: SpokenStamp;
  readonly badness: Badness;
  readonly view: number;
}

async function loadStamps(
  stamps: readonly SpokenStamp[],
  classes: readonly string[],
  settings: StampsSettings,
  options: LoadOptions,
): Promise<TaskTables> {
  const { question, badness, curve, numViews, dropFeature } = settings;
  const [train, validation, test] = (['train', 'validation', 'test'] as const).map((split) =>
    stamps.filter((stamp) => stamp.split === split),
  ) as [SpokenStamp[], SpokenStamp[], SpokenStamp[]];
  const [least, most] = [Math.min(...curve), Math.max(...curve)];
  const trainShots = train.flatMap((stamp) =>
    Array.from({ length: numViews }, (_, view): Shot => {
      const pixels = Math.round(least * (most / least) ** new Rng(`pixels ${stamp.id} ${view}`).uniform());
      return { stamp, badness: { ...badness, pixels }, view };
    }),
  );
  const shotsOf = (some: readonly SpokenStamp[], pixels: number, view: number) =>
    some.map((stamp): Shot => ({ stamp, badness: { ...badness, pixels }, view }));
  const xs = [badness.pixels, ...curve.filter((pixels) => pixels !== badness.pixels)];
  const [ofTrain, ofValidation, ...ofTests] = await photoFeatures(
    [trainShots, shotsOf(validation, badness.pixels, -2), ...xs.map((pixels) => shotsOf(test, pixels, -1))],
    options,
  );
  const standardize = standardizer(ofTrain!);
  for (const features of [ofTrain!, ofValidation!, ...ofTests]) standardize(features);
  const [wordsOfTrain, wordsOfValidation, wordsOfTest] = [
    await heard(train, 'training', options),
    await heard(validation, 'validation', options),
    await heard(test, 'test', options),
  ];
  const tableOf = (some: readonly SpokenStamp[], words: SpokenWords, photoOf: PhotoOf): SampleTable => {
    const firsts = firstRecordings(some);
    const rows = some.flatMap((stamp, i) => rowsOf(stamp, question).map((row) => ({ ...row, i })));
    return {
      labels: rows.map(({ name }) => classes.indexOf(name)),
      groups: rows.map(({ stamp }) => stamp.family),
      fill(row, modality, target, draw) {
        const { i, recording } = rows[row]!;
        if (modality === 'photo') photoOf(i, target, draw);
        else {
          const shift = draw === undefined ? 0 : Math.round((2 * draw.uniform() - 1) * maxShift);
          words.copy(firsts[i]! + recording, shift, target);
          if (draw !== undefined) maskOne(target, draw);
        }
      },
    };
  };
  const training = tableOf(train, wordsOfTrain, (i, target, draw = new Rng(i)) => {
    copyRow(ofTrain!, i * numViews + draw.integer(numViews), target);
    for (let f = 0; f < target.length; f++) target[f]! *= draw.uniform() < dropFeature ? 0 : 1 / (1 - dropFeature);
  });
  return {
    training,
    validation: tableOf(validation, wordsOfValidation, (i, target) => copyRow(ofValidation!, i, target)),
    tests: xs.map((x, at) => ({
      x,
      given: `${x} pixels`,
      table: tableOf(test, wordsOfTest, (i, target) => copyRow(ofTests[at]!, i, target)),
    })),
  };
}

/** Writes the photo of a stamp, or in training one of its photos. */
type PhotoOf = (stamp: number, target: Float32Array, draw?: Rng) => void;

/** Hides a stripe of time and a stripe of bands (arXiv:1904.08779), up to a fifth of each. */
function maskOne(map: Float32Array, rng: Rng): void {
  const [, numFrames, numBands] = speechShape;
  const [frames, bands] = [rng.integer(numFrames / 5), rng.integer(numBands / 5)];
  const [fromFrame, fromBand] = [rng.integer(numFrames - frames), rng.integer(numBands - bands)];
  map.fill(0, fromFrame * numBands, (fromFrame + frames) * numBands);
  for (let frame = 0; frame < numFrames; frame++) {
    map.fill(0, frame * numBands + fromBand, frame * numBands + fromBand + bands);
  }
}

/** The index of each stamp's first recording when all are put in a row. */
function firstRecordings(stamps: readonly SpokenStamp[]): number[] {
  let next = 0;
  return stamps.map(({ recordings }) => {
    next += recordings.length;
    return next - recordings.length;
  });
}

async function heard(stamps: readonly SpokenStamp[], name: string, options: LoadOptions): Promise<SpokenWords> {
  const { cacheDirectory, ...during } = options;
  const spectrograms = await cachedSpectrograms({
    items: stamps.flatMap(({ id, recordings }) => recordings.map((recording) => ({ id, ...recording }))),
    keyOf: ({ id, language }) => `${id}_desc_${language}`,
    samplesOf: async ({ path }) => (await decodeAudio(path, { sampleRateHz: 16_000, endSeconds: 8 })).samples,
    directory: join(cacheDirectory, 'spectrograms'),
    maxSeconds: 8,
    unit: `${name} recordings`,
    ...during,
  });
  return spokenWords(spectrograms);
}

async function photoFeatures(
  lists: readonly (readonly Shot[])[],
  { cacheDirectory, ...during }: LoadOptions,
): Promise<Tensor<'float32'>[]> {
  const tower = await openPictureTower(alignSettings().tower);
  try {
    const features: Tensor<'float32'>[] = [];
    for (const items of lists) {
      features.push(
        await cachedFeatures({
          items,
          keyOf: ({ stamp, badness, view }) => JSON.stringify([stamp.id, badness, view]),
          encoderId: `${tower.id} bad photos 1`,
          encode: async (shots) => {
            const photos = shots.map(async ({ stamp, badness, view }) => {
              const picture = await renderPicture(stamp.path, { size: tower.size, padding: 0.05 });
              return badPhoto(picture, badness, new Rng(`photo ${stamp.id} ${view}`));
            });
            return joinFeatures(await tower.run(await Promise.all(photos)), tower.outputs);
          },
          directory: join(cacheDirectory, 'photos'),
          batchSize: 32,
          unit: 'photos',
          ...during,
        }),
      );
    }
    return features;
  } finally {
    await tower.close();
  }
}

/** A function that standardizes rows in place by the columns of `features`, cut at 8 deviations. */
function standardizer({ data, shape }: Tensor<'float32'>): (of: Tensor<'float32'>) => void {
  const [rows, columns] = shape as [number, number];
  const [means, deviations] = [new Float64Array(columns), new Float64Array(columns)];
  for (let i = 0; i < data.length; i++) means[i % columns]! += data[i]! / rows;
  for (let i = 0; i < data.length; i++) deviations[i % columns]! += (data[i]! - means[i % columns]!) ** 2 / rows;
  const scales = deviations.map((variance) => 1 / Math.sqrt(variance + 1e-6));
  return (of) => {
    for (let i = 0; i < of.data.length; i++) {
      const value = (of.data[i]! - means[i % columns]!) * scales[i % columns]!;
      of.data[i] = Math.max(-8, Math.min(8, value));
    }
  };
}

function copyRow({ data, shape }: Tensor<'float32'>, row: number, target: Float32Array): void {
  const columns = shape[1]!;
  target.set(data.subarray(row * columns, (row + 1) * columns));
}
