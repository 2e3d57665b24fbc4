/**
 * @file `npm run bench -- shots`: whether `segmentVideo` finds the boundaries of composed films whose boundaries are known: precision and recall of cuts, fades and dissolves
 * within one second, how far off the times are, and what becomes of black and of still parts. Films are made by ffmpeg; without it nothing is measured.
 * Options: `--json`, `--write`, `--films <n>`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Rng } from '../src/engine/core/index.ts';
import { segmentVideo, type VideoSegment } from '../src/media/index.ts';
import { installedVersion, machineLine } from './harness/machine.ts';
import { quantile } from './harness/measure.ts';
import { type Row, report, tell } from './harness/report.ts';
import { type Boundary, composeFilm, planShots, type Shot } from './workloads/composed-film.ts';

const { values: options } = parseArgs({
  options: { json: { type: 'boolean' }, write: { type: 'boolean' }, films: { type: 'string', default: '6' } },
});

/** How far a boundary may be from the true one: one sample period. */
const toleranceSeconds = 1;

const modes = { '1 frame/s': {}, 'key frames': { keyFrames: true } } as const;

/** A film of many takes, with two seconds of black before it and a slide of 30 s in the middle. */
function planOf(seed: string): Shot[] {
  const shots = planShots(90, new Rng(seed));
  const middle = shots.length >> 1;
  const black: Shot = { motion: 'black', seconds: 2, into: 'cut' };
  const slide: Shot = { motion: 'still', seconds: 30, into: 'cut' };
  return [black, ...shots.slice(0, middle - 1), { ...shots[middle - 1]!, into: 'cut' }, slide, ...shots.slice(middle)];
}

interface Tally {
  numTrue: Record<Boundary['kind'], number>;
  numFound: Record<Boundary['kind'], number>;
  numNamed: number;
  numRight: number;
  errors: number[];
  blackSeconds: number;
  slidePieces: number;
}

const tallies = new Map<string, Tally>();

function count(name: string, segments: readonly VideoSegment[], boundaries: readonly Boundary[]): void {
  const tally = tallies.get(name) ?? {
    ...{ numTrue: { cut: 0, fade: 0, dissolve: 0 }, numFound: { cut: 0, fade: 0, dissolve: 0 } },
    ...{ numNamed: 0, numRight: 0, errors: [], blackSeconds: 0, slidePieces: 0 },
  };
  tallies.set(name, tally);
  const isNear = ({ fromSeconds, toSeconds }: Boundary, seconds: number) =>
    seconds >= fromSeconds - toleranceSeconds && seconds <= toSeconds + toleranceSeconds;
  const named = segments.filter(({ startsShot }, i) => startsShot && i > 0).map(({ startSeconds }) => startSeconds);
  // The first boundary ends the black.
  const wanted = boundaries.slice(1);
  const free = new Set(named);
  for (const boundary of wanted) {
    tally.numTrue[boundary.kind] += 1;
    const found = [...free].find((seconds) => isNear(boundary, seconds));
    if (found === undefined) continue;
    free.delete(found);
    tally.numFound[boundary.kind] += 1;
    tally.numRight += 1;
    if (boundary.kind === 'cut') tally.errors.push(Math.abs(found - boundary.fromSeconds));
  }
  tally.numNamed += named.length;
  tally.blackSeconds += Math.max(0, 2 - segments[0]!.startSeconds);
  const slide = boundaries.find(({ toSeconds }, i) => (boundaries[i + 1]?.fromSeconds ?? 0) - toSeconds > 29.9)!;
  tally.slidePieces += segments.filter(
    ({ startSeconds, endSeconds }) => startSeconds < slide.toSeconds + 29 && endSeconds > slide.toSeconds + 1,
  ).length;
}

const folder = mkdtempSync(join(tmpdir(), 'bench-shots-'));
try {
  const numFilms = Number(options.films);
  for (let i = 0; i < numFilms; i++) {
    const seed = `shots ${i}`;
    const path = join(folder, `${i}.mp4`);
    tell(`film ${i + 1} of ${numFilms}`);
    const size = { width: 320, height: 180, framesPerSecond: 25 };
    const boundaries = await composeFilm(path, {
      shots: planOf(seed),
      seed,
      keyInterval: i % 2 === 0 ? 250 : 25,
      ...size,
    });
    for (const [name, mode] of Object.entries(modes)) {
      const segments: VideoSegment[] = [];
      for await (const segment of segmentVideo(path, mode)) segments.push(segment);
      count(name, segments, boundaries);
    }
  }
  const rows: Row[] = [];
  for (const [name, tally] of tallies) {
    const { numTrue, numFound, numNamed, numRight, errors } = tally;
    const row = (what: string, unit: string, ours: number) =>
      rows.push({ name: `${name}: ${what}`, unit, ours, peers: {} });
    row('precision', 'share', numRight / numNamed);
    for (const kind of ['cut', 'fade', 'dissolve'] as const) {
      row(`recall, ${numTrue[kind]} of kind ${kind}`, 'share', numFound[kind] / Math.max(1, numTrue[kind]));
    }
    row('error of cuts, median', 's', quantile(errors, 0.5));
    row('error of cuts, 95 of 100', 's', quantile(errors, 0.95));
    row('black kept of 2 s', 's', tally.blackSeconds / numFilms);
    row('pieces of a slide of 30 s', 'pieces', tally.slidePieces / numFilms);
  }
  await report({
    bench: 'shots',
    machine: machineLine([
      `mediabunny ${installedVersion('mediabunny')}`,
      `WebCodecs ${installedVersion('@napi-rs/webcodecs')}`,
    ]),
    rows,
    notes: [
      `${numFilms} films of about two minutes, 320 x 180 at 25 frames a second, key frames at most 10 s or 1 s apart; every second take stays in the surroundings of the one before.`,
      `A boundary counts as found within ${toleranceSeconds} s. The rule's thresholds were set on three other films of the same making.`,
    ],
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
