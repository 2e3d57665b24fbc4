/**
 * @file What frozen features of sounds are worth to texts: one linear head from them into a space of texts that stays as it is, trained by InfoNCE
 * on the training sounds and their names, asked about held-out recordings. The same for any tower, so that towers can be compared.
 *
 * F: features; D: dimension of the space.
 */
import { Rng, scalar, Tensor } from '../../../engine/core/index.ts';
import { spec, type Value } from '../../../engine/graph/index.ts';
import { compile } from '../../../engine/runtime/index.ts';
import { adamW, compileTrainStep, warmupCosine } from '../../../engine/train/index.ts';
import { clampedLogitScale, head, infoNce, initHead } from '../../../model/index.ts';
import type { SoundRecord } from '../../data/sounds.ts';
import { type RetrievalFigures, ranksOf, retrievalFigures } from '../../evaluate/retrieval.ts';
import { fillDropout } from '../align-text-image/batches.ts';
import { headGraph } from '../align-text-image/heads.ts';
import { columnStatistics, standardizeRows } from '../align-text-image/statistics.ts';

/** How held-out recordings are found by their English text. */
export interface TextProbeFigures {
  /** Recordings of concepts that training heard; the very recording must be found. */
  readonly seenConcept: RetrievalFigures;
  /** Recordings of concepts that training never heard. */
  readonly unseenConcept: RetrievalFigures;
  /** As `seenConcept`, but any recording of the same concept will do. */
  readonly seenSameThing: RetrievalFigures;
  readonly candidates: number;
  /** R@10 of guessing the very recording. */
  readonly chance: number;
}

/** What `textProbe` needs. */
export interface TextProbeOptions {
  readonly sounds: readonly SoundRecord[];
  /** `[sounds, F]` */
  readonly features: Tensor<'float32'>;
  /** Unit vectors `[n, D]` of English texts. */
  readonly encodeTexts: (texts: readonly string[]) => Promise<Tensor<'float32'>>;
  readonly seed: number;
  /** 400 if absent. */
  readonly numSteps?: number;
}

const batchSize = 64;
const featureDropout = 0.3;

/** Trains the head and asks. Candidates are all recordings that may not be trained on. */
export async function textProbe(options: TextProbeOptions): Promise<TextProbeFigures> {
  const { sounds, features, encodeTexts } = options;
  const train = sounds.flatMap(({ split }, row) => (split === 'train' ? [row] : []));
  const heldOut = sounds.flatMap(({ split }, row) => (split === 'train' ? [] : [row]));
  const names = await encodeTexts(sounds.map(({ text }) => text.en));
  const keywords = await encodeTexts(sounds.map((sound) => sound.keywords.join(', ') || sound.text.en));
  const statistics = columnStatistics([taken(features, train)]);
  const rows = new Tensor('float32', features.shape, features.data.slice());
  standardizeRows(rows, statistics);
  const trained = await trainHead(taken(rows, train), [taken(names, train), taken(keywords, train)], options);
  const graph = headGraph(trained, statistics, [{ name: 'features', dim: features.shape[1]! }]);
  const executable = await compile(graph, { numThreads: 1 });
  const { embedding } = await executable.run({ features: taken(features, heldOut) });
  await executable.close();
  return ask(
    heldOut.map((row) => sounds[row]!),
    taken(names, heldOut),
    embedding as Tensor<'float32'>,
  );
}

function ask(items: readonly SoundRecord[], texts: Tensor<'float32'>, recordings: Tensor<'float32'>): TextProbeFigures {
  const rowsOf = (keep: (item: SoundRecord) => boolean) => items.flatMap((item, i) => (keep(item) ? [i] : []));
  const seen = rowsOf(({ conceptSplit }) => conceptSplit === 'train');
  const unseen = rowsOf(({ conceptSplit }) => conceptSplit !== 'train');
  const figures = (queries: readonly number[]) => retrievalFigures(ranksOf(taken(texts, queries), recordings, queries));
  // The best rank of any recording of the same concept.
  const sameThing = seen.map((query) => {
    const same = items.flatMap(({ concept }, i) => (concept === items[query]!.concept ? [i] : []));
    const asked = taken(
      texts,
      same.map(() => query),
    );
    return Math.min(...ranksOf(asked, recordings, same));
  });
  return {
    seenConcept: figures(seen),
    unseenConcept: figures(unseen),
    seenSameThing: retrievalFigures(sameThing),
    candidates: items.length,
    chance: 10 / items.length,
  };
}

function taken({ shape, data }: Tensor<'float32'>, rows: readonly number[]): Tensor<'float32'> {
  const dim = shape[1]!;
  const out = new Float32Array(rows.length * dim);
  rows.forEach((row, i) => {
    out.set(data.subarray(row * dim, (row + 1) * dim), i * dim);
  });
  return new Tensor('float32', [rows.length, dim], out);
}

interface ProbeParams<T> {
  readonly head: { readonly adapters: readonly []; readonly projection: { readonly weight: T; readonly bias: T } };
  readonly logLogitScale: T;
}

/** One linear head from standardized features `[n, F]` to texts, of which each row has several. */
async function trainHead(
  rows: Tensor<'float32'>,
  texts: readonly Tensor<'float32'>[],
  { seed, numSteps = 400 }: TextProbeOptions,
): Promise<ProbeParams<Tensor>['head']> {
  const [numRows, featureDim] = rows.shape as [number, number];
  const spaceDim = texts[0]!.shape[1]!;
  const size = Math.min(batchSize, numRows);
  const rng = new Rng(seed);
  const table = (dim: number) => new Tensor('float32', [size, dim], new Float32Array(size * dim));
  const batch = { features: table(featureDim), dropout: table(featureDim), texts: table(spaceDim) };
  const compileStep = compileTrainStep as unknown as CompileProbe;
  const step = await compileStep({
    params: {
      head: initHead(rng.fork('parameters'), {
        featureDim,
        spaceDim,
        numAdapters: 0,
        bottleneckDim: 0,
      }) as unknown as ProbeParams<Tensor>['head'],
      logLogitScale: scalar(Math.log(1 / 0.07)),
    },
    batch: { features: spec([size, featureDim]), dropout: spec([size, featureDim]), texts: spec([size, spaceDim]) },
    loss: (params, now) =>
      infoNce(head(params.head, now.features, now.dropout), now.texts, clampedLogitScale(params.logLogitScale)).loss,
    optimizer: adamW({
      learningRate: warmupCosine({ peak: 1e-3, warmupSteps: 20, totalSteps: numSteps }),
      weightDecay: 0.1,
      maxGradNorm: 1,
    }),
    runtime: { numThreads: 1 },
  });
  for (let i = 0; i < numSteps; i++) {
    const order = rng.shuffle(Array.from({ length: numRows }, (_, row) => row)).slice(0, size);
    batch.features.data.set(taken(rows, order).data);
    order.forEach((row, at) => {
      const from = rng.pick(texts);
      batch.texts.data.set(from.data.subarray(row * spaceDim, (row + 1) * spaceDim), at * spaceDim);
    });
    fillDropout(batch.dropout.data, featureDropout, rng);
    await step.run(batch);
  }
  const { head: trained } = step.params();
  await step.close();
  return trained;
}

type CompileProbe = (options: {
  params: ProbeParams<Tensor>;
  batch: object;
  loss: (params: ProbeParams<Value>, batch: { features: Value; dropout: Value; texts: Value }) => Value;
  optimizer: ReturnType<typeof adamW>;
  runtime: { numThreads: number };
}) => Promise<{ run(batch: object): Promise<unknown>; params(): ProbeParams<Tensor>; close(): Promise<void> }>;
