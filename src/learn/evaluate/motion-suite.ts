/**
 * @file The suite `text-motion`: is order seen? Each clip is asked for the right one of two texts, its own and its opposite's ("rising", "falling"), and each text for
 * the right one of two clips, its own and the same frames turned: run backward, or mirrored. Clip and turned clip are both asked, so an encoder
 * that sees no order gets exactly a half. A tie counts as half right.
 */
import { join } from 'node:path';
import type { Encoder } from '../../bundle/index.ts';
import { FormatError, type Tensor } from '../../engine/core/index.ts';
import { composeMotionClip, mirrorFrames, readSprite } from '../data/motion-clips.ts';
import { type MotionName, motionNames } from '../data/motions.ts';
import { type EvaluationProgress, readClip, stackFrames } from './embed-items.ts';
import { framesOf } from './random-projection.ts';
import { meanInterval } from './retrieval.ts';
import { type MotionItem, mediaFolder } from './suite-file.ts';
import type { SuiteLanguage } from './suites.ts';

/** One row of the report: one choice, one kind of clips, one encoder. */
export interface ChoiceResult {
  readonly suite: 'text-motion';
  /** `choose-text` for a clip, or `choose-clip` for a text. */
  readonly task: 'choose-text' | 'choose-clip';
  readonly language: SuiteLanguage;
  /** `composed` of still pictures or `animated`, and how the opposite is made. */
  readonly clips: string;
  /** `bundle`, or the baseline `mean-of-frames`. */
  readonly encoder: string;
  /** Clips asked about; each with its opposite. */
  readonly items: number;
  /** Share of right choices. */
  readonly accuracy: number;
  /** 95 % bootstrap interval of `accuracy` over the items. */
  readonly interval: readonly [number, number];
  readonly chance: 0.5;
}

/** Vectors that differ by less score the same. */
const tie = 1e-5;

interface Scored {
  readonly item: MotionItem;
  readonly language: SuiteLanguage;
  readonly encoder: string;
  /** Cosines: of the clip and the turned clip with the text and the opposite text. */
  readonly scores: readonly [clipText: number, clipOpposite: number, turnedText: number, turnedOpposite: number];
}

/**
 * The choices of an encoder, and of the same encoder where a clip is the mean of its frames as still pictures.
 * @throws MissingDataError if media are not installed; FormatError if an item names no motion that there is.
 */
export async function evaluateMotion(
  encoder: Encoder,
  items: readonly MotionItem[],
  languages: readonly SuiteLanguage[],
  dataDirectory: string | undefined,
  { onProgress, signal }: EvaluationProgress,
): Promise<ChoiceResult[]> {
  const scored: Scored[] = [];
  for (const [i, item] of items.entries()) {
    signal?.throwIfAborted();
    const frames = await framesOfItem(item, encoder, dataDirectory);
    const turned = item.turned === 'reversed' ? [...frames].reverse() : mirrorFrames(frames);
    const moving = rowsOf(await encoder.encodeVideos([stackFrames(frames), stackFrames(turned)]));
    const stillClip = meanOf(await encoder.encodePictures(frames));
    // Run backward, the same frames have the same mean.
    const still = [stillClip, item.turned === 'reversed' ? stillClip : meanOf(await encoder.encodePictures(turned))];
    for (const language of languages) {
      const texts = rowsOf(await encoder.encodeTexts([item.text[language], item.opposite[language]]));
      for (const [name, clips] of [['bundle', moving] as const, ['mean-of-frames', still] as const]) {
        const scores = clips.flatMap((clip) => texts.map((text) => dot(clip, text)));
        scored.push({ item, language, encoder: name, scores: scores as unknown as Scored['scores'] });
      }
    }
    onProgress?.({ stage: 'encoding motions', done: i + 1, total: items.length, unit: 'clips' });
  }
  return summarize(scored);
}

/** The frames `uint8[S, S, 3]` of an item: read, or composed of its still picture. */
async function framesOfItem(
  item: MotionItem,
  { videoView }: Encoder,
  dataDirectory: string | undefined,
): Promise<Tensor<'uint8'>[]> {
  const path = join(mediaFolder(item.source, dataDirectory), item.file);
  const { numFrames, size } = videoView!;
  if (item.motion === undefined) return framesOf(await readClip(path, videoView!));
  if (!isMotionName(item.motion)) {
    throw new FormatError(
      `text-motion: ${item.file}: "${item.motion}" is no motion; there are ${motionNames.join(', ')}`,
    );
  }
  const seed = item.seed ?? item.file;
  return composeMotionClip(await readSprite(path), { motion: item.motion, seed, numFrames, size });
}

function isMotionName(name: string): name is MotionName {
  return motionNames.some((known) => known === name);
}

function summarize(scored: readonly Scored[]): ChoiceResult[] {
  const groups = new Map<string, Scored[]>();
  for (const one of scored) {
    const { motion, turned } = one.item;
    const key = JSON.stringify([
      one.language,
      `${motion === undefined ? 'animated' : 'composed'}, ${turned}`,
      one.encoder,
    ]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups].flatMap(([key, group]) => {
    const [language, clips, encoder] = JSON.parse(key) as [SuiteLanguage, string, string];
    return (['choose-text', 'choose-clip'] as const).map((task) => {
      const choices = group.map(({ scores: [clipText, clipOpposite, turnedText, turnedOpposite] }) =>
        task === 'choose-text'
          ? [better(clipText, clipOpposite), better(turnedOpposite, turnedText)]
          : [better(clipText, turnedText), better(turnedOpposite, clipOpposite)],
      );
      const points = choices.map(([first, second]) => (first! + second!) / 2);
      return {
        suite: 'text-motion' as const,
        task,
        language,
        clips,
        encoder,
        items: group.length,
        accuracy: points.reduce((sum, point) => sum + point, 0) / points.length,
        interval: meanInterval(points),
        chance: 0.5 as const,
      };
    });
  });
}

function better(own: number, other: number): number {
  return Math.abs(own - other) < tie ? 0.5 : own > other ? 1 : 0;
}

function rowsOf({ data, shape }: Tensor<'float32'>): Float32Array[] {
  const [numRows, dim] = shape as [number, number];
  return Array.from({ length: numRows }, (_, row) => data.subarray(row * dim, (row + 1) * dim));
}

/** The mean of rows, brought to length 1. */
function meanOf(vectors: Tensor<'float32'>): Float32Array {
  const sum = new Float32Array(vectors.shape[1]!);
  for (const row of rowsOf(vectors)) for (let d = 0; d < sum.length; d++) sum[d]! += row[d]!;
  const length = Math.hypot(...sum) || 1;
  return sum.map((value) => value / length);
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, d) => sum + value * b[d]!, 0);
}
