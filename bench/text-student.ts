/**
 * @file `npm run bench -- text-student`: the text encoder that was distilled for Chinese (`sensorium train distill-text`) beside its English teacher
 * and beside the same encoder untrained. Each stands before the text head of the bundle text-image-en, which was trained on the
 * teacher's embeddings alone, and asks for Twemoji's pictures; then the milliseconds of one query, each encoder in turn.
 * Options: `--json`, `--write`, `--student <folder>` (default `runs/distill-text/bundle`).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  cacheFolder,
  loadEncoder,
  openTextTower,
  openTrainedTextTower,
  readBundle,
  type TextTower,
} from '../src/bundle/index.ts';
import { Rng, Tensor } from '../src/engine/index.ts';
import { loadExecutable } from '../src/engine/runtime/index.ts';
import { cachedFeatures } from '../src/learn/data/features.ts';
import { mediaFolder } from '../src/learn/evaluate/suite-file.ts';
import { ranksOf, readSuiteFile, retrievalFigures, type SuiteItem } from '../src/learn/index.ts';
import { exportTextEncoder } from '../src/learn/recipes/distill-text/export.ts';
import { renderPicture } from '../src/media/index.ts';
import { initTextEncoder } from '../src/model/index.ts';
import { machineLine } from './harness/machine.ts';
import { quantile } from './harness/measure.ts';
import { type Row, report, tell } from './harness/report.ts';

const { values: options } = parseArgs({
  options: { json: { type: 'boolean' }, write: { type: 'boolean' }, student: { type: 'string' } },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = options.student ?? join(root, 'runs/distill-text/bundle');
const bundleFolder = join(root, 'models/text-image-en');
const runtime = { numThreads: 1 };
const numWarmUps = 40;

const description = JSON.parse(readFileSync(join(folder, 'text-student.json'), 'utf8'));
const { maxTokens, provenance } = description;
const tokenizer = readFileSync(join(folder, 'tokenizer.json'));
const student = (weights: Uint8Array, id: string) =>
  openTrainedTextTower({ weights, tokenizer, id, maxTokens }, runtime);

/** The student as it was before its first step. */
function untrainedWeights(): Uint8Array {
  const { encoder, seed, vocabularySize } = provenance.settings;
  const sizes = { ...encoder, vocabularySize, embeddingDim: 512 };
  return exportTextEncoder(initTextEncoder(new Rng(seed).fork('parameters'), sizes), sizes);
}

const towers: Readonly<Record<'student' | 'teacher' | 'untrained', TextTower>> = {
  student: await student(readFileSync(join(folder, 'student.onnx')), 'student'),
  teacher: await openTextTower('embedding', runtime),
  untrained: await student(untrainedWeights(), 'untrained'),
};
const bundle = await readBundle(bundleFolder);
const head = await loadExecutable(bundle.files.get('text-head.onnx')!, runtime);
const encode = async (tower: TextTower, texts: readonly string[]) =>
  (await head.run({ features: await tower.run(texts) })).embedding as Tensor<'float32'>;

const items = await readSuiteFile('text-image');
const pictures = await embedPictures();
const rows: Row[] = [];
for (const [name, isQuery, isCandidate] of [
  ['seen concepts', isSplit('train'), isSplit('train')],
  ['unseen concepts', isSplit('test'), isSplit('test', 'validation')],
] as const) {
  for (const language of ['en', 'zh'] as const) {
    const [ours, teacher, untrained] = await Promise.all([
      recall(towers.student, language, isQuery, isCandidate),
      recall(towers.teacher, language, isQuery, isCandidate),
      recall(towers.untrained, language, isQuery, isCandidate),
    ]);
    const numCandidates = items.filter(isCandidate).length;
    const peers = { teacher: teacher.r10, untrained: untrained.r10, chance: 10 / numCandidates };
    const asked = `${name}, ${language} → picture of ${numCandidates}`;
    rows.push({ name: asked, unit: 'R@10', ours: ours.r10, peers, better: 'higher' });
    tell(`${asked}: 95 % ${ours.r10Interval.map((x) => x.toFixed(3)).join(' to ')}`);
  }
}
rows.push(...(await latencies()));
await report({
  bench: 'text-student',
  machine: machineLine([]),
  rows,
  notes: [
    `the student: ${provenance.steps} steps in ${provenance.seconds} s; of ${provenance.metrics.validationWords} held-out Chinese words, R@1 ${provenance.metrics.validationR1} and R@10 ${provenance.metrics.validationR10} to their English`,
    'teacher, zh: what the English encoder makes of Chinese, of which it has no tokens',
  ],
});
await Promise.all([...Object.values(towers).map((tower) => tower.close()), head.close()]);

function isSplit(...splits: readonly SuiteItem['split'][]) {
  return (item: SuiteItem) => splits.includes(item.split);
}

/** Twemoji's pictures in the space of the bundle, `[items, D]`; kept in the cache. */
async function embedPictures(): Promise<Tensor<'float32'>> {
  const encoder = await loadEncoder(bundleFolder, runtime);
  const pictureOf = ({ source, file }: SuiteItem) =>
    renderPicture(join(mediaFolder(source), file), encoder.pictureView);
  const embedded = await cachedFeatures({
    items,
    keyOf: ({ source, file }) => `${source}/${file}`,
    encoderId: encoder.id,
    encode: async (some) => encoder.encodePictures(await Promise.all(some.map(pictureOf))),
    directory: join(cacheFolder(), 'features'),
    unit: 'pictures',
    onProgress: ({ done, total }) => tell(`pictures: ${done} of ${total}`),
  });
  await encoder.close();
  return embedded;
}

async function recall(
  tower: TextTower,
  language: 'en' | 'zh',
  isQuery: (item: SuiteItem) => boolean,
  isCandidate: (item: SuiteItem) => boolean,
) {
  const candidates = items.flatMap((item, row) => (isCandidate(item) ? [row] : []));
  const dim = pictures.shape[1]!;
  const data = new Float32Array(candidates.length * dim);
  candidates.forEach((row, i) => {
    data.set(pictures.data.subarray(row * dim, (row + 1) * dim), i * dim);
  });
  const queries = items.filter(isQuery);
  const answers = queries.map((item) => candidates.indexOf(items.indexOf(item)));
  const vectors = await encode(
    tower,
    queries.map(({ text }) => text[language]),
  );
  return retrievalFigures(ranksOf(vectors, new Tensor('float32', [candidates.length, dim], data), answers));
}

/** One query after another, all different: tokens, tower and head; by the clock, and in time of the processor, which other work does not stretch. */
async function latencies(): Promise<Row[]> {
  const texts = new Rng('queries').shuffle(items.flatMap(({ text }) => [text.en, text.zh])).slice(0, 400);
  const times = { student: [] as number[], teacher: [] as number[] };
  const processor = { student: 0, teacher: 0 };
  for (const [i, text] of texts.entries()) {
    for (const name of i % 2 === 0 ? (['student', 'teacher'] as const) : (['teacher', 'student'] as const)) {
      const [begin, before] = [performance.now(), process.cpuUsage()];
      await encode(towers[name], [text]);
      const { user, system } = process.cpuUsage(before);
      if (i < numWarmUps) continue;
      times[name].push(performance.now() - begin);
      processor[name] += (user + system) / 1000 / (texts.length - numWarmUps);
    }
  }
  const ofClock = [0.5, 0.95].map((fraction) => ({
    name: `one query, p${fraction * 100}`,
    unit: 'ms',
    ours: quantile(times.student, fraction),
    peers: { teacher: quantile(times.teacher, fraction) },
  }));
  const ofProcessor = { ours: processor.student, peers: { teacher: processor.teacher } };
  return [...ofClock, { name: 'one query, mean', unit: 'ms of processor', ...ofProcessor }];
}
