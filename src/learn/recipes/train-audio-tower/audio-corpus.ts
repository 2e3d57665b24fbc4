/** @file What the audio tower learns from: sounds by concept and phrases by voice, as spectrograms; and what it is measured on. */
import { MissingDataError, type OnProgress } from '../../../engine/core/index.ts';
import { decodeAudio } from '../../../media/index.ts';
import { readSounds, type SoundRecord } from '../../data/sounds.ts';
import { cachedSpectrograms, type Spectrograms } from '../../data/sounds-spectrograms.ts';
import { readSpeechPhrases, type SpeechClip, type SpeechOptions, speechClips } from '../../data/speech.ts';
import { speak } from '../../data/speech-voices.ts';

/** Sounds and speech with their spectrograms; row i of one belongs to row i of the other. */
export interface AudioCorpus {
  readonly sounds: readonly SoundRecord[];
  readonly soundSpectrograms: Spectrograms;
  readonly clips: readonly SpeechClip[];
  readonly clipSpectrograms: Spectrograms;
}

/** What `openAudioCorpus` needs. */
export interface AudioCorpusOptions {
  /** The folder that `sensorium data` filled; its default if absent. */
  readonly dataDirectory?: string;
  /** Folder of the cache of spectrograms. */
  readonly cacheDirectory: string;
  /** How many phrases are spoken; the defaults if absent. */
  readonly speech?: SpeechOptions;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/**
 * Reads (or decodes, or lets voices speak) every sound and phrase.
 * @throws MissingDataError if the data or a voice's program is not installed.
 */
export async function openAudioCorpus(options: AudioCorpusOptions): Promise<AudioCorpus> {
  const { dataDirectory, cacheDirectory: directory, speech = {}, onProgress, signal } = options;
  const from = dataDirectory === undefined ? {} : { directory: dataDirectory };
  const during = { directory, ...(onProgress ? { onProgress } : {}), ...(signal ? { signal } : {}) };
  const sounds = readSounds(from);
  const clips = speechClips(readSpeechPhrases({ ...from, ...speech }), speech);
  const soundSpectrograms = await cachedSpectrograms({
    ...during,
    items: sounds,
    keyOf: ({ id }) => id,
    samplesOf: ({ path }) => soundSamples(path),
    unit: 'sounds',
  });
  const clipSpectrograms = await cachedSpectrograms({
    ...during,
    items: clips,
    keyOf: ({ id }) => id,
    samplesOf: ({ voice, text }) => speak(voice, text, signal),
    unit: 'phrases',
  });
  return { sounds, soundSpectrograms, clips, clipSpectrograms };
}

async function soundSamples(path: string): Promise<Float32Array> {
  try {
    return (await decodeAudio(path, { sampleRateHz: 16_000 })).samples;
  } catch (cause) {
    throw new MissingDataError(`the sound ${path} cannot be read; install the data with "npm run data"`, { cause });
  }
}
