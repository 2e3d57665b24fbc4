/**
 * @file What a trained architecture is worth on what training did not see: retrieval for every pair of modalities that has items in common, captions,
 * classification by likelihood, and how each grows with the number of modalities that are given.
 */
import { Tensor } from '../../../engine/core/index.ts';
import { stackRows } from '../../data/features.ts';
import { bleu, cider, exactShare } from '../../evaluate/caption-metrics.ts';
import { drawCandidates, type RankingFigures, rankingFigures } from '../../evaluate/likelihood-ranking.ts';
import { ranksOf, retrievalFigures } from '../../evaluate/retrieval.ts';
import { MediaFiller, type ShownItem } from './batches.ts';
import { decodeCaptions } from './caption-decoding.ts';
import type { ComparisonCorpus, ComparisonItem } from './corpus.ts';
import type { ArchitectureInference } from './inference.ts';
import type { MediaTables } from './media-tables.ts';
import type { ComparisonSettings } from './settings.ts';
import { type CaptionCodec, type CaptionLanguage, captionLanguages } from './texts.ts';

/** A way to show an item. */
export type Shown = keyof ShownItem;

/** Retrieval in one direction between two modalities. */
export interface PairFigures {
  readonly set: string;
  /** "text (en) -> picture". */
  readonly direction: string;
  readonly candidates: number;
  readonly r1: number;
  readonly r5: number;
  readonly r10: number;
}

/** Captions of one kind. */
export interface CaptionFigures {
  readonly set: string;
  readonly shown: Shown;
  readonly language: CaptionLanguage;
  readonly beamWidth: number;
  readonly items: number;
  readonly exact: number;
  readonly bleu4: number;
  readonly bleu2: number;
  readonly cider: number;
  /** What was written, beside what it should say. */
  readonly examples: readonly (readonly [caption: string, name: string])[];
}

/** Ranking of names by likelihood. */
export interface LikelihoodFigures {
  readonly set: string;
  readonly shown: string;
  readonly items: number;
  /** By the likelihood alone. */
  readonly plain: RankingFigures;
  /** By what the media add to the name's own likelihood. */
  readonly relative: RankingFigures;
}

/** Accuracy with so many modalities given at once, over all choices of them. */
export interface ModalityFigures {
  readonly numModalities: number;
  readonly items: number;
  /** From media to text among the items' names. */
  readonly r1: number;
  readonly r5: number;
  readonly likelihoodAccuracy: number;
}

/** Everything that is measured of one trained model. */
export interface ModelFigures {
  readonly retrieval: readonly PairFigures[];
  readonly captions: readonly CaptionFigures[];
  readonly likelihood: readonly LikelihoodFigures[];
  readonly byModalities: readonly ModalityFigures[];
}

/** What the measurement needs beside the model. */
export interface MeasureOptions {
  readonly corpus: Pick<ComparisonCorpus, 'heldOut'>;
  readonly tables: MediaTables;
  readonly codec: CaptionCodec;
  readonly settings: ComparisonSettings;
  readonly signal?: AbortSignal;
}

/** Items in one run of a graph. */
const batchSize = 64;
/** Names to choose among by likelihood. */
const numNames = 10;
const modalities = ['picture', 'video', 'sound'] as const;
const rowsOf = { picture: 'pictures', video: 'videos', sound: 'sounds' } as const;

/** Measures a trained model. */
export async function measureModel(model: ArchitectureInference, options: MeasureOptions): Promise<ModelFigures> {
  const bench = new Bench(model, options);
  const figures = { retrieval: [], captions: [], likelihood: [], byModalities: [] } as {
    retrieval: PairFigures[];
    captions: CaptionFigures[];
    likelihood: LikelihoodFigures[];
    byModalities: ModalityFigures[];
  };
  for (const { id, items } of options.corpus.heldOut) {
    const named = withDistinctNames(items);
    figures.retrieval.push(...(await bench.retrieval(id, named)));
    for (const shown of modalities) {
      const own = named.filter((item) => item[rowsOf[shown]].length > 0);
      if (own.length < numNames) continue;
      figures.captions.push(await bench.captions(id, own, shown, 'en', 1));
      figures.captions.push(await bench.captions(id, own, shown, 'en', 3));
      figures.captions.push(await bench.captions(id, own, shown, 'zh', 1));
      figures.likelihood.push(await bench.likelihood(id, own, [shown]));
    }
    const complete = named.filter((item) => modalities.every((shown) => item[rowsOf[shown]].length > 0));
    if (complete.length >= numNames) figures.byModalities.push(...(await bench.byModalities(complete)));
  }
  return figures;
}

/** Two items of one name cannot be told apart by it; the first stays. */
function withDistinctNames(items: readonly ComparisonItem[]): ComparisonItem[] {
  const [en, zh] = [new Set<string>(), new Set<string>()];
  return items.filter(({ name }) => {
    if (en.has(name.en) || zh.has(name.zh)) return false;
    en.add(name.en);
    zh.add(name.zh);
    return true;
  });
}

function show(item: ComparisonItem, shown: readonly Shown[]): ShownItem {
  return Object.fromEntries(shown.map((modality) => [modality, item[rowsOf[modality]][0]]));
}

class Bench {
  readonly #model: ArchitectureInference;
  readonly #options: MeasureOptions;
  readonly #filler: MediaFiller;

  constructor(model: ArchitectureInference, options: MeasureOptions) {
    this.#model = model;
    this.#options = options;
    this.#filler = new MediaFiller(options.tables, batchSize, options.settings);
  }

  async retrieval(set: string, items: readonly ComparisonItem[]): Promise<PairFigures[]> {
    const kinds: { name: string; own: readonly number[]; vectors: Tensor<'float32'> }[] = [];
    const all = items.map((_, i) => i);
    for (const language of captionLanguages) {
      const vectors = await this.#texts(
        items.map(({ name }) => name[language]),
        language,
      );
      kinds.push({ name: `text (${language})`, own: all, vectors });
    }
    for (const shown of modalities) {
      const own = all.filter((i) => items[i]![rowsOf[shown]].length > 0);
      if (own.length === 0) continue;
      const vectors = await this.#media(own.map((i) => show(items[i]!, [shown])));
      kinds.push({ name: shown === 'sound' && set !== 'sounds' ? 'speech' : shown, own, vectors });
    }
    return kinds.flatMap((from, a) =>
      kinds.flatMap((to, b): PairFigures[] => {
        if (a === b || (from.name.startsWith('text') && to.name.startsWith('text'))) return [];
        const common = from.own.filter((i) => to.own.includes(i));
        if (common.length < numNames) return [];
        const queries = pick(
          from.vectors,
          common.map((i) => from.own.indexOf(i)),
        );
        const candidates = pick(
          to.vectors,
          common.map((i) => to.own.indexOf(i)),
        );
        const { r1, r5, r10 } = retrievalFigures(
          ranksOf(
            queries,
            candidates,
            common.map((_, i) => i),
          ),
        );
        return [{ set, direction: `${from.name} -> ${to.name}`, candidates: common.length, r1, r5, r10 }];
      }),
    );
  }

  async captions(
    set: string,
    items: readonly ComparisonItem[],
    shown: Shown,
    language: CaptionLanguage,
    beamWidth: number,
  ): Promise<CaptionFigures> {
    const { codec } = this.#options;
    const written: string[] = [];
    await this.#inBatches(items, async (part) => {
      const writer = await this.#model.writer(this.#filler.fill(part.map((item) => show(item, [shown]))));
      const tokens = await decodeCaptions(writer, batchSize, {
        beginId: codec.beginId(language),
        endId: codec.endId,
        maxTokens: codec.maxTokens - 1,
        beamWidth,
      });
      written.push(...tokens.slice(0, part.length).map((one) => codec.decode(one)));
    });
    const pairs = items.map(({ name }, i) => ({ caption: written[i]!, references: [name[language]] }));
    return {
      set,
      shown,
      language,
      beamWidth,
      items: items.length,
      exact: exactShare(pairs),
      bleu4: bleu(pairs),
      bleu2: bleu(pairs, 2),
      cider: cider(pairs),
      examples: pairs.slice(0, 8).map(({ caption, references }) => [caption, references[0]!] as const),
    };
  }

  async likelihood(set: string, items: readonly ComparisonItem[], shown: readonly Shown[]): Promise<LikelihoodFigures> {
    const candidates = drawCandidates(items.length, numNames, 0);
    const names = items.map(({ name }) => name.en);
    const alone = await this.#logLikelihoods(items.map((_, i) => ({ media: {}, text: names[i]! })));
    const behind = await this.#logLikelihoods(
      candidates.flatMap((row, i) => row.map((other) => ({ media: show(items[i]!, shown), text: names[other]! }))),
    );
    const rows = candidates.map((row, i) => row.map((_, j) => behind[i * numNames + j]!));
    return {
      set,
      shown: shown.join(' + '),
      items: items.length,
      plain: rankingFigures(rows),
      relative: rankingFigures(rows.map((row, i) => row.map((value, j) => value - alone[candidates[i]![j]!]!))),
    };
  }

  async byModalities(items: readonly ComparisonItem[]): Promise<ModalityFigures[]> {
    const texts = await this.#texts(
      items.map(({ name }) => name.en),
      'en',
    );
    const figures: (ModalityFigures & { readonly choice: string })[] = [];
    for (const chosen of subsets(modalities)) {
      const vectors = await this.#media(items.map((item) => show(item, chosen)));
      const { r1, r5 } = retrievalFigures(
        ranksOf(
          vectors,
          texts,
          items.map((_, i) => i),
        ),
      );
      const { relative } = await this.likelihood('', items, chosen);
      const numModalities = chosen.length;
      figures.push({
        choice: chosen.join(),
        numModalities,
        items: items.length,
        r1,
        r5,
        likelihoodAccuracy: relative.accuracy,
      });
    }
    return [1, 2, 3].map((numModalities) => {
      const own = figures.filter((one) => one.numModalities === numModalities);
      const mean = (of: (one: ModalityFigures) => number) => own.reduce((sum, one) => sum + of(one), 0) / own.length;
      return {
        numModalities,
        items: items.length,
        r1: mean(({ r1 }) => r1),
        r5: mean(({ r5 }) => r5),
        likelihoodAccuracy: mean(({ likelihoodAccuracy }) => likelihoodAccuracy),
      };
    });
  }

  async #texts(texts: readonly string[], language: CaptionLanguage): Promise<Tensor<'float32'>> {
    const { codec } = this.#options;
    const parts: Tensor<'float32'>[] = [];
    await this.#inBatches(texts, async (part) => {
      parts.push(
        await this.#model.embedTexts(codec.batch(part.map((text) => ({ tokens: codec.encode(text), language }))).ids),
      );
    });
    return stackRows(parts);
  }

  async #media(items: readonly ShownItem[]): Promise<Tensor<'float32'>> {
    const parts: Tensor<'float32'>[] = [];
    await this.#inBatches(items, async (part) => {
      const vectors = await this.#model.embedMedia(this.#filler.fill(part));
      parts.push(
        pick(
          vectors,
          part.map((_, i) => i),
        ),
      );
    });
    return stackRows(parts);
  }

  async #logLikelihoods(items: readonly { readonly media: ShownItem; readonly text: string }[]): Promise<number[]> {
    const { codec } = this.#options;
    const all: number[] = [];
    await this.#inBatches(items, async (part) => {
      const padded = Array.from({ length: batchSize }, (_, i) => part[i] ?? part[0]!);
      const media = this.#filler.fill(padded.map((one) => one.media));
      const texts = codec.batch(padded.map(({ text }) => ({ tokens: codec.encode(text), language: 'en' as const })));
      all.push(...(await this.#model.logLikelihood(media, texts)).subarray(0, part.length));
    });
    return all;
  }

  async #inBatches<T>(items: readonly T[], run: (part: readonly T[]) => Promise<void>): Promise<void> {
    for (let start = 0; start < items.length; start += batchSize) {
      this.#options.signal?.throwIfAborted();
      await run(items.slice(start, start + batchSize));
    }
  }
}

function pick(table: Tensor<'float32'>, rows: readonly number[]): Tensor<'float32'> {
  const dim = table.shape[1]!;
  return stackRows(rows.map((row) => rowTensor(table, row, dim)));
}

function rowTensor(table: Tensor<'float32'>, row: number, dim: number): Tensor<'float32'> {
  return new Tensor('float32', [1, dim], table.data.subarray(row * dim, (row + 1) * dim));
}

function subsets<T>(of: readonly T[]): T[][] {
  const all = Array.from({ length: 2 ** of.length - 1 }, (_, i) => of.filter((_, bit) => ((i + 1) >> bit) & 1));
  return all.sort((a, b) => a.length - b.length);
}
