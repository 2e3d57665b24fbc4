/**
 * @file Films whose cuts are known: shots of textured grounds with pictures on them, panned, zoomed or with one of them moving, grain over all, joined by
 * cuts, fades through black and dissolves. Pictures come from the installed stamps where there are some, else they are drawn. Made by ffmpeg.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { Rng } from '../../src/engine/core/index.ts';

/** How the camera, or something before it, moves. */
export type Motion = 'pan' | 'zoom' | 'object' | 'shake' | 'still' | 'black';

/** One take. */
export interface Shot {
  readonly motion: Motion;
  readonly seconds: number;
  /** How it passes into the next: at once, through black for a second, or over the next for a second. */
  readonly into: 'cut' | 'fade' | 'dissolve';
}

/** How a film is made. */
export interface FilmPlan {
  readonly shots: readonly Shot[];
  readonly seed: string;
  readonly width?: number;
  readonly height?: number;
  readonly framesPerSecond?: number;
  /** Frames between key frames at most. */
  readonly keyInterval: number;
  /** Strength of the grain; 8 if absent. */
  readonly grain?: number;
}

/** Where one shot passes into another: from when to when, the same for a cut. */
export interface Boundary {
  readonly fromSeconds: number;
  readonly toSeconds: number;
  readonly kind: Shot['into'];
}

/** Seconds of a fade or a dissolve. */
const transitionSeconds = 1;

const stampFolder = 'data/debian/tuxpaint-stamps-default/usr/share/tuxpaint/stamps';

/** Shots of 2 to 12 seconds, whole frames at 25 and 30 a second, that add up to a length, three of four of them joined by cuts. */
export function planShots(totalSeconds: number, rng: Rng): Shot[] {
  const motions: readonly Motion[] = ['pan', 'zoom', 'object', 'shake', 'pan', 'object'];
  const shots: Shot[] = [];
  let left = totalSeconds;
  while (left > 0) {
    const drawn = 2 + Math.round(rng.uniform() * 50) / 5;
    const seconds = left - drawn < 3 ? left : drawn;
    const draw = rng.uniform();
    const into = draw < 0.75 ? 'cut' : draw < 0.88 ? 'fade' : 'dissolve';
    shots.push({ motion: motions[rng.integer(motions.length)]!, seconds, into });
    left = Math.round((left - seconds) * 10) / 10;
  }
  return shots;
}

/** Writes a film as MP4 (H.264) and returns its boundaries. @throws Error if ffmpeg fails. */
export async function composeFilm(path: string, plan: FilmPlan): Promise<Boundary[]> {
  const { shots, width = 1280, height = 720, framesPerSecond = 30, grain = 8 } = plan;
  const folder = mkdtempSync(join(tmpdir(), 'film-'));
  try {
    const [inputs, filters]: [string[], string[]] = [[], []];
    const rng = new Rng(plan.seed);
    const stamps = stampPaths();
    let base: number[] = [];
    for (const [i, shot] of shots.entries()) {
      const scene = join(folder, `scene-${i}.png`);
      const object = join(folder, `object-${i}.png`);
      // Every second time the camera stays in the same surroundings.
      if (i === 0 || rng.uniform() < 0.5) base = [0, 1, 2].map(() => 30 + rng.uniform() * 190);
      await drawScene(scene, { width: Math.round(width * 1.3), height: Math.round(height * 1.3), base, rng, stamps });
      await (await drawObject(stamps, Math.round(height / 3), rng)).toFile(object);
      inputs.push('-i', scene, '-i', object);
      const numFrames = Math.ceil(shot.seconds * framesPerSecond);
      const still = `loop=loop=${numFrames}:size=1,setpts=N/${framesPerSecond}/TB`;
      const moved = motionFilter(shot, { width, height, framesPerSecond, rng });
      const { before, after } = fadesOf(shots, i);
      const fades = [
        before > 0 ? `,fade=t=in:st=0:d=${before}` : '',
        after > 0 ? `,fade=t=out:st=${shot.seconds - after}:d=${after}` : '',
      ].join('');
      const end = `trim=duration=${shot.seconds},setpts=PTS-STARTPTS,fps=${framesPerSecond},settb=1/${framesPerSecond}`;
      filters.push(
        `[${2 * i}:v]format=yuv420p,${still}[g${i}]`,
        `[${2 * i + 1}:v]format=yuva420p,${still}[o${i}]`,
        moved.replaceAll('#', String(i)),
        `[m${i}]${end},noise=alls=${grain}:allf=t,format=yuv420p${fades}[s${i}]`,
      );
    }
    const boundaries = joinShots(shots, filters);
    const coding = ['-c:v', 'libx264', '-preset', 'veryfast', '-g', String(plan.keyInterval), '-pix_fmt', 'yuv420p'];
    await run('ffmpeg', [
      ...['-v', 'error', '-nostdin', '-y', ...inputs, '-filter_complex', filters.join(';'), '-map', '[film]', '-an'],
      ...[...coding, '-movflags', '+faststart', '-f', 'mp4', path],
    ]);
    return boundaries;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The installed pictures with transparent surroundings; none where they are not installed. */
function stampPaths(): string[] {
  if (!existsSync(stampFolder)) return [];
  const names = readdirSync(stampFolder, { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith('.png'))
    .sort()
    .map((name) => join(stampFolder, name));
}

/** Seconds of black into and out of a shot. */
function fadesOf(shots: readonly Shot[], i: number): { before: number; after: number } {
  const half = transitionSeconds / 2;
  return {
    before: shots[i - 1]?.into === 'fade' ? half : 0,
    after: shots[i]!.into === 'fade' && i + 1 < shots.length ? half : 0,
  };
}

/** Joins `[s0]`, `[s1]`, ... into `[film]`; a dissolve takes a second from both of its shots. */
function joinShots(shots: readonly Shot[], filters: string[]): Boundary[] {
  const boundaries: Boundary[] = [];
  // Runs of dissolves first, then all runs behind each other.
  const runs: { label: string; seconds: number }[] = [];
  let at = 0;
  for (let i = 0; i < shots.length; i++) {
    const { into, seconds } = shots[i]!;
    const previous = shots[i - 1];
    const open = runs.at(-1);
    if (previous?.into === 'dissolve' && open !== undefined) {
      const offset = open.seconds - transitionSeconds;
      filters.push(`[${open.label}][s${i}]xfade=transition=fade:duration=${transitionSeconds}:offset=${offset}[x${i}]`);
      open.label = `x${i}`;
      open.seconds += seconds - transitionSeconds;
      at += seconds - transitionSeconds;
    } else {
      runs.push({ label: `s${i}`, seconds });
      at += seconds;
    }
    if (i + 1 === shots.length) break;
    const half = transitionSeconds / 2;
    if (into === 'cut') boundaries.push({ fromSeconds: at, toSeconds: at, kind: into });
    else if (into === 'fade') boundaries.push({ fromSeconds: at - half, toSeconds: at + half, kind: into });
    else boundaries.push({ fromSeconds: at - transitionSeconds, toSeconds: at, kind: into });
  }
  filters.push(`${runs.map(({ label }) => `[${label}]`).join('')}concat=n=${runs.length}:v=1:a=0[film]`);
  return boundaries;
}

/** From the ground `[g#]` and the object `[o#]` to the moved picture `[m#]`. */
function motionFilter(
  { motion, seconds }: Shot,
  { width, height, framesPerSecond, rng }: { width: number; height: number; framesPerSecond: number; rng: Rng },
): string {
  const unused = '[o#]nullsink;';
  const middle = `x=${Math.round(width * 0.15)}:y=${Math.round(height * 0.15)}`;
  const turn = rng.uniform() < 0.5;
  const progress = `(t/${seconds})`;
  const along = turn ? progress : `(1-${progress})`;
  if (motion === 'black') return `${unused}[g#]crop=${width}:${height}:${middle},drawbox=c=black:t=fill[m#]`;
  if (motion === 'still') return `${unused}[g#]crop=${width}:${height}:${middle}[m#]`;
  if (motion === 'pan') return `${unused}[g#]crop=${width}:${height}:x='(iw-ow)*${along}':y='(ih-oh)*${along}*0.6'[m#]`;
  if (motion === 'shake') {
    return `${unused}[g#]crop=${width}:${height}:x='(iw-ow)*(0.5+0.3*sin(t*2.1)+0.05*sin(t*17))':y='(ih-oh)*(0.5+0.3*cos(t*1.7)+0.05*sin(t*13))'[m#]`;
  }
  if (motion === 'zoom') {
    const numFrames = Math.ceil(seconds * framesPerSecond);
    const zoom = turn ? `1+0.5*on/${numFrames}` : `1.5-0.5*on/${numFrames}`;
    return `${unused}[g#]zoompan=z='${zoom}':x='(iw-iw/zoom)/2':y='(ih-ih/zoom)/2':d=1:s=${width}x${height}:fps=${framesPerSecond}[m#]`;
  }
  const y = Math.round(rng.uniform() * height * 0.6);
  return `[g#]crop=${width}:${height}:${middle}[c#];[c#][o#]overlay=x='(W+w)*${along}-w':y='${y}+40*sin(t*3)':shortest=1[m#]`;
}

interface Scene {
  readonly width: number;
  readonly height: number;
  /** The middle of its colours. */
  readonly base: readonly number[];
  readonly rng: Rng;
  readonly stamps: readonly string[];
}

/** A ground of soft noise in one range of colours, with pictures on it. */
async function drawScene(path: string, { width, height, base, rng, stamps }: Scene): Promise<void> {
  const spread = 20 + rng.uniform() * 60;
  let ground = Buffer.alloc(width * height * 3);
  for (const [cells, weight] of [
    [4, 1],
    [16, 0.6],
    [64, 0.35],
    [256, 0.2],
  ] as const) {
    const rows = Math.max(2, Math.round((cells * height) / width));
    const noise = Buffer.from(Uint8Array.from({ length: cells * rows * 3 }, () => rng.integer(256)));
    const smooth = await sharp(noise, { raw: { width: cells, height: rows, channels: 3 } })
      .resize(width, height, { fit: 'fill', kernel: 'cubic' })
      .raw()
      .toBuffer();
    const before = ground;
    ground = Buffer.from(
      before.map((value, i) => {
        const start = cells === 4 ? base[i % 3]! : value;
        return Math.min(255, Math.max(0, start + ((smooth[i]! - 128) / 128) * spread * weight));
      }),
    );
  }
  const layers = [];
  for (let i = 0; i < 7; i++) {
    const side = Math.round(height * (0.15 + rng.uniform() * 0.35));
    const input = await (await drawObject(stamps, side, rng)).toBuffer();
    layers.push({
      input,
      left: Math.round(rng.uniform() * (width - side)),
      top: Math.round(rng.uniform() * (height - side)),
    });
  }
  await sharp(ground, { raw: { width, height, channels: 3 } })
    .composite(layers)
    .png({ compressionLevel: 1 })
    .toFile(path);
}

/** A picture with transparent surroundings, as PNG. */
async function drawObject(stamps: readonly string[], side: number, rng: Rng): Promise<Sharp> {
  if (stamps.length > 0) {
    return sharp(stamps[rng.integer(stamps.length)]!)
      .resize(side, side, { fit: 'inside' })
      .toColourspace('srgb')
      .ensureAlpha()
      .png();
  }
  const colour = `rgb(${[0, 1, 2].map(() => rng.integer(256)).join(',')})`;
  const points = Array.from({ length: 3 + rng.integer(6) }, () => `${rng.integer(100)},${rng.integer(100)}`).join(' ');
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"><polygon points="${points}" fill="${colour}"/></svg>`;
  return sharp(Buffer.from(svg), { density: Math.max(1, (72 * side) / 100) }).png();
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < 4000) said += text;
  });
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (code !== 0) throw new Error(`${command} failed (${code}): ${said.slice(0, 2000)}`);
}
