/** @file Trained models as applications see them, and the pretrained towers that they stand on. */
export { type Bundle, defaultBundleDirectory, readBundle, writeBundle } from './bundle-folder.ts';
export {
  type Calibration,
  type CalibrationWeights,
  calibrate,
  probabilityOf,
  type QueryKind,
  queryKinds,
  type RowKind,
  rowKinds,
} from './calibration.ts';
export { type CodeSide, type Codes, codeSides, writeCodes } from './codes.ts';
export type { Encoder, Modality, TextImageEncoder } from './encoder.ts';
export { type ConceptFact, type Facts, parseFacts, writeFacts } from './facts.ts';
export { type AudioTower, type HubTowerOptions, openHubTower } from './hub-towers.ts';
export { type LoadEncoderOptions, loadEncoder } from './load-encoder.ts';
export {
  type Manifest,
  type MultimodalManifest,
  type Provenance,
  parseManifest,
  type TextImageManifest,
} from './manifest.ts';
export { type CosineSpread, cosineSpread, standingOf } from './standing.ts';
export { openPictureTower, openTextTower, type PictureTower, type TextTower } from './text-image-towers.ts';
export { cacheFolder, type OpenTowerOptions, openTokenizer, openTower, towerBytes, towerGraph } from './tower-cache.ts';
export { openTrainedTextTower } from './trained-text-tower.ts';
