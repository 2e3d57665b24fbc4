/**
 * @file `npm run bench -- encoder`: how long the built-in encoder takes: from nothing to the first text's vector, as a user of a new process
 * waits for it, and warm, one input after another. Limits of the default are given beside: start 3 s, text 5 ms, picture 30 ms. Of every text another
 * is asked, so that nothing is remembered. Options: `--json`, `--write`, `--model <bundle>`, `--inputs <n>`.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { defaultBundleDirectory, loadEncoder } from '../src/bundle/index.ts';
import { Rng, Tensor } from '../src/engine/index.ts';
import { machineLine } from './harness/machine.ts';
import { quantile } from './harness/measure.ts';
import { type Row, report, tell } from './harness/report.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean' },
    write: { type: 'boolean' },
    model: { type: 'string' },
    inputs: { type: 'string', default: '100' },
  },
});
const directory = options.model ?? defaultBundleDirectory();
const numInputs = Number(options.inputs);
const numWarmUps = 10;
const numStarts = 5;

/** From the beginning of a process to the vector of its first text, then to one of each language; what users run, so built. */
const startProgram = `
  const { loadEncoder } = await import(process.argv[1]);
  const encoder = await loadEncoder(process.argv[2], { prepare: ['text'] });
  await encoder.encodeTexts(['a cat']);
  const english = performance.now();
  if (encoder.languages.includes('zh')) await encoder.encodeTexts(['一只猫']);
  process.stdout.write(JSON.stringify({ english, both: performance.now() }));
  await encoder.close();
`;

/** Starts a process that measures its own start. */
function startOnce(): { english: number; both: number } {
  const built = new URL('../dist/bundle/index.js', import.meta.url).href;
  const args = ['--input-type=module', '--eval', startProgram, built, directory];
  const { stdout, status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`bench encoder: the process ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as { english: number; both: number };
}

await measureAll();

async function measureAll(): Promise<void> {
  const build = spawnSync(process.execPath, [fileURLToPath(new URL('../scripts/build.mjs', import.meta.url))]);
  if (build.status !== 0) throw new Error(`bench encoder: dist/ cannot be built: ${build.stderr}`);
  const starts = Array.from({ length: numStarts }, () => startOnce());
  tell(`started ${numStarts} times`);
  const encoder = await loadEncoder(directory, { prepare: ['text', 'image'] });
  const rng = new Rng('bench encoder');
  const bytes = (length: number) => Uint8Array.from({ length }, () => rng.integer(256));
  const { size } = encoder.pictureView;
  const rows: Row[] = [
    row(
      'process to first English text',
      starts.map(({ english }) => english),
      3000,
    ),
    row(
      'process to first texts in both languages',
      starts.map(({ both }) => both),
      3000,
    ),
  ];
  const time = async (name: string, limitMs: number | undefined, encode: (index: number) => Promise<unknown>) => {
    const times: number[] = [];
    for (let i = 0; i < numInputs + numWarmUps; i++) {
      const begin = performance.now();
      await encode(i);
      if (i >= numWarmUps) times.push(performance.now() - begin);
    }
    rows.push(row(name, times, limitMs));
    tell(name);
  };
  await time('English text', 5, (i) => encoder.encodeTexts([`a small striped cat number ${i} in a box`]));
  if (encoder.languages.includes('zh'))
    await time('Chinese text', 5, (i) => encoder.encodeTexts([`第${i}只在盒子里的小花猫`]));
  const pictures = Array.from({ length: 8 }, () => new Tensor('uint8', [size, size, 3], bytes(size * size * 3)));
  await time('picture', 30, (i) => encoder.encodePictures([pictures[i % 8]!]));
  const { audioView, videoView } = encoder;
  if (audioView !== undefined) {
    const clip = rng.fillNormal(new Float32Array(2 * audioView.sampleRateHz)).map((value) => value / 10);
    await time('sound of 2 s', undefined, () => encoder.encodeAudio([clip]));
  }
  if (videoView !== undefined) {
    const frames = new Tensor(
      'uint8',
      [videoView.numFrames, size, size, 3],
      bytes(videoView.numFrames * size * size * 3),
    );
    await time(`clip of ${videoView.numFrames} frames`, undefined, () => encoder.encodeVideos([frames]));
  }
  await encoder.close();
  await report({
    bench: 'encoder',
    machine: machineLine([]),
    rows,
    notes: [
      `The bundle is ${encoder.id}.`,
      'Ours is the median; "limit" is what the default is held to, and a ratio above 1 keeps it.',
      'Pictures, sounds and clips are already decoded. A start includes Node’s own.',
    ],
  });
}

function row(name: string, times: readonly number[], limitMs: number | undefined): Row {
  return { name, unit: 'ms', ours: quantile(times, 0.5), peers: limitMs === undefined ? {} : { limit: limitMs } };
}
