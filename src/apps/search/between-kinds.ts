/**
 * @file The order of segments of several kinds. Within a kind the larger cosine is better. Between kinds it does not tell: the modality gap (arXiv:2203.02053)
 * puts the cosines of one kind above those of another whatever is asked. There the segment is better that stands out more among its kind.
 */
import { type CosineSpread, standingOf } from '../../bundle/index.ts';
import type { SegmentKind } from './store/segment.ts';

/** How many cosines of a kind tell how they are spread. */
export const maxCosinesOfSpread = 2048;

/** Fewer cosines of a kind than this do not tell how they are spread. */
export const minCosinesOfSpread = 12;

/** Above this cosine a segment has the query's own content. */
const sameCosine = 0.9999;

/** Something found, of some kind. */
export interface KindHit {
  readonly kind: SegmentKind;
  readonly score: number;
}

/**
 * The best of several kinds, best first: what is the query itself, then by how much each stands out among its kind.
 * @param lists the best of each kind, best first.
 */
export function mergeKinds<H extends KindHit>(
  lists: readonly (readonly H[])[],
  spreads: ReadonlyMap<SegmentKind, CosineSpread>,
  top: number,
): (H & { readonly standing: number })[] {
  const ranked = lists.flat().map((hit) => {
    const spread = spreads.get(hit.kind);
    return { ...hit, standing: spread === undefined ? 0 : standingOf(hit.score, spread) };
  });
  const isMixed = lists.filter((list) => list.length > 0).length > 1;
  const rank = ({ score, standing }: { score: number; standing: number }) =>
    isMixed ? (score > sameCosine ? Number.POSITIVE_INFINITY : standing) : score;
  return ranked.sort((a, b) => (rank(a) === rank(b) ? b.score - a.score : rank(b) - rank(a))).slice(0, top);
}
