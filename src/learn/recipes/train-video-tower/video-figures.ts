/** @file The figures of a trained video tower and head on the held-out clips of the corpus. */
import { Tensor } from '../../../engine/core/index.ts';
import { type MotionName, motionTexts } from '../../data/motions.ts';
import { mirroredName } from '../../data/moving-pictures.ts';
import type { RetrievalFigures } from '../../evaluate/retrieval.ts';
import { backwardTextsOf } from './captions.ts';
import type { Clip } from './clips.ts';
import { directedMotions, oppositeOf } from './corpus.ts';
import { meanOfFrames } from './embed-clips.ts';
import { type ChoiceFigures, type ChoiceQuestion, choiceFigures, findFigures, rowAt } from './measure.ts';
import type { Space } from './space.ts';

/** Choices between a motion and its opposite, by motion and over all. */
export interface MotionFigures {
  readonly all: { readonly byClip: ChoiceFigures; readonly byText: ChoiceFigures };
  readonly byMotion: Readonly<Record<string, { readonly byClip: ChoiceFigures; readonly byText: ChoiceFigures }>>;
}

/** Clips of one set as the trained encoder and the mean of frames see them. */
export interface EmbeddedClips {
  readonly clips: readonly Clip[];
  /** `[2 N, D]`: row 2i clip i, row 2i + 1 the same run backward. */
  readonly vectors: Tensor<'float32'>;
  /** `[N, T, D]` */
  readonly frames: Tensor<'float32'>;
}

/** How people may say the directed motions in words that no training text uses. */
const unseenPhrases: Readonly<Record<string, { readonly en: string; readonly zh: string }>> = {
  'moves-left': { en: '{} travelling toward the left side', zh: '{}朝左边去' },
  'moves-right': { en: '{} travelling toward the right side', zh: '{}朝右边去' },
  rises: { en: '{} climbing higher and higher', zh: '{}越升越高' },
  falls: { en: '{} sinking lower and lower', zh: '{}越落越低' },
  grows: { en: '{} swelling up', zh: '{}放大' },
  shrinks: { en: '{} dwindling', zh: '{}缩小' },
  'turns-clockwise': { en: '{} revolving in the clockwise direction', zh: '{}沿顺时针打转' },
  'turns-anticlockwise': { en: '{} revolving in the counterclockwise direction', zh: '{}沿逆时针打转' },
  appears: { en: '{} emerging out of nothing', zh: '{}浮现' },
  disappears: { en: '{} dissolving into nothing', zh: '{}隐去' },
};

/** The plain text of a motion, as in training. */
const plainPhrase = (name: string, motion: MotionName, language: 'en' | 'zh') =>
  motionTexts(name, motion, language)[0]!;

/** A text of a motion in words that training never used. */
export const unseenPhrase = (name: string, motion: MotionName, language: 'en' | 'zh') =>
  unseenPhrases[motion]![language].replace('{}', language === 'en' ? `a ${name}` : name);

/**
 * Whether a composed clip is told from the same clip run backward, by the texts of the motion and of its opposite.
 * @param phrase how a motion is said.
 */
export async function motionFigures(
  { clips, vectors }: EmbeddedClips,
  space: Pick<Space, 'encodeTexts'>,
  language: 'en' | 'zh',
  phrase: (name: string, motion: MotionName, language: 'en' | 'zh') => string = plainPhrase,
): Promise<MotionFigures> {
  const asked = clips.flatMap((clip, index) => {
    const name = clip.name[language];
    if (clip.kind !== 'composed' || name === undefined) return [];
    const text = phrase(name, clip.motion, language);
    const otherText = phrase(name, oppositeOf(clip.motion), language);
    return [{ index, motion: clip.motion, text, otherText }];
  });
  const texts = await space.encodeTexts(asked.flatMap(({ text, otherText }) => [text, otherText]));
  const questions = asked.map(({ index, motion }, i) => ({
    motion,
    clip: rowAt(vectors, 2 * index),
    otherClip: rowAt(vectors, 2 * index + 1),
    text: rowAt(texts, 2 * i),
    otherText: rowAt(texts, 2 * i + 1),
  }));
  const byMotion = directedMotions.map(
    (motion) => [motion, choiceFigures(questions.filter((one) => one.motion === motion))] as const,
  );
  return { all: choiceFigures(questions), byMotion: Object.fromEntries(byMotion) };
}

/** The same clips as the mean of their frames sees them: both directions alike. */
export function withoutTime({ clips, frames }: EmbeddedClips): EmbeddedClips {
  const means = meanOfFrames(frames);
  const twice = new Float32Array(2 * means.data.length);
  const dim = means.shape[1]!;
  clips.forEach((_, i) => {
    twice.set(rowAt(means, i), 2 * i * dim);
    twice.set(rowAt(means, i), (2 * i + 1) * dim);
  });
  return { clips, frames, vectors: new Tensor('float32', [2 * clips.length, dim], twice) };
}

/** How names find clips. */
type FindFigures = RetrievalFigures & { readonly candidates: number; readonly chance: number };

/** Figures of the animated pictures. */
export interface AnimatedFigures {
  /** Names of validation concepts find their clips among those of all held-out concepts: what settings are chosen by. */
  readonly validation: FindFigures;
  /** Names of test concepts, likewise. */
  readonly test: FindFigures;
  /** Names of all held-out concepts. */
  readonly heldOut: FindFigures;
  /** Forward or backward, by the name and "played backward". */
  readonly backward: { readonly byClip: ChoiceFigures; readonly byText: ChoiceFigures };
  /** Left or right, where the name says so, against the mirrored clip. */
  readonly mirrored: { readonly byClip: ChoiceFigures; readonly byText: ChoiceFigures };
}

/** Whether names find animated pictures, and whether their direction is told. Clips come in pairs: as it is, in a mirror. */
export async function animatedFigures(
  { clips, vectors }: EmbeddedClips,
  testConcepts: ReadonlySet<string>,
  space: Pick<Space, 'encodeTexts'>,
  language: 'en' | 'zh',
): Promise<AnimatedFigures> {
  const plain = clips.flatMap((clip, i) =>
    clip.kind === 'animated' && !clip.isMirrored && clip.name[language] ? [i] : [],
  );
  const names = plain.map((index) => clips[index]!.name[language]!);
  const texts = await space.encodeTexts(names);
  const backward = await space.encodeTexts(names.map((name) => backwardTextsOf(name, language)[0]!));
  const mirrored = await space.encodeTexts(names.map(mirroredName));
  const dim = vectors.shape[1]!;
  const forward = new Float32Array(plain.length * dim);
  plain.forEach((index, i) => {
    forward.set(rowAt(vectors, 2 * index), i * dim);
  });
  const table = new Tensor('float32', [plain.length, dim], forward);
  const all = plain.map((_, i) => i);
  const isTest = (i: number) => testConcepts.has(clips[plain[i]!]!.concept);
  const directionOf = (i: number): ChoiceQuestion => ({
    clip: rowAt(vectors, 2 * plain[i]!),
    otherClip: rowAt(vectors, 2 * plain[i]! + 1),
    text: rowAt(texts, i),
    otherText: rowAt(backward, i),
  });
  const sideOf = (i: number): ChoiceQuestion => ({
    clip: rowAt(vectors, 2 * plain[i]!),
    otherClip: rowAt(vectors, 2 * (plain[i]! + 1)),
    text: rowAt(texts, i),
    otherText: rowAt(mirrored, i),
  });
  const sided = all.filter((i) => mirroredName(names[i]!) !== names[i]);
  return {
    validation: findFigures(
      texts,
      table,
      all.filter((i) => !isTest(i)),
      all,
    ),
    test: findFigures(texts, table, all.filter(isTest), all),
    heldOut: findFigures(texts, table, all, all),
    backward: choiceFigures(all.map(directionOf)),
    mirrored: choiceFigures(sided.map(sideOf)),
  };
}
