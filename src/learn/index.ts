/** @file How models come to be: data, training, recipes, evaluation. */
export * from './data/index.ts';
export * from './distill/index.ts';
export * from './evaluate/index.ts';
export * from './recipes/index.ts';
export * from './train/index.ts';
