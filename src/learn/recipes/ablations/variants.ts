/**
 * @file The variants that the ablations compare: one way of training each, all else equal. `base` is how the recipe `align-modalities` does it: two
 * stages, sources drawn by their logarithm, InfoNCE, float32, Chinese by distillation.
 */
import { Rng, Tensor } from '../../../engine/core/index.ts';
import { constant, spec, trace, type Value } from '../../../engine/graph/index.ts';
import { compile } from '../../../engine/runtime/index.ts';
import type { PrecisionPolicy } from '../../../engine/train/index.ts';
import { initHead } from '../../../model/index.ts';
import type { SamplingStrategy } from '../../data/sampler.ts';
import { ranksOf, retrievalFigures } from '../../evaluate/retrieval.ts';
import { applyModule, initSpaceAdapter, type SpaceModule } from '../align-modalities/modules.ts';
import { type ModalityTable, type TrainSpaceOptions, trainSpace } from '../align-modalities/train-space.ts';
import type { AblationSettings } from './settings.ts';
import type { AblationQuestion, AblationWorld } from './world.ts';

/** One way of training. */
export interface Variant {
  readonly name: string;
  /** The table of the report that it stands in. */
  readonly group: 'stages' | 'sampling' | 'loss' | 'precision' | 'distillation';
  readonly stages: 1 | 2;
  readonly sampling: SamplingStrategy;
  readonly contrast: 'infoNce' | 'sigmoid';
  readonly precision?: PrecisionPolicy;
  /** Whether Chinese is read by the distilled encoder. */
  readonly isDistilled: boolean;
}

const base = { stages: 2, sampling: 'logarithmic', contrast: 'infoNce', isDistilled: true } as const;

/** Every variant; the first is what the others are compared with. */
export const variants: readonly Variant[] = [
  { ...base, name: 'two stages, log N, InfoNCE, float32, distilled', group: 'stages' },
  { ...base, name: 'one stage, everything mixed', group: 'stages', stages: 1 },
  { ...base, name: 'sources drawn evenly', group: 'sampling', sampling: 'uniform' },
  { ...base, name: 'sources in proportion to N', group: 'sampling', sampling: 'proportional' },
  { ...base, name: 'sigmoid loss', group: 'loss', contrast: 'sigmoid' },
  {
    ...base,
    name: 'video in float16, texts in float32',
    group: 'precision',
    precision: { 'modules.video': 'float16', default: 'float32' },
  },
  { ...base, name: 'Chinese not distilled', group: 'distillation', isDistilled: false },
];

/** What a variant made with one seed. */
export interface VariantResult {
  /** R@10 of each question, and the number of its candidates. */
  readonly recall: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** The losses of the last stage. */
  readonly losses: readonly number[];
}

/** Where training keeps its checkpoints. */
export type VariantOptions = Pick<TrainSpaceOptions, 'runDirectory' | 'onProgress' | 'signal'>;

/** Trains a variant, and asks the questions of the world. */
export async function runVariant(
  variant: Variant,
  world: AblationWorld,
  settings: AblationSettings,
  seed: number,
  options: VariantOptions,
): Promise<VariantResult> {
  const trained = variant.stages === 1 ? oneStage : twoStages;
  const { modules, results } = await trained(variant, world, settings, seed, options);
  const recall: Record<string, number> = {};
  for (const question of world.questions) recall[question.name] = await recallOf(question, modules);
  return {
    recall,
    seconds: results.reduce((sum, { seconds }) => sum + seconds, 0),
    losses: results.at(-1)!.figures.map(({ loss }) => loss),
  };
}

/** The modules that each modality passes, in order. */
type Passes = Readonly<Record<string, readonly SpaceModule<Tensor>[]>>;

type Training = (
  variant: Variant,
  world: AblationWorld,
  settings: AblationSettings,
  seed: number,
  options: VariantOptions,
) => Promise<{ modules: Passes; results: Awaited<ReturnType<typeof trainSpace>>[] }>;

/** The module of each modality's features; both languages share theirs. */
const moduleOf = { picture: 'picture', text: 'text', chinese: 'text', video: 'video', audio: 'audio' } as const;

/** Every two modalities but the two languages. */
const everyPair = [
  ['text', 'picture'],
  ['chinese', 'picture'],
  ['text', 'video'],
  ['chinese', 'video'],
  ['text', 'audio'],
  ['chinese', 'audio'],
] as const;

const oneStage: Training = async (variant, world, settings, seed, options) => {
  const names = ['picture', 'text', 'chinese', 'video', 'audio'] as const;
  const rng = new Rng(seed).fork('heads');
  const modules = Object.fromEntries(
    (['picture', 'text', 'video', 'audio'] as const).map((name) => [name, newHead(rng, world, settings, name)]),
  );
  const [first, second] = settings.numSteps;
  const result = await trainSpace({
    ...common(variant, settings, seed, first + second, options),
    data: {
      modalities: Object.fromEntries(
        names.map((name): [string, ModalityTable] => [
          name,
          { table: world.tables[name]!, module: moduleOf[name], dropout: settings.dropout },
        ]),
      ),
      sources: [...world.pictures, world.clips, world.sounds],
      pairs: everyPair,
    },
    modules,
    runId: `${variant.name} ${seed}`,
  });
  const trained = result.params.modules;
  return {
    modules: Object.fromEntries(names.map((name) => [name, [trained[moduleOf[name]]!]])),
    results: [result],
  };
};

const twoStages: Training = async (variant, world, settings, seed, options) => {
  const rng = new Rng(seed).fork('heads');
  const [firstSteps, secondSteps] = settings.numSteps;
  const own = ['picture', 'text', 'chinese'] as const;
  const one = await trainSpace({
    ...common(variant, settings, seed, firstSteps, options),
    data: {
      modalities: Object.fromEntries(
        own.map((name): [string, ModalityTable] => [
          name,
          { table: world.tables[name]!, module: moduleOf[name], dropout: settings.dropout },
        ]),
      ),
      sources: world.pictures,
      pairs: everyPair.slice(0, 2),
    },
    modules: { picture: newHead(rng, world, settings, 'picture'), text: newHead(rng, world, settings, 'text') },
    runId: `${variant.name} ${seed} one`,
  });
  const heads = one.params.modules;
  const { spaceDim, bottleneckDim, dropout } = settings;
  const adapted = await Promise.all(
    own.map(
      async (name): Promise<[string, ModalityTable]> => [
        name,
        { table: await embed(world.tables[name]!, [heads[moduleOf[name]]!]), module: moduleOf[name], dropout: 0 },
      ],
    ),
  );
  const two = await trainSpace({
    ...common(variant, settings, seed, secondSteps, options),
    data: {
      modalities: {
        ...Object.fromEntries(adapted),
        video: { table: world.tables.video!, module: 'video', dropout },
        audio: { table: world.tables.audio!, module: 'audio', dropout },
      },
      sources: [...world.pictures, world.clips, world.sounds],
      pairs: everyPair,
    },
    modules: {
      picture: initSpaceAdapter(rng, spaceDim, bottleneckDim),
      text: initSpaceAdapter(rng, spaceDim, bottleneckDim),
      video: newHead(rng, world, settings, 'video'),
      audio: newHead(rng, world, settings, 'audio'),
    },
    runId: `${variant.name} ${seed} two`,
    ...(variant.precision === undefined ? {} : { precision: variant.precision }),
  });
  const last = two.params.modules;
  return {
    modules: {
      picture: [heads.picture!, last.picture!],
      text: [heads.text!, last.text!],
      chinese: [heads.text!, last.text!],
      video: [last.video!],
      audio: [last.audio!],
    },
    results: [one, two],
  };
};

function common(
  { sampling, contrast }: Variant,
  settings: AblationSettings,
  seed: number,
  numSteps: number,
  options: VariantOptions,
) {
  const { batchSize, peakLearningRate, weightDecay, averageDecay, numThreads } = settings;
  return {
    ...options,
    stage: { batchSize, numSteps, warmupSteps: Math.ceil(numSteps / 10), peakLearningRate, weightDecay, averageDecay },
    sampling: { strategy: sampling, texts: ['text', 'chinese'], nameProbability: 0.5 },
    contrast,
    seed,
    runtime: { numThreads },
  };
}

function newHead(rng: Rng, { tables }: AblationWorld, settings: AblationSettings, name: string): SpaceModule<Tensor> {
  return initHead(rng, { featureDim: tables[name]!.shape[1]!, ...settings });
}

/** R@10 of a question. */
async function recallOf({ query, candidate, queries, candidates }: AblationQuestion, modules: Passes): Promise<number> {
  const [from, to] = [await embed(queries, modules[query]!), await embed(candidates, modules[candidate]!)];
  return retrievalFigures(ranksOf(from, to, [...Array(queries.shape[0]!).keys()])).r10;
}

/** Rows `[N, F]` through modules, one after another: unit vectors `[N, D]`. */
async function embed(table: Tensor<'float32'>, modules: readonly SpaceModule<Tensor>[]): Promise<Tensor<'float32'>> {
  const dim = table.shape[1]!;
  const graph = trace(
    ({ rows }: { rows: Value }) => ({
      embedding: modules.reduce((x, module) => applyModule(constants(module), x), rows),
    }),
    { rows: spec(['batch', dim]) },
  );
  const executable = await compile(graph, { numThreads: 1 });
  const { embedding } = await executable.run({ rows: table });
  await executable.close();
  return embedding as Tensor<'float32'>;
}

function constants(tree: unknown): SpaceModule<Value> {
  if (tree instanceof Tensor) return constant(tree) as never;
  if (Array.isArray(tree)) return tree.map(constants) as never;
  return Object.fromEntries(Object.entries(tree as object).map(([name, one]) => [name, constants(one)])) as never;
}
