/**
 * @file What stage two learns from: recorded sounds with their names, spoken phrases with what they say, and, where training has pictures or animations of
 * the concept that a phrase names, those too. Sounds are features of the audio tower; everything else is in the space already.
 */
import { createHash } from 'node:crypto';
import type { OnProgress, Tensor } from '../../../engine/core/index.ts';
import { loadExecutable, type RuntimeOptions } from '../../../engine/runtime/index.ts';
import { stackRows } from '../../data/features.ts';
import type { GroupItem } from '../../data/sampler.ts';
import type { SoundRecord } from '../../data/sounds.ts';
import type { Spectrograms } from '../../data/sounds-spectrograms.ts';
import type { SpeechClip, SpeechOptions } from '../../data/speech.ts';
import { openAudioCorpus } from '../train-audio-tower/audio-corpus.ts';
import { audioFeatures } from '../train-audio-tower/audio-tower.ts';
import type { Space } from '../train-video-tower/space.ts';
import type { AudioPart } from './parts.ts';
import { TextRows } from './picture-corpus.ts';
import type { SoundCorpus } from './stage-two.ts';

/** Things of known concepts that are in the space already. */
export interface ConceptVectors {
  /** Of each row. */
  readonly concepts: readonly string[];
  /** `[rows, D]` */
  readonly vectors: Tensor<'float32'>;
}

/** What `readSoundCorpus` needs. */
export interface SoundCorpusOptions {
  readonly space: Pick<Space, 'id' | 'encodeTexts'>;
  readonly audio: AudioPart;
  /** Pictures and animations of training concepts, by modality. */
  readonly shown: Readonly<Record<string, ConceptVectors>>;
  readonly speech?: SpeechOptions;
  readonly dataDirectory?: string;
  /** Folder of the cache of spectrograms. */
  readonly spectrogramDirectory: string;
  readonly runtime?: RuntimeOptions;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/**
 * Reads the sounds and phrases of training, and puts them through the tower.
 * @throws MissingDataError if the data or a voice's program is not installed.
 */
export async function readSoundCorpus(options: SoundCorpusOptions): Promise<{ corpus: SoundCorpus; id: string }> {
  const { space, audio, shown, runtime = {} } = options;
  const spoken = await openAudioCorpus({ ...options, cacheDirectory: options.spectrogramDirectory });
  const heard = spoken.clips.flatMap((clip, i) => (clip.split === 'train' && !clip.voice.heldOut ? [i] : []));
  const tower = await loadExecutable(audio.tower, runtime);
  let features: Tensor<'float32'>;
  try {
    features = stackRows([
      await audioFeatures(tower, spoken.soundSpectrograms, audio.windowFrames),
      await audioFeatures(tower, someOf(spoken.clipSpectrograms, heard), audio.windowFrames),
    ]);
  } finally {
    await tower.close();
  }
  const [text, chinese] = [new TextRows(), new TextRows()];
  const rowsOf = Object.fromEntries(
    Object.entries(shown).map(([name, { concepts }]) => [name, rowsByConcept(concepts)]),
  );
  const sounds = soundItems(spoken.sounds, text, chinese);
  const clips = heard.map((i) => spoken.clips[i]!);
  const phrases = phraseItems(clips, spoken.sounds.length, text, chinese).map((item) => ({
    ...item,
    rows: {
      ...item.rows,
      ...Object.fromEntries(Object.entries(rowsOf).map(([name, rows]) => [name, rows.get(item.concept) ?? []])),
    },
  }));
  const vectors = Object.fromEntries(Object.entries(shown).map(([name, one]) => [name, one.vectors]));
  const corpus = {
    sources: [{ items: sounds }, { items: phrases }],
    audio: features,
    vectors: { text: await space.encodeTexts(text.texts), chinese: await space.encodeTexts(chinese.texts), ...vectors },
  };
  const id = createHash('sha256')
    .update(JSON.stringify([space.id, text.texts, chinese.texts]))
    .digest('hex')
    .slice(0, 16);
  return { corpus, id };
}

/** Some of the clips, in that order. */
function someOf({ numFrames, copy }: Spectrograms, clips: readonly number[]): Spectrograms {
  return {
    length: clips.length,
    numFrames: (clip) => numFrames(clips[clip]!),
    copy: (clip, ...place) => copy(clips[clip]!, ...place),
  };
}

function rowsByConcept(concepts: readonly string[]): ReadonlyMap<string, readonly number[]> {
  const rows = new Map<string, number[]>();
  concepts.forEach((concept, row) => {
    rows.set(concept, [...(rows.get(concept) ?? []), row]);
  });
  return rows;
}

/** Sounds that may be trained on; what they are called is enough to tell them apart, so each is a concept of its own. */
export function soundItems(sounds: readonly SoundRecord[], text: TextRows, chinese: TextRows): GroupItem[] {
  return sounds.flatMap(({ split, text: name, keywords }, row): GroupItem[] => {
    if (split !== 'train') return [];
    const english = [name.en, `the sound of ${name.en}`, `${name.en} sound`, ...keywords];
    return [
      {
        concept: `sound:${name.en}`,
        rows: {
          audio: [row],
          text: english.map((one) => text.rowOf(one)),
          chinese: [name.zh, `${name.zh}的声音`].map((one) => chinese.rowOf(one)),
        },
      },
    ];
  });
}

/** Phrases by the voices of training, all recordings of a phrase in one item. */
export function phraseItems(
  clips: readonly SpeechClip[],
  firstRow: number,
  text: TextRows,
  chinese: TextRows,
): GroupItem[] {
  const items = new Map<string, { concept: string; audio: number[]; language: string; text: string }>();
  clips.forEach((clip, i) => {
    if (clip.split !== 'train' || clip.voice.heldOut) return;
    const key = `${clip.language} ${clip.text}`;
    const item = items.get(key) ?? { concept: clip.concept, audio: [], language: clip.language, text: clip.text };
    item.audio.push(firstRow + i);
    items.set(key, item);
  });
  return [...items.values()].map(({ concept, audio, language, text: said }) => ({
    concept,
    rows: { audio, ...(language === 'zh' ? { chinese: [chinese.rowOf(said)] } : { text: [text.rowOf(said)] }) },
  }));
}
