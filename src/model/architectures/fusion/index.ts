/** @file Fusion of modalities that complete each other, any of which may be missing. */
export {
  type FusionOptions,
  type FusionTransformer,
  fusionTransformer,
  initFusionTransformer,
  type ModalityInput,
  type ModalityTokens,
} from './fusion-transformer.ts';
export { initPictureTokens, type PictureTokens, pictureTokens } from './picture-tokens.ts';
