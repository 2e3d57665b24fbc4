/** @file A video that is open in a process apart: what it holds, its frames. A process serves one video after another. */
import type { ChildProcess } from 'node:child_process';
import { MediaError } from '../../engine/core/index.ts';
import { askProgram, startProgram } from '../isolated-program.ts';
import { type MediaSource, openMediaSource } from '../media-source.ts';
import { brokenContainerRule, videoContainer } from './container-extent.ts';
import { type VideoContent, type VideoReply, type VideoRequest, videoProgram } from './video-program.ts';

/** A video in memory beyond this is not handed to another process, in bytes. */
const maxMemoryBytes = 500_000_000;

/** A frame of more pixels than this is refused; one of 8K has 33 million. */
const maxFramePixels = 40_000_000;

/** A video longer than this is refused, in seconds. */
const maxSeconds = 1_000_000;

/** What the process may hold in JavaScript objects. */
const heapMegabytes = 512;

/** A process that nobody needs for this long is ended. */
const idleMs = 15_000;

const defaultTimeoutMs = 20_000;

/** Decoding beyond a seek can take many frames before the first one comes out. */
const openingFactor = 2;

// Processes are a resource of the machine, as threads are, so what is idle serves the whole program.
const idle: { child: ChildProcess; timer: NodeJS.Timeout }[] = [];

/** An open video. */
export interface VideoSession {
  readonly name: string;
  /** Where it lies, or all its bytes. */
  readonly from: string | Uint8Array;
  readonly content: VideoContent;
  /** That the end of the file is missing, where that was allowed. */
  readonly cutShort?: MediaError;
  /** @throws MediaError with what the decoder says, or if it takes too long or ends; Refusal where no decoder is there. */
  ask(request: VideoRequest): Promise<VideoReply>;
  /** The error that tells of damage found in the middle. */
  damaged(reason: string): MediaError;
  /** Gives the process back, or ends it where it is of no more use. */
  close(): Promise<void>;
}

/** Thrown where the process has no decoder for a video; another may. */
export class Refusal extends Error {}

/**
 * Opens a video and tells what it holds.
 * @param mayBeCut whether a file whose end is missing may be opened for what is there.
 * @throws MediaError if it cannot be read, is no video, is damaged or cut short, or is too large or long.
 */
export async function openVideo(
  source: string | Uint8Array,
  timeoutMs = defaultTimeoutMs,
  { mayBeCut = false }: { readonly mayBeCut?: boolean } = {},
): Promise<VideoSession> {
  const opened = await openMediaSource(source, 'video');
  let from: string | Uint8Array;
  let cutShort: MediaError | undefined;
  try {
    cutShort = await checkContainer(opened);
    if (cutShort !== undefined && !mayBeCut) throw cutShort;
    from = opened.path ?? (await bytesOf(opened));
  } finally {
    await opened.close();
  }
  const { name } = opened;
  const waiting = idle.pop();
  clearTimeout(waiting?.timer);
  const child = waiting?.child.connected ? waiting.child : startProgram(videoProgram(), heapMegabytes);
  let isFit = true;
  const ask = async (request: VideoRequest, limitMs = timeoutMs): Promise<VideoReply> => {
    let reply: VideoReply;
    try {
      isFit = false;
      reply = await askProgram<VideoReply>(child, request, limitMs, 'decoding a frame');
      isFit = true;
    } catch (error) {
      throw new MediaError(`${name}: ${(error as Error).message}`);
    }
    if (reply.isRefused) throw new Refusal(reply.error);
    if (reply.error !== undefined) throw new MediaError(`${name}: ${damage(reply.error)}`);
    return reply;
  };
  const close = async (): Promise<void> => {
    if (isFit) await ask({ do: 'close' }).catch(() => {});
    if (!isFit || !child.connected) child.kill('SIGKILL');
    else {
      const entry = { child, timer: setTimeout(() => end(entry), idleMs).unref() };
      idle.push(entry);
    }
  };
  try {
    const { content } = await ask({ do: 'open', source: from }, timeoutMs * openingFactor);
    checkContent(name, content!);
    return {
      name,
      from,
      content: content!,
      ask,
      ...(cutShort !== undefined && { cutShort }),
      damaged: (reason) => new MediaError(`${name}: ${damage(reason)}`),
      close,
    };
  } catch (error) {
    await close();
    throw cutShort ?? error;
  }
}

function end(entry: (typeof idle)[number]): void {
  idle.splice(idle.indexOf(entry), 1);
  entry.child.kill('SIGKILL');
}

/** @returns the error that tells that the end is missing, if it is. */
async function checkContainer(source: MediaSource): Promise<MediaError | undefined> {
  const container = videoContainer(await source.read(0, 16));
  if (container === undefined) {
    throw new MediaError(`${source.name}: not a video; its content must be MP4, QuickTime, WebM or Matroska`);
  }
  const rule = await brokenContainerRule(source, container);
  return rule === undefined ? undefined : new MediaError(`${source.name}: ${rule}`);
}

async function bytesOf(source: MediaSource): Promise<Uint8Array> {
  if (source.size <= maxMemoryBytes) return await source.read(0, source.size);
  const size = (source.size / 1e6).toFixed(1);
  throw new MediaError(
    `${source.name}: a video in memory must be at most ${maxMemoryBytes / 1e6} MB, got ${size} MB; give its path`,
  );
}

function checkContent(
  name: string,
  { width, height, squareWidth, squareHeight, startSeconds, endSeconds }: VideoContent,
) {
  if (!(width > 0 && height > 0 && width * height <= maxFramePixels)) {
    throw new MediaError(
      `${name}: a frame must have 1 to ${maxFramePixels / 1e6} million pixels, got ${width} x ${height}`,
    );
  }
  const shape = Math.max(squareWidth / squareHeight, squareHeight / squareWidth);
  if (!(shape < 1000)) {
    throw new MediaError(
      `${name}: a frame must be at most 1000 times as long as wide, got ${squareWidth} x ${squareHeight}`,
    );
  }
  const seconds = endSeconds - startSeconds;
  if (!(seconds >= 0 && seconds <= maxSeconds)) {
    throw new MediaError(`${name}: a video must last at most ${maxSeconds} s, got ${seconds}`);
  }
}

/** The decoder's words, which are long, made a reason. */
function damage(message: string): string {
  const line = message.split('\n')[0]!.trim().slice(0, 200);
  return /^(it|its|there|damaged) /.test(line) ? line : `damaged video (${line})`;
}
