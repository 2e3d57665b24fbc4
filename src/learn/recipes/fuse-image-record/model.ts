/** @file The model of the recipe: a small convolutional encoder and the record's fields into one fusion transformer. */
import { mapTree, type Rng, type Tensor } from '../../../engine/core/index.ts';
import {
  constant,
  type Graph,
  softmax,
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
import { recordFields } from '../../data/synthetic-study.ts';
import { fieldDim, sentenceDim, type studyBatch } from './studies.ts';

/** The sizes of the model. */
export interface FusionModelSettings {
  /** Side of the slices in pixels. */
  readonly size: number;
  /** Channels of the encoder's stages. */
  readonly channels: readonly number[];
  readonly width: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numClasses: number;
}

/** All trained parameters. */
export interface StudyModel<T> {
  readonly encoder: PictureTokens<T>;
  readonly fusion: FusionTransformer<T>;
}

/** A batch of studies. */
export type StudyBatch<T> = { readonly [K in keyof ReturnType<typeof studyBatch>]: T };

/** Tokens that a slice becomes. */
export function numImageTokens({ size, channels }: FusionModelSettings): number {
  return (size / 2 ** channels.length) ** 2;
}

/** The model with random weights. */
export function initStudyModel(rng: Rng, settings: FusionModelSettings): StudyModel<Tensor> {
  const { channels, width, numLayers, numHeads, numClasses } = settings;
  return {
    encoder: initPictureTokens(rng, 2, channels),
    fusion: initFusionTransformer(rng, {
      modalities: {
        image: { numTokens: numImageTokens(settings), dim: channels.at(-1)! },
        fields: { numTokens: recordFields.length, dim: fieldDim },
        sentence: { numTokens: 1, dim: sentenceDim },
      },
      width,
      numLayers,
      numHeads,
      numClasses,
    }),
  };
}

function logitsOf(
  params: StudyModel<Value>,
  batch: Omit<StudyBatch<Value>, 'labels'>,
  settings: FusionModelSettings,
): Value {
  return fusionTransformer(
    params.fusion,
    {
      image: { tokens: pictureTokens(params.encoder, batch.slices), known: batch.imageKnown },
      fields: { tokens: batch.fields, known: batch.fieldsKnown },
      sentence: { tokens: batch.sentences, known: batch.sentenceKnown },
    },
    settings,
  );
}

function specsOf(batchSize: number, settings: FusionModelSettings) {
  const { size } = settings;
  return {
    slices: spec([batchSize, 2, size, size]),
    imageKnown: spec([batchSize, numImageTokens(settings)]),
    fields: spec([batchSize, recordFields.length, fieldDim]),
    fieldsKnown: spec([batchSize, recordFields.length]),
    sentences: spec([batchSize, 1, sentenceDim]),
    sentenceKnown: spec([batchSize, 1]),
  };
}

/** How the model is trained. */
export interface FusionTraining {
  readonly batchSize: number;
  readonly numSteps: number;
  readonly peakLearningRate: number;
}

/** The training step. */
export function compileStudyStep(params: StudyModel<Tensor>, settings: FusionModelSettings, training: FusionTraining) {
  const { batchSize, numSteps, peakLearningRate } = training;
  // Interfaces with a type parameter for their leaves are beyond what `MapLeaves` can infer, so the types are stated here.
  const compile = compileTrainStep as unknown as CompileStudyModel;
  return compile({
    params,
    batch: { ...specsOf(batchSize, settings), labels: spec([batchSize], 'int64') },
    loss(values, batch) {
      const { loss } = softmaxCrossEntropyLoss(logitsOf(values, batch, settings), batch.labels);
      return { loss };
    },
    optimizer: adamW({
      learningRate: warmupCosine({ peak: peakLearningRate, warmupSteps: 20, totalSteps: numSteps }),
      weightDecay: 0.05,
      maxGradNorm: 1,
    }),
  });
}

type CompileStudyModel = (options: {
  params: StudyModel<Tensor>;
  batch: StudyBatch<ValueSpec>;
  loss: (params: StudyModel<Value>, batch: StudyBatch<Value>) => { readonly loss: Value };
  optimizer: Optimizer;
}) => Promise<TrainStep<StudyModel<Tensor>, StudyBatch<Tensor>>>;

/** The trained model as a graph for batches of `batchSize`: to `probabilities` `[B, C]` at the given temperature of the softmax. */
export function studyGraph(params: StudyModel<Tensor>, settings: FusionModelSettings, batchSize: number): Graph {
  const stored = mapTree(params as never, (leaf: Tensor) => constant(leaf)) as unknown as StudyModel<Value>;
  return trace(
    (batch) => {
      const logits = logitsOf(stored, batch as Omit<StudyBatch<Value>, 'labels'>, settings);
      return { logits, probabilities: softmax(logits) };
    },
    specsOf(batchSize, settings),
  );
}
