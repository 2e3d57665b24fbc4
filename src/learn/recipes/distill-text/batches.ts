/**
 * @file Batches of the recipe: a group by its share, an item of it, one of its texts and one of the texts that mean the same. Each goes to the
 * bucket that it fits; a text whose bucket is full takes a place in a longer one, or is drawn again.
 */
import { type Rng, Tensor } from '../../../engine/core/index.ts';
import { padTokensWithMask } from '../../../media/text/index.ts';
import type { TextCorpus } from './corpus.ts';
import type { Bucket, DistillTextSettings, TextGroup } from './settings.ts';

/** The tokens of one bucket: `ids` `int64[N, T]`, `mask` `[N, T]`. */
export interface BucketTokens<T> {
  readonly ids: T;
  readonly mask: T;
}

/** The texts in a batch. */
export function batchSizeOf(buckets: readonly Bucket[]): number {
  return buckets.reduce((sum, { numTexts }) => sum + numTexts, 0);
}

/**
 * A function that draws the next batch: tokens by bucket, and the row of the target of each text, bucket by bucket.
 * @param tokens the ids of each text of the corpus.
 */
export function batchSource(
  corpus: Pick<TextCorpus, 'groups'>,
  tokens: readonly (readonly number[])[],
  settings: Pick<DistillTextSettings, 'buckets' | 'shares' | 'traditionalProbability'>,
): (rng: Rng) => { readonly inputs: readonly BucketTokens<Tensor>[]; readonly rows: readonly number[] } {
  const { buckets, shares, traditionalProbability } = settings;
  const names = (Object.keys(shares) as TextGroup[]).filter((name) => corpus.groups[name].length > 0);
  const weights = names.map((name) => shares[name]);
  const drawPair = (rng: Rng) => {
    const item = rng.pick(corpus.groups[names[rng.categorical(weights)]!]);
    const { texts } = item;
    const isFirst = texts.length === 1 || rng.uniform() >= traditionalProbability;
    return { text: isFirst ? texts[0]! : rng.pick(texts.slice(1)), target: rng.pick(item.targets) };
  };
  return (rng) => {
    const filled = buckets.map(() => ({ texts: [] as (readonly number[])[], rows: [] as number[] }));
    let open = batchSizeOf(buckets);
    for (let draws = 0; open > 0; draws++) {
      const { text, target } = drawPair(rng);
      const ids = tokens[text]!;
      // After many draws the rest of a batch is taken as it comes, cut where it must be.
      const isPatient = draws < 8 * batchSizeOf(buckets);
      const at = buckets.findIndex(
        ({ numTexts, maxTokens }, i) =>
          filled[i]!.texts.length < numTexts && (!isPatient || ids.length <= maxTokens || i === buckets.length - 1),
      );
      if (at < 0) continue;
      filled[at]!.texts.push(ids);
      filled[at]!.rows.push(target);
      open--;
    }
    const inputs = filled.map(({ texts }, i) => paddedTo(texts, buckets[i]!.maxTokens));
    return { inputs, rows: filled.flatMap(({ rows }) => rows) };
  };
}

/** Rows as a batch of exactly `time` tokens. */
function paddedTo(rows: readonly (readonly number[])[], time: number): BucketTokens<Tensor> {
  const { ids, mask } = padTokensWithMask([...rows, new Array(time).fill(0)], time);
  const size = rows.length * time;
  return {
    ids: new Tensor('int64', [rows.length, time], ids.data.subarray(0, size)),
    mask: new Tensor('float32', [rows.length, time], mask.data.subarray(0, size)),
  };
}
