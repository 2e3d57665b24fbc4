/** @file The parts that were not given, trained by their own recipes in the order in which they are needed; a part that is finished is read again. */
import { access, copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { alignTextImage } from '../align-text-image/align-text-image.ts';
import { distillText } from '../distill-text/distill-text.ts';
import { trainAudioTower } from '../train-audio-tower/train-audio-tower.ts';
import { trainVideoTower } from '../train-video-tower/train-video-tower.ts';
import type { AlignModalitiesOptions } from './align-modalities.ts';

/** Gives the folder of each part, training it if it is not there. */
export interface Parts {
  /** A bundle of texts and pictures. */
  space(): Promise<string>;
  /** `student.onnx`, `tokenizer.json`. */
  text(): Promise<string>;
  /** `audio-tower.onnx`. */
  audio(): Promise<string>;
  /** `video-tower.onnx` and `video-head.onnx`; the head belongs to the space of a bundle. */
  video(spaceDirectory: string): Promise<string>;
}

/** What the video recipe keeps of its tower: a run folder that holds these trains a new head only. */
const towerFiles = ['tower-checkpoint.safetensors', 'tower-log.jsonl'];

/** The parts of a run of `align-modalities`. */
export function trainMissing(options: AlignModalitiesOptions): Parts {
  const { parts = {}, runDirectory, cacheDirectory, dataDirectory, onProgress, signal } = options;
  const runtime = options.numThreads === undefined ? {} : { numThreads: options.numThreads };
  const shared = {
    cacheDirectory,
    ...(dataDirectory === undefined ? {} : { dataDirectory }),
    ...(onProgress ? { onProgress } : {}),
    ...(signal ? { signal } : {}),
  };
  const folder = (part: string) => join(runDirectory, part);
  const madeOnce = async (part: string, file: string, make: (out: string) => Promise<unknown>) => {
    const out = join(folder(part), 'out');
    if (!(await exists(join(out, file)))) await make(out);
    return out;
  };
  return {
    space: async () =>
      parts.space ??
      madeOnce('space', 'manifest.json', (bundleDirectory) =>
        alignTextImage({ ...shared, runDirectory: folder('space'), bundleDirectory }),
      ),
    text: async () =>
      parts.text ??
      madeOnce('text', 'text-student.json', (bundleDirectory) =>
        distillText({ ...shared, runDirectory: folder('text'), bundleDirectory, runtime }),
      ),
    audio: async () =>
      parts.audio ??
      madeOnce('audio', 'audio-tower.json', (outputDirectory) =>
        trainAudioTower({
          ...shared,
          cacheDirectory: options.spectrogramDirectory,
          runDirectory: folder('audio'),
          outputDirectory,
        }),
      ),
    async video(spaceDirectory) {
      const outputDirectory = join(folder('video'), 'out');
      await mkdir(folder('video'), { recursive: true });
      for (const file of parts.video === undefined ? [] : towerFiles) {
        const from = join(parts.video!, file);
        const to = join(folder('video'), file);
        if ((await exists(from)) && !(await exists(to))) await copyFile(from, to);
      }
      await trainVideoTower({
        ...shared,
        ...runtime,
        bundleDirectory: spaceDirectory,
        runDirectory: folder('video'),
        outputDirectory,
      });
      return outputDirectory;
    },
  };
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
