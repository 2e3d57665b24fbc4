/** @file The dual encoder: two frozen towers, two trained heads, one space. */
export {
  type DualEncoder,
  type DualEncoderOptions,
  dualEncoderLoss,
  initDualEncoder,
  type PairBatch,
} from './dual-encoder.ts';
export { type FeatureStatistics, featureLimit, type Head, head, initHead, standardize } from './head.ts';
