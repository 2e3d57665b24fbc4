/**
 * @file Frames by the program ffmpeg, where WebCodecs is not installed or does not know the codec. When frames begin is known from the
 * container, so ffmpeg is asked for exactly those: one process passes over frames near each other, a gap is jumped over.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { MediaError } from '../../engine/core/index.ts';
import { type FittedFrame, fitFrame, fittedSize } from './fit-frame.ts';
import type { FrameSelection } from './frame-selection.ts';
import type { ReadFrame } from './video-program.ts';
import type { VideoSession } from './video-session.ts';

/** Frames further apart than this are sought one by one, in seconds. */
const longestGapSeconds = 5;

/** Frames of one process; their times are written into its command. */
const maxFramesAtOnce = 32;

/** How exactly times in the container and in ffmpeg agree, in seconds. */
const toleranceSeconds = 0.0015;

/** ffmpeg's own decoders of these codecs leave alpha out. */
const alphaDecoders: Readonly<Record<string, string>> = { vp8: 'libvpx', vp9: 'libvpx-vp9' };

/**
 * The frames of a selection.
 * @throws MediaError if ffmpeg is not there, cannot decode it, or takes longer than `timeoutMs` for one frame.
 */
export async function* ffmpegFrames(
  session: VideoSession,
  selection: FrameSelection,
  { side, timeoutMs, refusal }: { side: number; timeoutMs: number; refusal: string },
): AsyncGenerator<ReadFrame> {
  let folder: string | undefined;
  try {
    let path = session.from;
    if (path instanceof Uint8Array) {
      folder = await mkdtemp(join(tmpdir(), 'sensorium-video-'));
      path = join(folder, 'video');
      await writeFile(path, session.from);
    }
    for (;;) {
      const { located = [], isEnd } = await session.ask({ do: 'locate', selection });
      for (let start = 0; start < located.length; ) {
        let stop = start + 1;
        while (stop < located.length && located[stop]![1] - located[stop - 1]![1] <= longestGapSeconds) stop++;
        const group = located.slice(start, Math.min(stop, start + maxFramesAtOnce));
        yield* groupFrames(session, path, group, { side, timeoutMs, refusal });
        start += group.length;
      }
      if (isEnd) return;
    }
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

async function* groupFrames(
  { name, content }: VideoSession,
  path: string,
  group: readonly (readonly [timeSeconds: number, frameSeconds: number])[],
  { side, timeoutMs, refusal }: { side: number; timeoutMs: number; refusal: string },
): AsyncGenerator<ReadFrame> {
  const begins = [...new Set(group.map(([, frame]) => frame))];
  const select = begins.map(
    (time) => `between(t,${(time - toleranceSeconds).toFixed(6)},${(time + toleranceSeconds).toFixed(6)})`,
  );
  // Seeking stops at the key frame before; what lies between is decoded and left out.
  const seek = Math.max(0, begins[0]! - toleranceSeconds).toFixed(6);
  const alphaDecoder = content.hasAlpha ? alphaDecoders[content.codec] : undefined;
  const child = spawn(
    'ffmpeg',
    [
      ...['-v', 'error', '-nostdin', '-protocol_whitelist', 'file', '-threads', '1', '-noautorotate'],
      ...(alphaDecoder === undefined ? [] : ['-c:v', alphaDecoder]),
      ...['-copyts', '-seek_timestamp', '1', '-ss', seek, '-i', `file:${path}`, '-map', '0:v:0', '-an', '-sn', '-dn'],
      ...['-vf', `select='${select.join('+')}'`, '-vsync', 'passthrough', '-frames:v', String(begins.length)],
      ...['-f', 'image2pipe', '-c:v', 'pam', '-pix_fmt', 'rgba', 'pipe:1'],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < 2000) said += text;
  });
  const ended = new Promise<number | string>((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    child.on('close', (code, signal) => resolve(code ?? signal ?? 'ended'));
  });
  const pictures = readPam(child.stdout);
  let shown: number | undefined;
  try {
    for (const [timeSeconds, frameSeconds] of group) {
      if (frameSeconds === shown) {
        yield { timeSeconds };
        continue;
      }
      const next = await withinTime(pictures.next(), timeoutMs, name);
      if (next.done) {
        const code = await ended;
        if (code === 'ENOENT') throw new MediaError(`${name}: ${refusal}; ${advice}`);
        const reason = said.trim().split('\n')[0]?.slice(0, 200) || `it has no frame at ${timeSeconds.toFixed(3)} s`;
        throw new MediaError(`${name}: damaged video (ffmpeg: ${reason})`);
      }
      const fitted = await fitFrame(sharp, next.value, fittedSize(content, side), content);
      shown = frameSeconds;
      yield { timeSeconds, fitted };
    }
  } finally {
    child.kill('SIGKILL');
    child.stdout.destroy();
  }
}

/** What to do where nothing can decode a video. */
const advice = 'run "npm install @napi-rs/webcodecs", or install ffmpeg';

async function withinTime<T>(work: Promise<T>, timeoutMs: number, name: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new MediaError(`${name}: decoding a frame must take at most ${timeoutMs} ms`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** RGBA pictures in Netpbm's PAM: a header of lines, then the bytes. */
async function* readPam(output: AsyncIterable<Buffer>): AsyncGenerator<FittedFrame> {
  const chunks = output[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  const more = async (): Promise<boolean> => {
    const { value, done } = await chunks.next();
    if (done) return false;
    held = held.length === 0 ? value : Buffer.concat([held, value]);
    return true;
  };
  for (;;) {
    let end = held.indexOf('ENDHDR\n');
    while (end < 0) {
      if (!(await more())) return;
      end = held.indexOf('ENDHDR\n');
    }
    const header = held.toString('latin1', 0, end);
    const width = Number(/^WIDTH (\d+)$/m.exec(header)?.[1]);
    const height = Number(/^HEIGHT (\d+)$/m.exec(header)?.[1]);
    const numBytes = width * height * 4;
    const data = Buffer.allocUnsafe(numBytes);
    held = held.subarray(end + 7);
    let filled = 0;
    for (;;) {
      const part = held.subarray(0, numBytes - filled);
      data.set(part, filled);
      filled += part.length;
      held = held.subarray(part.length);
      if (filled === numBytes) break;
      if (!(await more())) return;
    }
    yield { data, width, height };
  }
}
