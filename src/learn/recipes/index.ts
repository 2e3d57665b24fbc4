/** @file Recipes: functions that describe a whole training run, from data to bundle. */
export { type AlignOptions, type AlignResult, alignTextImage } from './align-text-image/align-text-image.ts';
export { type AlignSettings, alignSettings } from './align-text-image/settings.ts';
