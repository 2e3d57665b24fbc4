/**
 * @file `npm run bench -- ingest-video`: from a film of 720p H.264 to segments and their vectors, against the bare decoding of the same file by the program ffmpeg, which also makes
 * the films; without it nothing is measured. At one frame a second, and by key frames; with key frames far apart, as x264 places them, and one a second.
 * Options: `--json`, `--write`, `--seconds <n>` (length of the films), `--rounds <n>`, `--films <folder>` (keeps the films there and uses those it has).
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Encoder, loadEncoder } from '../src/bundle/index.ts';
import { MissingDataError, Rng, type Tensor } from '../src/engine/core/index.ts';
import { type SegmentVideoOptions, segmentVideo } from '../src/media/index.ts';
import { installedVersion, machineLine } from './harness/machine.ts';
import { interleave } from './harness/measure.ts';
import { type Row, report, tell } from './harness/report.ts';
import { composeFilm, planShots } from './workloads/composed-film.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean' },
    write: { type: 'boolean' },
    seconds: { type: 'string', default: '120' },
    rounds: { type: 'string', default: '3' },
    films: { type: 'string' },
  },
});
const seconds = Number(options.seconds);

/** Clips that the encoder takes at once. */
const batchSize = 4;

function ffmpegVersion(): string | undefined {
  try {
    return /version (\S+)/.exec(execFileSync('ffmpeg', ['-version'], { encoding: 'utf8' }))?.[1];
  } catch {
    return undefined;
  }
}

async function openEncoder(): Promise<Encoder | undefined> {
  try {
    return (await loadEncoder()) as Encoder;
  } catch (error) {
    if (!(error instanceof MissingDataError)) throw error;
    return undefined;
  }
}

/** Seconds from the path to the last segment, and to the last vector where there is an encoder; the encoder works while the next frames are decoded. */
async function ingest(path: string, mode: SegmentVideoOptions, encoder?: Encoder): Promise<number> {
  const start = performance.now();
  let batch: Tensor<'uint8'>[] = [];
  let encoding: Promise<unknown> = Promise.resolve();
  const send = async () => {
    await encoding;
    encoding = encoder?.encodeVideos(batch) ?? encoding;
    batch = [];
  };
  for await (const { frames } of segmentVideo(path, { ...encoder?.videoView, ...mode })) {
    batch.push(frames);
    if (batch.length === batchSize) await send();
  }
  if (batch.length > 0) await send();
  await encoding;
  return (performance.now() - start) / 1000;
}

function bareDecode(path: string): number {
  const start = performance.now();
  execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-i', path, '-map', '0:v:0', '-f', 'null', '-']);
  return (performance.now() - start) / 1000;
}

const version = ffmpegVersion();
if (version === undefined) tell('bench ingest-video: ffmpeg is not installed; nothing is measured');
else {
  const folder = options.films ?? mkdtempSync(join(tmpdir(), 'bench-ingest-video-'));
  try {
    mkdirSync(folder, { recursive: true });
    const encoder = await openEncoder();
    if (encoder === undefined) tell('without the bundle, nothing is encoded');
    await encoder?.prepare(['video']);
    const rows: Row[] = [];
    const notes: string[] = [];
    for (const [keyInterval, film] of [
      [250, 'key frames at cuts, at most 250 apart'],
      [30, 'key frames 30 apart'],
    ] as const) {
      const path = join(folder, `film-${seconds}-${keyInterval}.mp4`);
      if (!existsSync(path)) {
        tell(`making ${seconds} s of 720p, ${film}`);
        const seed = 'ingest-video';
        await composeFilm(path, { shots: planShots(seconds, new Rng(seed)), seed, keyInterval });
      }
      const measured: Record<string, () => Promise<number>> = {
        'ffmpeg, bare decode': async () => bareDecode(path),
        '1 frame/s, segments': () => ingest(path, {}),
        'key frames, segments': () => ingest(path, { keyFrames: true }),
        ...(encoder !== undefined && {
          '1 frame/s, segments and vectors': () => ingest(path, {}, encoder),
          'key frames, segments and vectors': () => ingest(path, { keyFrames: true }, encoder),
        }),
      };
      const figures = await interleave(
        Object.entries(measured).map(([name, sample]) => ({ name, sample: async () => [await sample()] })),
        { rounds: Number(options.rounds) },
      );
      const peer = figures.get('ffmpeg, bare decode')!.median;
      for (const [name, { median }] of figures) {
        if (name.startsWith('ffmpeg')) continue;
        rows.push({ name: `${film}: ${name}`, unit: 's', ours: median, peers: { 'ffmpeg decode': peer } });
        notes.push(
          `${film}: ${name}: ${(seconds / median).toFixed(0)} times real time, ${(median / peer).toFixed(2)} of ffmpeg's time.`,
        );
      }
    }
    await encoder?.close();
    await report({
      bench: 'ingest-video',
      machine: machineLine([
        `mediabunny ${installedVersion('mediabunny')}`,
        `WebCodecs ${installedVersion('@napi-rs/webcodecs')}`,
        `ffmpeg ${version}`,
      ]),
      rows,
      notes: [
        ...notes,
        `Films of ${seconds} s, 1280 x 720 at 30 frames a second: pictures panned, zoomed and moving, with grain, in takes of 2 to 12 s. The first of the runs starts our decoding process; it is not counted.`,
        'ffmpeg decodes every frame on all cores and does nothing with it; ours leaves out frames to which no other refers, scales one a second, finds takes and makes clips of 8 frames.',
      ],
    });
  } finally {
    if (options.films === undefined) rmSync(folder, { recursive: true, force: true });
  }
}
