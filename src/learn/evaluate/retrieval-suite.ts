/** @file A retrieval suite at work: vectors of both sides, ranks in both directions. */
import { Tensor } from '../../engine/core/index.ts';
import type { ItemVectors } from './embed-items.ts';
import { chanceWithin, type RetrievalFigures, ranksOf, retrievalFigures } from './retrieval.ts';
import type { SuiteItem } from './suite-file.ts';
import type { ItemPlace, RetrievalSuite, SuiteSide, SuiteTask } from './suites.ts';

/** One row of a report: one task, one direction, one encoder. */
export interface RetrievalResult extends RetrievalFigures {
  readonly suite: string;
  readonly task: string;
  /** "text-to-image": what asks, and what is asked for. */
  readonly direction: string;
  /** `bundle`, or the baseline `random-projection`. */
  readonly encoder: string;
  readonly queries: number;
  readonly candidates: number;
  /** R@10 of an encoder that guesses. */
  readonly chance: number;
}

/** The items of both sides of a suite. */
export type SuiteItems = readonly [readonly SuiteItem[], readonly SuiteItem[]];

/** Fewer queries than this measure nothing. */
export const minQueries = 5;

/** The items that a side of a suite needs: those that some task asks with or for. */
function itemsOf(suite: RetrievalSuite, items: readonly SuiteItem[], side: SuiteSide): SuiteItem[] {
  const place = placeOf(items, side);
  return items.filter((item) => suite.tasks.some((task) => task.isQuery(item, place) || task.isCandidate(item, place)));
}

function placeOf(items: readonly SuiteItem[], side: SuiteSide): ItemPlace {
  const trained = items.filter(({ split }) => split === 'train').map(({ concept }) => concept);
  return { side, trainedConcepts: new Set(trained) };
}

/**
 * The results of a suite for each encoder. A query without an answer among the candidates is not asked; a direction with fewer than five
 * queries is left out.
 * @param items all items of the file of each side.
 * @param encoders their names, in the order of `vectors`.
 */
export async function evaluateRetrieval(
  suite: RetrievalSuite,
  items: SuiteItems,
  vectors: ItemVectors,
  encoders: readonly string[],
): Promise<RetrievalResult[]> {
  const directions = [
    [0, 1],
    [1, 0],
  ] as const;
  const needed = suite.sides.map((side, i) => itemsOf(suite, items[i as 0 | 1], side)) as [SuiteItem[], SuiteItem[]];
  const places = suite.sides.map((side, i) => placeOf(items[i as 0 | 1], side)) as [ItemPlace, ItemPlace];
  const questions = suite.tasks.flatMap((task) =>
    directions.flatMap(([from, to]) => {
      const asked = questionsOf(task, needed, places, from, to);
      return asked.queries.length < minQueries ? [] : [{ ...asked, task, from, to }];
    }),
  );
  if (questions.length === 0) return [];
  const [left, right] = suite.sides;
  const embedded = [await vectors.of(needed[0], left), await vectors.of(needed[1], right)] as const;
  return questions.flatMap(({ task, from, to, queries, candidates, answers }) =>
    encoders.map((encoder, i) => ({
      suite: suite.name,
      task: task.task,
      direction: `${wordOf(suite.sides[from])}-to-${wordOf(suite.sides[to])}`,
      encoder,
      queries: queries.length,
      candidates: candidates.length,
      chance: chanceWithin(
        10,
        answers.map((own) => own.length),
        candidates.length,
      ),
      ...retrievalFigures(
        ranksOf(takeRows(embedded[from][i]!, queries), takeRows(embedded[to][i]!, candidates), answers),
      ),
    })),
  );
}

/** Rows of the queries and candidates, and which candidates answer each query. */
function questionsOf(
  task: SuiteTask,
  items: SuiteItems,
  places: readonly [ItemPlace, ItemPlace],
  from: 0 | 1,
  to: 0 | 1,
) {
  const rows = (side: 0 | 1, keep: SuiteTask['isQuery']) =>
    items[side].flatMap((item, row) => (keep(item, places[side]) ? [row] : []));
  const [asks, answers] = [places[from].side, places[to].side];
  const candidates = distinct(rows(to, task.isCandidate), items[to], answers);
  const byKey = new Map<string, number[]>();
  candidates.forEach((row, position) => {
    const key = task.keyOf(items[to][row]!, answers);
    byKey.set(key, [...(byKey.get(key) ?? []), position]);
  });
  const answersOf = (row: number) => byKey.get(task.keyOf(items[from][row]!, asks)) ?? [];
  const queries = distinct(rows(from, task.isQuery), items[from], asks).filter((row) => answersOf(row).length > 0);
  return { queries, candidates, answers: queries.map(answersOf) };
}

/** Without the texts that came before: a text that several files share is one candidate and asks once. */
function distinct(rows: readonly number[], items: readonly SuiteItem[], { modality, language }: SuiteSide): number[] {
  if (modality !== 'text') return [...rows];
  const first = new Map<string, number>();
  for (const row of rows) {
    const text = items[row]!.text[language];
    if (!first.has(text)) first.set(text, row);
  }
  return [...first.values()];
}

function wordOf({ modality, language }: SuiteSide): string {
  if (modality === 'text') return language === 'en' ? 'text' : `text-${language}`;
  return modality === 'audio' ? 'sound' : modality;
}

function takeRows(table: Tensor<'float32'>, rows: readonly number[]): Tensor<'float32'> {
  const dim = table.shape[1]!;
  const data = new Float32Array(rows.length * dim);
  rows.forEach((row, i) => {
    data.set(table.data.subarray(row * dim, (row + 1) * dim), i * dim);
  });
  return new Tensor('float32', [rows.length, dim], data);
}
