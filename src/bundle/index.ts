/** @file Trained models as applications see them, and the pretrained towers that they stand on. */
export type { TextImageEncoder } from './encoder.ts';
export { cacheFolder, type OpenTowerOptions, openTokenizer, openTower, towerBytes } from './tower-cache.ts';
