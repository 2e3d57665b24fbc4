/**
 * @file Adapters at chosen depths of a frozen encoder against training all of it: the distilled text encoder, imported from its ONNX file, learns to
 * put Chinese names of emoji near their pictures in the space of a bundle, whose heads stay as they are.
 *
 * B: names in a batch; T: tokens; G: features of texts; D: dimension of the space.
 */
import { openPictureTower, openTextTower, openTrainedTextTower } from '../../../bundle/index.ts';
import { float16Value, type OnProgress, Rng, scalar, Tensor } from '../../../engine/core/index.ts';
import { constant, spec, trace, type Value, type ValueSpec } from '../../../engine/graph/index.ts';
import {
  exportOnnx,
  freeze,
  importOnnx,
  insertAdapters,
  type OnnxModel,
  withParameters,
} from '../../../engine/onnx/index.ts';
import { compile, loadExecutable } from '../../../engine/runtime/index.ts';
import { adamW, compileTrainStep, type Optimizer, type TrainStep, warmupCosine } from '../../../engine/train/index.ts';
import { ByteLevelBpe, padTokensWithMask } from '../../../media/text/index.ts';
import {
  clampedLogitScale,
  type Head,
  head,
  infoNce,
  initModalAdapter,
  type ModalAdapter,
  modalAdapter,
  standardize,
  type TextEncoder,
  textEncoder,
} from '../../../model/index.ts';
import { readCatalog } from '../../data/index.ts';
import { ranksOf, retrievalFigures } from '../../evaluate/retrieval.ts';
import { rowsOf } from '../align-modalities/clip-vectors.ts';
import type { StudentPart } from '../align-modalities/parts.ts';
import { buildPictureCorpus } from '../align-modalities/picture-corpus.ts';
import { alignModalitiesSettings } from '../align-modalities/settings.ts';
import { readQuestions, splitColumns } from '../align-modalities/validation.ts';
import { exportHead } from '../align-text-image/heads.ts';
import { readStart, type Start } from '../finetune-image-tower/start.ts';
import type { AblationSettings } from './settings.ts';

/** A way of adapting the encoder. */
export interface Adaptation {
  readonly name: string;
  /** What is trained: nothing, adapters behind some of the layer norms (the first and last depth, counted from the input), or every weight. */
  readonly trains: 'nothing' | { readonly from: number } | 'everything';
}

/** Every way. A layer of the encoder has two layer norms, and one stands at its end. */
export const adaptations: readonly Adaptation[] = [
  { name: 'frozen, not adapted', trains: 'nothing' },
  { name: 'adapters in the last layer', trains: { from: -3 } },
  { name: 'adapters in every layer', trains: { from: 0 } },
  { name: 'every weight', trains: 'everything' },
];

/** What one seed gave. */
export interface AdaptResult {
  /** R@10 of Chinese names of validation concepts among pictures. */
  readonly recall: number;
  readonly numTrained: number;
  readonly seconds: number;
}

/** What `adaptEncoder` needs. */
export interface AdaptOptions {
  readonly student: StudentPart;
  readonly spaceDirectory: string;
  readonly settings: AblationSettings;
  readonly seed: number;
  readonly dataDirectory?: string;
  readonly cacheDirectory: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

const bottleneckDim = 32;
const batchSize = 48;
const maxTokens = 10;

/** Adapts the encoder, and measures it. */
export async function adaptEncoder({ trains }: Adaptation, options: AdaptOptions): Promise<AdaptResult> {
  const { student, settings, seed } = options;
  const data = await readNames(options);
  const whole = importStudent(student);
  const norms = [...whole.values.keys()].filter((name) => /^LayerNormalization_\d+$/.test(name));
  const model =
    typeof trains === 'string'
      ? whole
      : freeze(
          insertAdapters(whole, {
            at: norms.slice(trains.from),
            adapter: {
              init: (rng, dim) => initModalAdapter(rng, dim, bottleneckDim),
              apply: (params, x) => modalAdapter(params as unknown as ModalAdapter<Value>, x),
            },
            rng: new Rng(seed).fork('adapters'),
          }),
          (name) => !name.startsWith('adapters.'),
        );
  if (trains === 'nothing') return { recall: await measure(whole, data), numTrained: 0, seconds: 0 };
  const step = await compileAdaptStep(model, data, settings);
  const rng = new Rng(seed).fork('names');
  const startedAt = performance.now();
  for (let i = 0; i < settings.numAdaptSteps; i++) {
    options.signal?.throwIfAborted();
    await step.run(batchOf(data, rng));
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const { model: trained } = step.params();
  await step.close();
  const numTrained = Object.values(trained).reduce((sum, { data: values }) => sum + values.length, 0);
  return { recall: await measure(withParameters(model, trained), data), numTrained, seconds };
}

interface Names {
  readonly start: Start;
  readonly tokenizer: ByteLevelBpe;
  readonly training: readonly { readonly text: string; readonly pictures: readonly number[] }[];
  /** Unit vectors `[pictures, D]` of training pictures. */
  readonly pictures: Tensor<'float32'>;
  readonly asked: readonly string[];
  /** Unit vectors of the pictures that are asked for, in the order of the names. */
  readonly candidates: Tensor<'float32'>;
}

const readOnce = new WeakMap<StudentPart, Promise<Names>>();

/** The names and pictures, read once for all seeds. */
function readNames(options: AdaptOptions): Promise<Names> {
  const known = readOnce.get(options.student) ?? loadNames(options);
  readOnce.set(options.student, known);
  return known;
}

async function loadNames({ student, settings, ...options }: AdaptOptions): Promise<Names> {
  const { numThreads } = settings;
  const start = await readStart(options.spaceDirectory);
  const from = options.dataDirectory === undefined ? {} : { directory: options.dataDirectory };
  const { sources, numViews } = alignModalitiesSettings().stageOne;
  const pictureTower = await openPictureTower(
    {
      variant: 'mobilenet-v2-mid',
      size: start.bundle.manifest.picture.size,
      outputs: ['block2Pooled', 'block5Pooled', 'block9Pooled', 'block12Pooled', 'block15Pooled', 'pooled'],
    },
    { numThreads },
  );
  const english = await openTextTower('embedding', { numThreads });
  const { model, tokenizer, id } = student;
  const chinese = await openTrainedTextTower(
    { weights: model, tokenizer, id, maxTokens: student.maxTokens },
    { numThreads },
  );
  try {
    const records = (await readCatalog({ sources, ...from })).filter(({ split }) => split === 'train');
    const corpus = await buildPictureCorpus({
      ...options,
      records,
      pictureTower,
      textTower: english,
      chineseTower: chinese,
      numViews,
      seed: 0,
    });
    const { questions } = await readQuestions({ ...options, pictureTower, textTowers: { zh: chinese }, padding: 0.15 });
    const asked = questions.find(({ figure }) => figure === 'heldOutConcepts')!;
    const pictureHead = await loadExecutable(
      exportHead(start.picture.head, start.picture.statistics, pictureTower.ports),
      { numThreads },
    );
    const embed = async (rows: Tensor<'float32'>) => {
      const { embedding } = await pictureHead.run(splitColumns(rows, pictureTower.ports));
      return embedding as Tensor<'float32'>;
    };
    const kept: number[] = [];
    const items = [...corpus.sources[0]!.items, ...corpus.sources.at(-1)!.items].filter(
      ({ rows }) => rows.chinese!.length > 0,
    );
    const training = items.map(({ rows }) => ({
      text: corpus.chineseTexts[rows.chinese![0]!]!,
      pictures: rows.picture!.slice(0, 2).map((row) => kept.push(row) - 1),
    }));
    const pictures = await embed(rowsOf(corpus.pictures, kept));
    const candidates = await embed(asked.pictures);
    await pictureHead.close();
    return {
      start,
      tokenizer: new ByteLevelBpe(JSON.parse(new TextDecoder().decode(tokenizer))),
      training,
      pictures,
      asked: asked.names.zh!,
      candidates,
    };
  } finally {
    await Promise.all([pictureTower.close(), english.close(), chinese.close()]);
  }
}

/** The student as a model whose weights are float32, so that they can be trained. */
function importStudent({ model }: StudentPart): OnnxModel {
  const stored = importOnnx(model, { isParameter: (_, { dtype }) => dtype === 'float32' || dtype === 'float16' });
  const weights = new Map([...stored.parameters].map(([name, tensor]) => [name, asFloat32(tensor)]));
  const numLayers = new Set([...weights.keys()].flatMap((name) => /^blocks\.(\d+)\./.exec(name)?.[1] ?? [])).size;
  const tree: Record<string, unknown> = {};
  for (const [path, tensor] of weights) place(tree, path.split('.'), constant(tensor, path));
  const params = tree as unknown as TextEncoder<Value>;
  const blocks = Array.from({ length: numLayers }, (_, i) => (params.blocks as unknown as Record<string, never>)[i]!);
  const graph = trace(
    (inputs: { ids: Value; mask: Value }) => ({
      embedding: textEncoder({ ...params, blocks }, inputs, { numHeads: 4 }),
    }),
    { ids: spec([batchSize, maxTokens], 'int64'), mask: spec([batchSize, maxTokens]) },
  );
  return importOnnx(exportOnnx(graph, { name: 'text-encoder' }));
}

function place(tree: Record<string, unknown>, [first, ...rest]: readonly string[], value: Value): void {
  if (rest.length === 0) {
    tree[first!] = value;
    return;
  }
  tree[first!] ??= {};
  place(tree[first!] as Record<string, unknown>, rest, value);
}

function asFloat32({ dtype, shape, data }: Tensor): Tensor<'float32'> {
  const values = dtype === 'float16' ? Float32Array.from(data as Uint16Array, float16Value) : (data as Float32Array);
  return new Tensor('float32', shape, values.slice());
}

interface NameBatch<T> {
  readonly ids: T;
  readonly mask: T;
  /** `[B, D]` */
  readonly pictures: T;
}

interface AdaptParams<T> {
  readonly model: Readonly<Record<string, T>>;
  readonly logLogitScale: T;
}

type CompileAdapt = (options: {
  params: AdaptParams<Tensor>;
  batch: NameBatch<ValueSpec>;
  loss: (params: AdaptParams<Value>, batch: NameBatch<Value>) => { loss: Value; metrics: Record<string, Value> };
  optimizer: Optimizer;
  runtime: { numThreads: number };
}) => Promise<TrainStep<AdaptParams<Tensor>, NameBatch<Tensor>>>;

function compileAdaptStep(model: OnnxModel, { start, pictures }: Names, settings: AblationSettings) {
  const spaceDim = pictures.shape[1]!;
  const textHead = frozenHead(start.text.head);
  // The names of the parameters are known at run time only.
  return (compileTrainStep as unknown as CompileAdapt)({
    params: { model: model.params, logLogitScale: scalar(Math.log(start.bundle.manifest.logitScale)) },
    batch: {
      ids: spec([batchSize, maxTokens], 'int64'),
      mask: spec([batchSize, maxTokens]),
      pictures: spec([batchSize, spaceDim]),
    },
    loss: (params, { ids, mask, pictures: shown }) => {
      const { embedding } = model.apply(params.model, { ids, mask });
      const texts = head(textHead, standardize(embedding!, start.text.statistics));
      const { loss, accuracy } = infoNce(texts, shown, clampedLogitScale(params.logLogitScale));
      return { loss, metrics: { accuracy } };
    },
    optimizer: adamW({
      learningRate: warmupCosine({
        peak: settings.peakLearningRate / 4,
        warmupSteps: Math.ceil(settings.numAdaptSteps / 10),
        totalSteps: settings.numAdaptSteps,
      }),
      weightDecay: 0.01,
      maxGradNorm: 1,
    }),
    runtime: { numThreads: settings.numThreads },
  });
}

function frozenHead({ adapters, projection }: Head<Tensor>): Head<Value> {
  const linear = ({ weight, bias }: { weight: Tensor; bias: Tensor }) => ({
    weight: constant(weight),
    bias: constant(bias),
  });
  return {
    adapters: adapters.map(({ down, up }) => ({ down: linear(down), up: linear(up) })),
    projection: linear(projection),
  };
}

/** Names with one of their pictures each, no name twice. */
function batchOf({ training, tokenizer, pictures }: Names, rng: Rng): NameBatch<Tensor> {
  const chosen = new Map<string, number>();
  while (chosen.size < batchSize) {
    const { text, pictures: own } = rng.pick(training);
    if (!chosen.has(text)) chosen.set(text, rng.pick(own));
  }
  const { ids, mask } = tokensOf([...chosen.keys()], tokenizer);
  return { ids, mask, pictures: rowsOf(pictures, [...chosen.values()]) };
}

function tokensOf(texts: readonly string[], tokenizer: ByteLevelBpe): { ids: Tensor; mask: Tensor } {
  const rows = texts.map((text) => [...tokenizer.encode(text, maxTokens)]);
  // A first row of full length, so that the batch has the length that the model was traced at.
  const padded = padTokensWithMask([Array.from({ length: maxTokens }, () => 0), ...rows], maxTokens);
  const without = <T extends Tensor>({ shape, dtype, data }: T) =>
    new Tensor(dtype, [texts.length, shape[1]!], data.slice(shape[1]!) as never) as Tensor;
  return { ids: without(padded.ids), mask: without(padded.mask) };
}

/** R@10 of the names that are asked, by the model as it is now. */
async function measure(model: OnnxModel, { start, tokenizer, asked, candidates }: Names): Promise<number> {
  const textHead = frozenHead(start.text.head);
  const graph = trace(
    (inputs: { ids: Value; mask: Value }) => ({
      vectors: head(textHead, standardize(model.apply({}, inputs).embedding!, start.text.statistics)),
    }),
    { ids: spec([batchSize, maxTokens], 'int64'), mask: spec([batchSize, maxTokens]) },
  );
  const executable = await compile(graph, { numThreads: 1 });
  const dim = candidates.shape[1]!;
  const queries = new Float32Array(asked.length * dim);
  for (let from = 0; from < asked.length; from += batchSize) {
    const part = asked.slice(from, from + batchSize);
    const full = [...part, ...Array.from({ length: batchSize - part.length }, () => part[0]!)];
    const { vectors } = await executable.run(tokensOf(full, tokenizer));
    queries.set((vectors!.data as Float32Array).subarray(0, part.length * dim), from * dim);
  }
  await executable.close();
  const ranks = ranksOf(new Tensor('float32', [asked.length, dim], queries), candidates, [...asked.keys()]);
  return retrievalFigures(ranks).r10;
}
