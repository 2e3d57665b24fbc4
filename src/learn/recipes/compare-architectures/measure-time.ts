/** @file How long a trained architecture takes for one item, and how many operations: to encode media, to encode a text, to write a caption. */

import { MediaFiller, type ShownItem } from './batches.ts';
import { decodeCaptions } from './caption-decoding.ts';
import { countFlops } from './count-flops.ts';
import { type ArchitectureInference, inferenceGraphs } from './inference.ts';
import type { MediaTables } from './media-tables.ts';
import type { ArchitectureModel, SharedSizes } from './models.ts';
import type { ComparisonSettings } from './settings.ts';
import type { CaptionCodec } from './texts.ts';

/** Costs of one item. */
export interface InferenceCosts {
  readonly mediaFlops: number;
  readonly textFlops: number;
  /** Of a caption of the longest length, its media included. */
  readonly captionFlops: number;
  /** Medians, one item at a time. */
  readonly mediaMs: number;
  readonly textMs: number;
  readonly captionMs: number;
}

/** Runs of which the median is told. */
const numRuns = 15;

/** Measures the costs of one item with the given media. */
export async function measureCosts(
  model: ArchitectureModel,
  trained: unknown,
  sizes: SharedSizes,
  inference: ArchitectureInference,
  {
    tables,
    codec,
    settings,
    item,
  }: { tables: MediaTables; codec: CaptionCodec; settings: ComparisonSettings; item: ShownItem },
): Promise<InferenceCosts> {
  const graphs = inferenceGraphs(model, trained, sizes, 1, Math.floor(codec.maxTokens / 2));
  const media = new MediaFiller(tables, 1, settings).fill([item]);
  const { ids } = codec.batch([{ tokens: codec.encode('grinning face'), language: 'en' }]);
  const caption = async () =>
    decodeCaptions(await inference.writer(media), 1, {
      beginId: codec.beginId('en'),
      endId: -1,
      maxTokens: codec.maxTokens - 1,
      beamWidth: 1,
    });
  const mediaFlops = countFlops(graphs.media);
  return {
    mediaFlops,
    textFlops: countFlops(graphs.texts),
    captionFlops: mediaFlops + codec.maxTokens * countFlops(graphs.step),
    mediaMs: await medianMs(() => inference.embedMedia(media)),
    textMs: await medianMs(() => inference.embedTexts(ids)),
    captionMs: await medianMs(caption),
  };
}

async function medianMs(run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < numRuns + 3; i++) {
    const startedAt = performance.now();
    await run();
    if (i >= 3) times.push(performance.now() - startedAt);
  }
  return times.sort((a, b) => a - b)[Math.floor(numRuns / 2)]!;
}
