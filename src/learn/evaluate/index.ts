/** @file What trained models are worth, on data that training did not see. */
export { type RetrievalFigures, ranksOf, retrievalFigures } from './retrieval.ts';
export {
  evaluateTextImage,
  readTextImageSuite,
  type SuiteItem,
  type SuiteOptions,
  type SuiteReport,
  type SuiteResult,
} from './text-image-suite.ts';
