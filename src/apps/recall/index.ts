/** @file Associative recall: an input in any modality, and what belongs to it in the others, with facts. */
export type { RecallInput } from './encode-input.ts';
export { Knowledge, type RecalledFact } from './knowledge.ts';
export { memoryOfLibrary } from './library-memory.ts';
export {
  type MediaModality,
  type Memory,
  type MemoryItem,
  type Recalled,
  type RememberOptions,
  remember,
} from './memory.ts';
export { type Association, type RecallOptions, type Recollection, recall } from './recall.ts';
