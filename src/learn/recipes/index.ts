/** @file Recipes: functions that describe a whole training run, from data to bundle. */
export { ablationsMarkdown, precisionChart } from './ablations/report.ts';
export { type AblationOptions, type AblationReport, runAblations } from './ablations/run-ablations.ts';
export { type AblationSettings, ablationSettings } from './ablations/settings.ts';
export {
  type AlignModalitiesOptions,
  type AlignModalitiesResult,
  alignModalities,
} from './align-modalities/align-modalities.ts';
export { type AlignModalitiesSettings, alignModalitiesSettings } from './align-modalities/settings.ts';
export { type AlignOptions, type AlignResult, alignTextImage } from './align-text-image/align-text-image.ts';
export { type AlignSettings, alignSettings } from './align-text-image/settings.ts';
export {
  type CompareOptions,
  type CompareResult,
  compareArchitectures,
  type RunResult,
} from './compare-architectures/compare-architectures.ts';
export { comparisonReport } from './compare-architectures/report.ts';
export {
  type ArchitectureName,
  architectureNames,
  type ComparisonSettings,
  comparisonSettings,
} from './compare-architectures/settings.ts';
export {
  type DistillTextOptions,
  type DistillTextResult,
  distillText,
  type TextStudentDescription,
} from './distill-text/distill-text.ts';
export { type DistillTextSettings, distillTextSettings } from './distill-text/settings.ts';
export {
  type FinetuneOptions,
  type FinetuneResult,
  finetuneImageTower,
} from './finetune-image-tower/finetune-image-tower.ts';
export type { PixelRecipeOptions } from './finetune-image-tower/recipe-options.ts';
export { type FinetunePhase, type FinetuneSettings, finetuneSettings } from './finetune-image-tower/settings.ts';
export type { ValidationFigures } from './finetune-image-tower/validation.ts';
export {
  type FuseOptions,
  type FusePages,
  type FuseReport,
  type FuseRow,
  type FuseSeed,
  type FusionTask,
  fuseModalities,
  fusePages,
  type StampsSettings,
  type StudySettings,
  stampsSettings,
  stampsTask,
  studySettings,
  studyTask,
} from './fuse-modalities/index.ts';
export { type IndexSpaceOptions, type IndexSpaceResult, indexSpace } from './index-space/index-space.ts';
export { type IndexSpaceSettings, indexSpaceSettings } from './index-space/settings.ts';
export { type AudioTowerSettings, audioTowerSettings } from './train-audio-tower/settings.ts';
export {
  type AudioTowerOptions,
  type AudioTowerResult,
  trainAudioTower,
} from './train-audio-tower/train-audio-tower.ts';
export { type VideoSettings, videoSettings } from './train-video-tower/settings.ts';
export {
  trainVideoTower,
  type VideoFigures,
  type VideoRecipeOptions,
  type VideoRecipeResult,
} from './train-video-tower/train-video-tower.ts';
export { type VisionTransformerSettings, visionTransformerSettings } from './train-vision-transformer/settings.ts';
export {
  trainVisionTransformer,
  type VisionTransformerRecipeOptions,
  type VisionTransformerResult,
} from './train-vision-transformer/train-vision-transformer.ts';
