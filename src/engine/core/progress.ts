/** @file Progress events: what long work reports, without knowing who shows it. */

/** How far a piece of long work has come. */
export interface Progress {
  /** What is being done, in a few words: "indexing pictures". */
  readonly stage: string;
  /** How much is done, in `unit`. */
  readonly done: number;
  /** How much there is to do, in `unit`; absent while it is not known. */
  readonly total?: number;
  /** What is counted: "pictures", "steps", "bytes". */
  readonly unit: string;
  /** Figures worth showing beside the bar, such as `{ loss: 2.31 }`. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** Takes progress events; called often, so it must be quick. */
export type OnProgress = (progress: Progress) => void;
