/** @file The vision transformer: a picture encoder that starts from nothing. */
export {
  initVisionTransformer,
  type VisionTransformer,
  type VisionTransformerOptions,
  visionTransformer,
} from './vision-transformer.ts';
