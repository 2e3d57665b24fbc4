/** @file The audio encoder: sounds and speech, from nothing. */
export {
  type AudioEncoder,
  type AudioEncoderOptions,
  audioEncoder,
  audioTower,
  initAudioEncoder,
  silence,
} from './audio-encoder.ts';
export { outlineDim } from './sound-outline.ts';
export { type AudioContrast, type AudioViews, audioContrast, initAudioContrast } from './view-contrast.ts';
