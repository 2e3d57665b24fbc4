/** @file Pretrained encoders and where they come from. */
export { type HubFamily, type HubModality, type HubTowerFiles, hubFamilies } from './hub-models.ts';
export {
  type ImageMap,
  type ImageOutput,
  type ImageTowerOptions,
  type ImageVariant,
  imageStages,
  imageTower,
  imageTowerDim,
} from './image-tower.ts';
export {
  encodeTokens,
  type SentenceOutput,
  type SentenceWeights,
  sentenceEncoder,
  sentenceWeights,
} from './sentence-encoder.ts';
export type { Preprocessing, Tower } from './tower.ts';
export { type TrainableTower, trainableTower } from './trainable-tower.ts';
