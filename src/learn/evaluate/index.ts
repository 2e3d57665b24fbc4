/** @file What trained models are worth, on data that training did not see. */
export type { CodeResult } from '../hash/measure-codes.ts';
export {
  type BundleEvaluationOptions,
  type EvaluationReport,
  evaluateBundles,
  type SeedRow,
  type SuiteOutcome,
  suiteNames,
} from './evaluate-bundles.ts';
export { type CalibrationResult, indexSuiteNames } from './index-suites.ts';
export type { ChoiceResult } from './motion-suite.ts';
export { factsOf, type RememberedItem, rememberedItems } from './remembered-items.ts';
export { chanceWithin, meanInterval, type RetrievalFigures, ranksOf, retrievalFigures } from './retrieval.ts';
export type { RetrievalResult } from './retrieval-suite.ts';
export { type MotionItem, readSuiteFile, type SuiteItem } from './suite-file.ts';
