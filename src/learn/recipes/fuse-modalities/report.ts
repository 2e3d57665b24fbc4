/** @file The recipe's figures as a page to read: a table with means and intervals over the seeds, what fusion gains with an interval over the samples, and the curve. */
import { cpus } from 'node:os';
import { Rng } from '../../../engine/core/index.ts';
import { type ChartSeries, lineChart } from '../../evaluate/line-chart.ts';
import { alignTables } from '../../evaluate/markdown-tables.ts';
import { formatSeeds, overSeeds } from '../../evaluate/seeds.ts';
import type { FuseReport, FuseRow, FuseSeed } from './fuse-modalities.ts';

/** The pages of a report. */
export interface FusePages {
  readonly markdown: string;
  /** Accuracy along the curve, as SVG. */
  readonly chart: string;
}

/** Writes a report as a section of Markdown and its chart as SVG; `chartPath` is how the section refers to the chart. */
export function fusePages(report: FuseReport, chartPath: string): FusePages {
  const { task, seeds } = report;
  const [first, second] = task.sides;
  const rows = seeds[0]!.rows;
  const figure = (model: string, given: string, of: (row: FuseRow) => number) =>
    overSeeds(seeds.map((seed) => of(seed.rows.find((row) => row.model === model && row.given === given)!)));
  const accuracy = (model: string, given = 'everything') => figure(model, given, (row) => row.accuracy);
  const table = rows
    .filter(({ x }) => x === undefined)
    .map(({ model, given }) => {
      const shown = [
        accuracy(model, given),
        figure(model, given, (row) => row.negativeLogLikelihood),
        figure(model, given, (row) => row.expectedCalibrationError),
      ];
      const what = given === 'everything' && model.endsWith(' alone') ? 'its side' : given;
      return `| ${model} | ${what} | ${shown.map((one) => formatSeeds(one)).join(' | ')} |`;
    });
  const alone = task.sides.map(({ name }) => `${name} alone`);
  const best = accuracy(alone[0]!).mean > accuracy(alone[1]!).mean ? alone[0]! : alone[1]!;
  const gains = [best, 'late fusion'].map((than) => {
    const { mean, interval } = gainOver(seeds, than);
    return `${signed(mean)} over ${than === best ? `the best single side (${best})` : than} (${signed(interval[0])} to ${signed(interval[1])})`;
  });
  const verdict = gainOver(seeds, best).interval[0] > 0 ? 'Fused beats' : 'Fused does not surely beat';
  const points = (model: string): ChartSeries['points'] =>
    rows
      .filter((row) => row.model === 'fused' && row.x !== undefined)
      .map(({ x, given }) => {
        const { mean, interval } = accuracy(model, given);
        return { x: x!, y: mean, low: interval[0], high: interval[1] };
      })
      .sort((a, b) => a.x - b.x);
  const models = ['fused', ...alone, 'late fusion'];
  const chart = lineChart({
    ...task.curve,
    yLabel: 'accuracy',
    yRange: [0, 1],
    series: models.map((name) => ({ name, points: points(name) })),
  });
  const curve = points('fused').map(
    ({ x, y }, i) =>
      `| ${x.toLocaleString('en')} | ${[y, ...models.slice(1).map((model) => points(model)[i]!.y)].map((value) => value.toFixed(3)).join(' | ')} |`,
  );
  const tested = seeds.map(({ numTest }) => numTest.reduce((sum, count) => sum + count, 0));
  const { numTraining, numTest } = seeds[0]!;
  const majority = numTest[numTraining.indexOf(Math.max(...numTraining))]! / tested[0]!;
  const seconds = seeds.reduce((sum, seed) => sum + seed.seconds, 0);
  const markdown = `${task.about.join('\n\n')}

${seeds.length} seed${seeds.length === 1 ? '' : 's'}, ${task.training.numSteps} steps of ${task.training.batchSize} each model, ${Math.round(seconds)} s in all on ${cpus().length} cores
(${cpus()[0]?.model.trim() ?? 'unknown'}). Mean ± half of the 95 % interval over seeds. Chance is ${(1 / task.classes.length).toFixed(3)}; always the class most frequent in training: ${majority.toFixed(3)}.
${ceilingsSentence(report)}
| model | given | accuracy | negative log-likelihood | calibration error |
| --- | --- | --- | --- | --- |
${table.join('\n')}

**${verdict} the best single side.** Accuracy of fused, given everything: ${gains.join('; ')}. In brackets the 95 % interval over the test's
${seeds[0]!.groups.length === new Set(seeds[0]!.groups).size ? 'samples' : 'families'} (bootstrap, all seeds).

| ${task.curve.xLabel} | ${models.join(' | ')} |
| ---: | ${models.map(() => '---').join(' | ')} |
${curve.join('\n')}

![${task.curve.title}: ${first.name} and ${second.name}](${chartPath})
`;
  return { markdown: alignTables(markdown), chart };
}

function ceilingsSentence({ task }: FuseReport): string {
  if (task.ceilings === undefined) return '';
  const [first, second, both] = task.ceilings.map((value) => value.toFixed(3));
  return `
The best possible reader is right in ${first} of the cases with the ${task.sides[0].name} alone, ${second} with the ${task.sides[1].name} alone, ${both} with both (Bayes' rule on the true
distributions, 20,000 draws; for the ${task.sides[0].name}, if it shows its class perfectly). The sides are independent given the class, so that late fusion is as good as
anything can be, once both sides are learned and whole.
`;
}

/** How much more often fused is right than another model, given everything, with its interval over groups of samples: the groups are drawn again, seeds stay. */
function gainOver(seeds: readonly FuseSeed[], model: string): { mean: number; interval: readonly [number, number] } {
  const groups = seeds.flatMap(({ groups, right }) => {
    const sums = new Map<string, { gain: number; count: number }>();
    groups.forEach((group, i) => {
      const sum = sums.get(group) ?? { gain: 0, count: 0 };
      sum.gain += Number(right.fused![i]) - Number(right[model]![i]);
      sum.count++;
      sums.set(group, sum);
    });
    return [...sums];
  });
  // A family that is in the test of several seeds is one draw.
  const named = new Map<string, { gain: number; count: number }>();
  for (const [name, { gain, count }] of groups) {
    const sum = named.get(name) ?? { gain: 0, count: 0 };
    named.set(name, { gain: sum.gain + gain, count: sum.count + count });
  }
  const all = [...named.values()];
  const rng = new Rng('bootstrap');
  const meanOf = (some: readonly { gain: number; count: number }[]) =>
    some.reduce((sum, { gain }) => sum + gain, 0) / some.reduce((sum, { count }) => sum + count, 0);
  const draws = Array.from({ length: 2000 }, () => meanOf(all.map(() => rng.pick(all)))).sort((a, b) => a - b);
  return { mean: meanOf(all), interval: [draws[49]!, draws[1949]!] };
}

const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;
