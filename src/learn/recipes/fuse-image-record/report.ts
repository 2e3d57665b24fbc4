/** @file The recipe's figures as a page to read: tables with means and intervals over the seeds, and the curve of rising noise. */
import { cpus } from 'node:os';
import { type ChartSeries, lineChart } from '../../evaluate/line-chart.ts';
import { formatSeeds, overSeeds } from '../../evaluate/seeds.ts';
import type { FuseReport, FuseRow } from './fuse-image-record.ts';

/** The pages of a report. */
export interface FusePages {
  readonly markdown: string;
  /** Accuracy by dose. */
  readonly chart: string;
}

/** Writes a report as Markdown and its chart as SVG; `chartPath` is how the page refers to the chart. */
export function fusePages(report: FuseReport, chartPath: string): FusePages {
  const { settings, ceilings, seeds } = report;
  const conditions = distinctConditions(seeds[0]!.rows);
  const figure = (model: string, given: string, of: (row: FuseRow) => number) =>
    overSeeds(seeds.map(({ rows }) => of(rows.find((row) => row.model === model && row.given === given)!)));
  const table = conditions.map(({ model, given }) =>
    [
      '',
      model,
      given,
      formatSeeds(figure(model, given, (row) => row.accuracy)),
      formatSeeds(figure(model, given, (row) => row.negativeLogLikelihood)),
      formatSeeds(figure(model, given, (row) => row.expectedCalibrationError)),
      '',
    ]
      .join(' | ')
      .trim(),
  );
  const ofDose = /^slice at (\d+) photons$/;
  const series = (['fused', 'image alone'] as const).map((model): ChartSeries => {
    const doses = conditions.filter((one) => one.model === model && ofDose.test(one.given));
    return {
      name: model,
      points: doses.map(({ given }) => {
        const { mean, interval } = figure(model, given, (row) => row.accuracy);
        return { x: Number(ofDose.exec(given)![1]), y: mean, low: interval[0], high: interval[1] };
      }),
    };
  });
  const recordAlone = figure('record alone', 'everything', (row) => row.accuracy);
  const level = { y: recordAlone.mean, low: recordAlone.interval[0], high: recordAlone.interval[1] };
  series.push({ name: 'record alone (no slice)', points: series[0]!.points.map(({ x }) => ({ x, ...level })) });
  const chart = lineChart({
    title: 'Accuracy as the dose falls (six synthetic diagnoses, chance 0.167)',
    xLabel: 'photons a ray, in training 20,000',
    yLabel: 'accuracy',
    logX: true,
    yRange: [0, 1],
    series,
  });
  const seconds = seeds.reduce((sum, seed) => sum + seed.seconds, 0);
  const markdown = `# A slice and a record

Synthetic studies: a phantom scanned by simulated physics, written and read as DICOM, and a record drawn from invented distributions. **No patient stands behind
them, and nothing here is a clinical claim.** Six diagnoses: the slice tells three looks, the record speaks of two causes.

\`npx sensorium train fuse-image-record\`: ${settings.numTraining} studies to learn from, ${settings.numValidation} for the temperature, ${settings.numTest} held out; ${seeds.length} seeds,
${Math.round(seconds)} s in all on ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}). Mean ± half of the 95 % interval over seeds.

The best possible reader is right in ${ceilings.image.toFixed(3)} of the cases with the slice alone, ${ceilings.record.toFixed(3)} with the record alone, ${ceilings.both.toFixed(3)} with both
(Bayes' rule on the true distributions, 20,000 draws; for the slice, if it shows its look perfectly). Chance is 0.167.

| model | given | accuracy | negative log-likelihood | calibration error |
| --- | --- | --- | --- | --- |
${table.join('\n')}

![Accuracy by dose](${chartPath})
`;
  return { markdown, chart };
}

/** Each model and condition once, in the order of the rows. */
function distinctConditions(rows: readonly FuseRow[]): Pick<FuseRow, 'model' | 'given'>[] {
  return [...new Map(rows.map(({ model, given }) => [`${model}/${given}`, { model, given }])).values()];
}
