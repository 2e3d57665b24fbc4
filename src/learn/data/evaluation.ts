/**
 * @file The questions asked of a trained model: pictures by an artist that it never saw, and the texts that should find them.
 *
 * - `seen`: concepts of the training split, drawn by the unseen artist.
 * - `validation`: concepts held out to choose hyperparameters with.
 * - `unseen`: concepts of the test split, used for nothing else. The headline.
 * - `held-out`: validation and test together: more candidates, but no headline once validation has chosen anything.
 */
import { type CatalogOptions, type heldOutArtists, type PictureRecord, readCatalog } from './catalog.ts';
import type { Split } from './concept.ts';

/** Which concepts to ask for. */
export type EvaluationSplit = 'seen' | 'validation' | 'unseen' | 'held-out';

/** One picture and the text that should find it. */
export interface EvaluationItem {
  /** The `id` of its `PictureRecord`. */
  readonly id: string;
  /** Absolute path of the picture. */
  readonly path: string;
  /** The query: the CLDR short name. No two items of one set share it. */
  readonly text: string;
  readonly concept: string;
}

/** Options of `readEvaluation`. */
export interface EvaluationOptions extends Pick<CatalogOptions, 'directory'> {
  /** `without` (the default) leaves flags out, `only` asks for nothing else. */
  readonly flags?: 'without' | 'only';
}

const splitsOf: Readonly<Record<EvaluationSplit, readonly Split[]>> = {
  seen: ['train'],
  validation: ['validation'],
  unseen: ['test'],
  'held-out': ['validation', 'test'],
};

/**
 * Reads one evaluation set: every base emoji of the artist in the split, one picture for each distinct text. Chance of R@k is
 * k divided by the number of items.
 * @throws MissingDataError when a package is not installed.
 */
export async function readEvaluation(
  artist: (typeof heldOutArtists)[number],
  split: EvaluationSplit,
  { directory, flags = 'without' }: EvaluationOptions = {},
): Promise<EvaluationItem[]> {
  const records = await readCatalog({ sources: [artist], ...(directory === undefined ? {} : { directory }) });
  return evaluationItems(records, split, flags);
}

/** The items of a split among records already read: the rule of `readEvaluation` alone. */
export function evaluationItems(
  records: readonly PictureRecord[],
  split: EvaluationSplit,
  flags: 'without' | 'only' = 'without',
): EvaluationItem[] {
  const items = new Map<string, EvaluationItem>();
  for (const { id, path, name, concept, split: own, isFlag } of records) {
    if (!splitsOf[split].includes(own) || isFlag !== (flags === 'only')) continue;
    if (!items.has(name)) items.set(name, { id, path, text: name, concept });
  }
  return [...items.values()];
}
