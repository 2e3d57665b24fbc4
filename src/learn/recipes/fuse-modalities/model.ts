/** @file The model of an experiment: a small convolutional encoder for each map, tokens as they are, one fusion transformer. */
import { mapTree, type Rng, Tensor } from '../../../engine/core/index.ts';
import {
  constant,
  type Graph,
  softmaxCrossEntropyLoss,
  spec,
  trace,
  type Value,
  type ValueSpec,
} from '../../../engine/graph/index.ts';
import { adamW, compileTrainStep, type Optimizer, type TrainStep, warmupCosine } from '../../../engine/train/index.ts';
import {
  type FusionTransformer,
  fusionTransformer,
  initFusionTransformer,
  initPictureTokens,
  type PictureTokens,
  pictureTokens,
} from '../../../model/index.ts';
import {
  type FusionModelSettings,
  type FusionTask,
  type ModalityShape,
  numTokensOf,
  type SampleTable,
  sizeOf,
} from './task.ts';

/** A task as seen by a model of some of its modalities. */
export type ModelPlan = Pick<FusionTask, 'classes' | 'model' | 'training'> & {
  readonly modalities: Readonly<Record<string, ModalityShape>>;
};

/** All trained parameters. */
export interface FusionModel<T> {
  /** One for each map. */
  readonly encoders: Readonly<Record<string, PictureTokens<T>>>;
  readonly fusion: FusionTransformer<T>;
}

/** Samples without their classes: by modality what is there, `[B, T, F]` or `[B, I, H, W]`, and which tokens are known, `[B, T]`. */
export interface FusionInputs<T> {
  readonly data: Readonly<Record<string, T>>;
  readonly known: Readonly<Record<string, T>>;
}

/** A batch to train on. */
export interface FusionBatch<T> extends FusionInputs<T> {
  readonly labels: T;
}

/** Which parts of a sample a model is given: by modality everything, or some of its tokens; what is not named is missing. */
export type Presence = Readonly<Record<string, true | readonly boolean[]>>;

/** The model with random weights. */
export function initFusionModel(rng: Rng, { modalities, model, classes }: ModelPlan): FusionModel<Tensor> {
  const { channels, width, numLayers, numHeads } = model;
  const entries = Object.entries(modalities);
  const maps = entries.flatMap(([name, shape]) => (shape.kind === 'map' ? [[name, shape.shape[0]] as const] : []));
  return {
    encoders: Object.fromEntries(maps.map(([name, inputs]) => [name, initPictureTokens(rng, inputs, channels)])),
    fusion: initFusionTransformer(rng, {
      modalities: Object.fromEntries(
        entries.map(([name, shape]) => [
          name,
          { numTokens: numTokensOf(shape, model), dim: shape.kind === 'map' ? channels.at(-1)! : shape.dim },
        ]),
      ),
      width,
      numLayers,
      numHeads,
      numClasses: classes.length,
    }),
  };
}

function logitsOf(params: FusionModel<Value>, { data, known }: FusionInputs<Value>, model: FusionModelSettings): Value {
  const inputs = Object.entries(data).map(([name, values]) => {
    const encoder = params.encoders[name];
    return [name, { tokens: encoder === undefined ? values : pictureTokens(encoder, values), known: known[name]! }];
  });
  return fusionTransformer(params.fusion, Object.fromEntries(inputs), model);
}

function specsOf(batchSize: number, { modalities, model }: ModelPlan): FusionInputs<ValueSpec> {
  const each = (of: (shape: ModalityShape) => readonly number[]) =>
    Object.fromEntries(Object.entries(modalities).map(([name, shape]) => [name, spec([batchSize, ...of(shape)])]));
  return {
    data: each((shape) => (shape.kind === 'map' ? shape.shape : [shape.numTokens, shape.dim])),
    known: each((shape) => [numTokensOf(shape, model)]),
  };
}

/** The training step. */
export function compileFusionStep(params: FusionModel<Tensor>, plan: ModelPlan) {
  const { batchSize, numSteps, peakLearningRate, weightDecay } = plan.training;
  // Interfaces with a type parameter for their leaves are beyond what `MapLeaves` can infer, so the types are stated here.
  const compile = compileTrainStep as unknown as CompileFusionModel;
  return compile({
    params,
    batch: { ...specsOf(batchSize, plan), labels: spec([batchSize], 'int64') },
    loss(values, { labels, ...inputs }) {
      return softmaxCrossEntropyLoss(logitsOf(values, inputs, plan.model), labels).loss;
    },
    optimizer: adamW({
      learningRate: warmupCosine({ peak: peakLearningRate, warmupSteps: 20, totalSteps: numSteps }),
      weightDecay,
      maxGradNorm: 1,
    }),
  });
}

type CompileFusionModel = (options: {
  params: FusionModel<Tensor>;
  batch: FusionBatch<ValueSpec>;
  loss: (params: FusionModel<Value>, batch: FusionBatch<Value>) => Value;
  optimizer: Optimizer;
}) => Promise<TrainStep<FusionModel<Tensor>, FusionBatch<Tensor>>>;

/** The trained model as a graph for batches of `batchSize`: inputs `data.<modality>` and `known.<modality>`, to `logits` `[B, C]`. */
export function fusionGraph(params: FusionModel<Tensor>, plan: ModelPlan, batchSize: number): Graph {
  const stored = mapTree(params as never, (leaf: Tensor) => constant(leaf)) as unknown as FusionModel<Value>;
  const { data, known } = specsOf(batchSize, plan);
  const specs = Object.fromEntries(
    Object.keys(data).flatMap((name) => [
      [`data.${name}`, data[name]!],
      [`known.${name}`, known[name]!],
    ]),
  );
  return trace((inputs) => {
    const part = (of: 'data' | 'known') =>
      Object.fromEntries(Object.keys(data).map((name) => [name, inputs[`${of}.${name}`]!]));
    return { logits: logitsOf(stored, { data: part('data'), known: part('known') }, plan.model) };
  }, specs);
}

/** Rows of a table as a batch, each with its presence; with `rng` as training may see them. */
export function fusionBatch(
  plan: ModelPlan,
  table: SampleTable,
  rows: readonly number[],
  presences: readonly Presence[],
  rng?: Rng,
): FusionBatch<Tensor> {
  const [data, known]: Record<string, Tensor>[] = [{}, {}];
  for (const [name, shape] of Object.entries(plan.modalities)) {
    const [size, numTokens] = [sizeOf(shape), numTokensOf(shape, plan.model)];
    const values = new Float32Array(rows.length * size);
    const marks = new Float32Array(rows.length * numTokens);
    rows.forEach((row, i) => {
      const present = presences[i]![name];
      if (present === undefined) return;
      const target = values.subarray(i * size, (i + 1) * size);
      table.fill(row, name, target, rng);
      for (let t = 0; t < numTokens; t++) {
        if (present === true || present[t]) marks[i * numTokens + t] = 1;
        else if (shape.kind === 'tokens') target.fill(0, t * shape.dim, (t + 1) * shape.dim);
      }
    });
    const dims = shape.kind === 'map' ? shape.shape : [shape.numTokens, shape.dim];
    data![name] = new Tensor('float32', [rows.length, ...dims], values);
    known![name] = new Tensor('float32', [rows.length, numTokens], marks);
  }
  const labels = BigInt64Array.from(rows, (row) => BigInt(table.labels[row]!));
  return { data: data!, known: known!, labels: new Tensor('int64', [rows.length], labels) };
}
