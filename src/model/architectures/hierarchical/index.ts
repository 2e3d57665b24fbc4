/** @file The hierarchical architecture: frozen towers, a perceiver resampler, and gated cross-attention in a frozen text decoder. */
export {
  type Hierarchical,
  type HierarchicalOptions,
  hierarchicalCaption,
  hierarchicalScores,
  hierarchicalTextEmbedding,
  initHierarchical,
  mediaLatents,
  type SpaceHead,
} from './hierarchical.ts';
export { decodeHierarchicalStep, encodeHierarchicalMedia } from './hierarchical-decoding.ts';
export { hierarchicalLoss } from './hierarchical-loss.ts';
