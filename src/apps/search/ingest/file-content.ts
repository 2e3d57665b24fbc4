/**
 * @file A file told by its content and cut into segments that are ready for the encoder, in bounded time and memory: a picture is one, a video many of what is seen and
 * many of what is heard, a document one for each passage.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename, extname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { MediaError } from '../../../engine/core/index.ts';
import {
  type MediaInfo,
  type PictureSource,
  previewOfPicture,
  previewSide,
  probeAnimation,
  probeMedia,
  probePicture,
  readDocument,
  readPictureSource,
  renderPicture,
  segmentAudio,
  segmentVideo,
} from '../../../media/index.ts';
import type { EncoderInput } from '../encode-inputs.ts';
import type { LibraryEncoder } from '../library-encoder.ts';
import type { MediaFile, Segment } from '../store/segment.ts';

/** What a file is, apart from where it lies. */
export type FileDescription = Pick<
  MediaFile,
  'kind' | 'contentHash' | 'format' | 'width' | 'height' | 'durationSeconds'
>;

/** A segment that waits for its vector. */
export interface PreparedSegment extends Omit<Segment, 'vector'> {
  readonly input: EncoderInput;
}

/** A file that was looked at: its content is there already, or here is what it holds. */
export type FileContent =
  | { readonly sameAs: string; readonly contentHash: string }
  | {
      readonly description: FileDescription;
      /** Fails with MediaError where the file is damaged; what came before holds. */
      readonly segments: AsyncIterable<PreparedSegment>;
    };

/** How files are read. */
export interface ReadFileOptions {
  readonly encoder: LibraryEncoder;
  /** The path of a file with this SHA-256 that is there already, if there is one. */
  readonly sameContent: (contentHash: string) => string | undefined;
  /** Frames of a video that are looked at in a second; key frames only if `keyFrames`. */
  readonly framesPerSecond: number;
  readonly keyFrames: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Text files that are documents, by the ends of their names: a text may be anything, a program or a log. */
const documentEndings = new Set([
  '.txt',
  '.text',
  '.md',
  '.markdown',
  '.mdown',
  '.rst',
  '.org',
  '.adoc',
  '.tex',
  '.srt',
  '.vtt',
]);

/** Pictures with a longer side than this get a preview, others are shown as they are. */
const minPreviewedSide = 2 * previewSide;

/** A video shorter than this is seen with as many frames as the encoder takes, in seconds. */
const shortSeconds = 8;

const still = { startSeconds: 0, endSeconds: 0, keyFrameSeconds: 0, page: 0 } as const;
const noThumbnail = new Uint8Array();

/**
 * Reads a file.
 * @throws MediaError if it cannot be read, is damaged, or is nothing that the encoder takes.
 */
export async function readFileContent(path: string, options: ReadFileOptions): Promise<FileContent> {
  const source = await readPictureSource(path).catch((error: unknown) => {
    // Not a picture: what else it is decides.
    if (error instanceof MediaError && /not a picture;|at most \d+ MB/.test(error.message)) return undefined;
    throw error;
  });
  return source === undefined ? await readStream(path, options) : await readPicture(path, source, options);
}

/** The words of a file's name: `beach-holiday_2024.jpg` gives "beach holiday 2024". */
function wordsOfName(path: string): string {
  return basename(path, extname(path))
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

async function readPicture(path: string, source: PictureSource, options: ReadFileOptions): Promise<FileContent> {
  const { encoder, sameContent } = options;
  const contentHash = createHash('sha256').update(source.bytes).digest('hex');
  const sameAs = sameContent(contentHash);
  if (sameAs !== undefined) return { sameAs, contentHash };
  if (encoder.videoView !== undefined && (source.format === 'webp' || source.format === 'gif')) {
    const { numFrames, durationSeconds, width, height } = await probeAnimation(source.bytes);
    if (numFrames > 1) {
      const description = {
        kind: 'video',
        contentHash,
        width,
        height,
        durationSeconds,
        format: source.format,
      } as const;
      return { description, segments: seen(path, durationSeconds, options) };
    }
  }
  const { width, height, format } = await probePicture(source);
  const pixels = await renderPicture(source, encoder.pictureView);
  const thumbnail = Math.max(width, height) > minPreviewedSide ? await previewOfPicture(source) : noThumbnail;
  const segment = {
    ...still,
    kind: 'image',
    text: wordsOfName(path),
    thumbnail,
    input: { kind: 'image', pixels },
  } as const;
  return {
    description: { kind: 'image', contentHash, width, height, durationSeconds: 0, format },
    segments: inOrder([segment]),
  };
}

/** A sound, video or document, which is never read whole but for short documents. */
async function readStream(path: string, options: ReadFileOptions): Promise<FileContent> {
  const { encoder, sameContent } = options;
  const info = await probeMedia(path);
  const kind = fileKindOf(path, info);
  if (kind === 'video' && encoder.videoView === undefined) throw new MediaError(`${path}: the model takes no videos`);
  if (kind === 'audio' && encoder.audioView === undefined) throw new MediaError(`${path}: the model takes no sounds`);
  const contentHash = await hashFile(path);
  const sameAs = sameContent(contentHash);
  if (sameAs !== undefined) return { sameAs, contentHash };
  const { width = 0, height = 0, durationSeconds = 0, format } = info;
  const description = { kind, contentHash, width, height, durationSeconds, format: format.toLowerCase() };
  if (kind === 'document')
    return { description: { ...description, format: info.kind }, segments: passages(path, options) };
  if (kind === 'audio') return { description, segments: heard(path, true, options) };
  return { description, segments: seenAndHeard(path, info, options) };
}

function fileKindOf(path: string, { kind, format }: MediaInfo): 'audio' | 'video' | 'document' {
  if (kind === 'audio' || kind === 'video') return kind;
  if (kind === 'pdf' || kind === 'markdown') return 'document';
  if (kind !== 'text') throw new MediaError(`${path}: not a picture, sound, video or document; it is ${format}`);
  const ending = extname(path).toLowerCase();
  if (documentEndings.has(ending)) return 'document';
  throw new MediaError(
    `${path}: a text that is no document by its name; documents end with ${[...documentEndings].join(' ')}, got "${ending}"`,
  );
}

/** What is seen of a video and what is heard: either may be damaged or empty where the other is whole. */
async function* seenAndHeard(path: string, info: MediaInfo, options: ReadFileOptions): AsyncGenerator<PreparedSegment> {
  const hasSound = info.sampleRateHz !== undefined && options.encoder.audioView !== undefined;
  const problems: MediaError[] = [];
  let count = 0;
  const lanes = [
    () => seen(path, info.durationSeconds ?? 0, options),
    ...(hasSound ? [() => heard(path, count === 0, options)] : []),
  ];
  for (const lane of lanes) {
    try {
      for await (const segment of lane()) {
        count += 1;
        yield segment;
      }
    } catch (error) {
      if (!(error instanceof MediaError)) throw error;
      problems.push(error);
    }
  }
  // A film without a sound, or without a picture, is no damaged one.
  const damage = problems.find(({ message }) => !/nothing is to be (seen|heard)/.test(message));
  const problem = damage ?? (count === 0 ? problems[0] : undefined);
  if (problem !== undefined) throw problem;
}

async function* seen(path: string, durationSeconds: number, options: ReadFileOptions): AsyncGenerator<PreparedSegment> {
  const { encoder, framesPerSecond, keyFrames, signal } = options;
  const { numFrames, size, padding } = encoder.videoView!;
  const isShort = durationSeconds > 0 && durationSeconds < shortSeconds;
  const rate = isShort
    ? { framesPerSecond: Math.max(framesPerSecond, numFrames / durationSeconds) }
    : { framesPerSecond };
  const selection = keyFrames && !isShort ? { keyFrames: true } : rate;
  let text = wordsOfName(path);
  const stop = signal === undefined ? {} : { signal };
  for await (const part of segmentVideo(path, { ...selection, numFrames, size, padding, ...stop })) {
    const { startSeconds, endSeconds, keyFrameSeconds, thumbnail, frames: pixels } = part;
    const times = { startSeconds, endSeconds, keyFrameSeconds, page: 0 };
    yield { ...times, kind: 'video', text, thumbnail, input: { kind: 'video', pixels } };
    text = '';
  }
}

async function* heard(path: string, isFirst: boolean, options: ReadFileOptions): AsyncGenerator<PreparedSegment> {
  const { encoder, signal } = options;
  let text = isFirst ? wordsOfName(path) : '';
  for await (const { startSeconds, endSeconds, samples } of segmentAudio(path, { signal })) {
    const times = { startSeconds, endSeconds, keyFrameSeconds: startSeconds, page: 0 };
    const input = { kind: 'audio', samples: samples.subarray(0, encoder.audioView!.maxSeconds * 16_000) } as const;
    yield { ...times, kind: 'audio', text, thumbnail: noThumbnail, input };
    text = '';
  }
}

async function* passages(path: string, { signal }: ReadFileOptions): AsyncGenerator<PreparedSegment> {
  const { title, passages: parts } = await readDocument(path, signal === undefined ? {} : { signal });
  let name = [wordsOfName(path), title].filter((words) => words !== undefined && words !== '').join(' ');
  for (const { text, page = 0, heading } of parts) {
    const words = heading === undefined ? text : `${heading}: ${text}`;
    const input = { kind: 'text', words: text } as const;
    yield {
      ...still,
      page,
      kind: 'text',
      text: name === '' ? words : `${name}\n${words}`,
      thumbnail: noThumbnail,
      input,
    };
    name = '';
  }
}

async function* inOrder(segments: readonly PreparedSegment[]): AsyncGenerator<PreparedSegment> {
  yield* segments;
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch (cause) {
    throw new MediaError(`${path}: cannot be read (${(cause as NodeJS.ErrnoException).code ?? cause})`, { cause });
  }
  return hash.digest('hex');
}
