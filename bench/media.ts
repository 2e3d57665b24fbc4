/**
 * @file `npm run bench -- media`: frames of a video of 720p H.264 as squares of 160 pixels, against the program ffmpeg on the same file in the
 * same run: one frame a second, and ten. ffmpeg also makes the file, so that without it nothing is measured.
 * Options: `--json`, `--write`, `--seconds <n>` (length of the video).
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readFrames } from '../src/media/index.ts';
import { installedVersion, machineLine } from './harness/machine.ts';
import { interleave } from './harness/measure.ts';
import { type Row, report, tell } from './harness/report.ts';

const { values: options } = parseArgs({
  options: { json: { type: 'boolean' }, write: { type: 'boolean' }, seconds: { type: 'string', default: '20' } },
});
const seconds = Number(options.seconds);
const size = 160;

/** ffmpeg's version, or undefined where it is not there. */
function ffmpegVersion(): string | undefined {
  try {
    return /version (\S+)/.exec(execFileSync('ffmpeg', ['-version'], { encoding: 'utf8' }))?.[1];
  } catch {
    return undefined;
  }
}

/** Frames a second that our reader gives. */
async function ours(path: string, framesPerSecond: number): Promise<number> {
  const start = performance.now();
  let count = 0;
  for await (const _ of readFrames(path, { framesPerSecond, size, decoder: 'webcodecs' })) count += 1;
  return (count * 1000) / (performance.now() - start);
}

/** Frames a second that ffmpeg writes to a pipe as RGB. */
async function ffmpeg(path: string, framesPerSecond: number): Promise<number> {
  const start = performance.now();
  const filter = `fps=${framesPerSecond},scale=${size}:${size}:force_original_aspect_ratio=decrease:flags=lanczos`;
  const args = ['-v', 'error', '-i', path, '-vf', filter, '-f', 'rawvideo', '-pix_fmt', 'rgb24', 'pipe:1'];
  const child = spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  let bytes = 0;
  for await (const chunk of child.stdout) bytes += (chunk as Buffer).length;
  await exit;
  const count = bytes / (size * Math.round((size * 720) / 1280) * 3);
  return (count * 1000) / (performance.now() - start);
}

const version = ffmpegVersion();
if (version === undefined) tell('bench media: ffmpeg is not installed; nothing is measured');
else {
  const folder = mkdtempSync(join(tmpdir(), 'bench-media-'));
  try {
    const path = join(folder, 'video.mp4');
    tell(`making ${seconds} s of 720p`);
    const source = `testsrc2=size=1280x720:rate=30:duration=${seconds},noise=alls=12:allf=t`;
    const coding = ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '60', '-pix_fmt', 'yuv420p'];
    execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', source, ...coding, path]);
    const rows: Row[] = [];
    for (const rate of [1, 10]) {
      tell(`${rate} frames a second of video`);
      const figures = await interleave(
        [
          { name: 'ours', sample: async () => [await ours(path, rate)] },
          { name: 'ffmpeg', sample: async () => [await ffmpeg(path, rate)] },
        ],
        { rounds: 3 },
      );
      rows.push({
        name: `720p H.264, ${rate} of 30 frames a second`,
        unit: 'frames/s',
        ours: figures.get('ours')!.median,
        peers: { ffmpeg: figures.get('ffmpeg')!.median },
        better: 'higher',
      });
    }
    await report({
      bench: 'media',
      machine: machineLine([
        `mediabunny ${installedVersion('mediabunny')}`,
        `WebCodecs ${installedVersion('@napi-rs/webcodecs')}`,
        `ffmpeg ${version}`,
      ]),
      rows,
      notes: [
        `${seconds} s of noise over a test picture; both start a process for it, scale to ${size} pixels by Lanczos and hand over RGB.`,
        'Ours takes the frame that is seen at each moment and seeks where that is shorter; ffmpeg reads the whole file.',
      ],
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
