/** @file What is computed: layers, losses, towers and architectures, as functions over values. */
export * from './architectures/audio-encoder/index.ts';
export * from './architectures/dual-encoder/index.ts';
export * from './architectures/fusion/index.ts';
export * from './architectures/hierarchical/index.ts';
export * from './architectures/joint/index.ts';
export * from './architectures/text-encoder/index.ts';
export * from './architectures/video-encoder/index.ts';
export * from './architectures/vision-transformer/index.ts';
export { type AllPairsLoss, allPairs, type ModalityRows, type PairContrast } from './losses/all-pairs.ts';
export { candidateContrast } from './losses/candidate-contrast.ts';
export { type EmbeddingDistance, embeddingDistillation } from './losses/distillation-embedding.ts';
export { logitDistillation } from './losses/distillation-logits.ts';
export { type SimilarityCandidates, similarityDistillation } from './losses/distillation-similarity.ts';
export { clampedLogitScale, infoNce, maxLogitScale } from './losses/info-nce.ts';
export { sigmoidContrast, sigmoidStart } from './losses/sigmoid-contrast.ts';
export { type BatchNorm, batchNorm, initBatchNorm } from './nn/batch-norm.ts';
export { type Conv2d, type Conv2dOptions, conv2d, initConv2d } from './nn/conv2d.ts';
export { type GroupNorm, groupNorm, initGroupNorm } from './nn/group-norm.ts';
export { initLayerNorm, type LayerNorm, layerNorm } from './nn/layer-norm.ts';
export { initLinear, type Linear, linear } from './nn/linear.ts';
export {
  type MediaBatch,
  type MediaModality,
  type MediaTokensOptions,
  mediaModalities,
} from './nn/media-tokens.ts';
export { initModalAdapter, type ModalAdapter, modalAdapter } from './nn/modal-adapter.ts';
export { initMultiheadAttention, type MultiheadAttention, multiheadAttention } from './nn/multihead-attention.ts';
export { silu } from './nn/silu.ts';
export {
  captionLogLikelihood,
  initTextDecoder,
  languageModelLoss,
  paddingId,
  type TextDecoder,
  type TextDecoderOptions,
} from './nn/text-decoder.ts';
export { initTransformerBlock, type TransformerBlock, transformerBlock } from './nn/transformer-block.ts';
export { unitVectors } from './nn/unit-vectors.ts';
export { upsampleNearest } from './nn/upsample-nearest.ts';
export * from './towers/index.ts';
