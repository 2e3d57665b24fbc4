/** @file The report of the ablations as Markdown, and the loss curves of both precisions as a chart. */
import { arch, cpus, version } from 'node:os';
import { type ChartSeries, lineChart } from '../../evaluate/line-chart.ts';
import { alignTables } from '../../evaluate/markdown-tables.ts';
import { formatSeeds, overSeeds } from '../../evaluate/seeds.ts';
import type { AblationReport, AblationRow } from './run-ablations.ts';
import type { Variant } from './variants.ts';

/** What each table of variants asks. */
const titles: Readonly<Record<Variant['group'], string>> = {
  stages: 'Two stages or one',
  sampling: 'Which source is drawn',
  loss: 'InfoNCE or the sigmoid loss',
  precision: 'Precision by modality',
  distillation: 'Chinese distilled or not',
};

const precisionNote =
  'The step holds float16 ops for the head of clips, but ONNX Runtime has next to no float16 kernels for this processor: it computes them in float32 and drops most of the roundings (decisions/0046), so the curves lie on each other, and the casts cost time. What float16 costs where it is computed was not measured here.';

/** The report; `chart` names the file of the loss curves beside it. */
export function ablationsMarkdown(report: AblationReport, command: string, chart: string): string {
  const { settings, candidates, rows } = report;
  const [base, ...others] = rows as [AblationRow, ...AblationRow[]];
  const questions = Object.keys(candidates);
  const table = (shown: readonly AblationRow[]) => [
    `| variant | ${questions.join(' | ')} | seconds |`,
    `| --- | ${questions.map(() => '---').join(' | ')} | --- |`,
    ...shown.map(
      ({ variant, results }) =>
        `| ${variant.name} | ${questions.map((name) => figure(results.map(({ recall }) => recall[name]!))).join(' | ')} | ${figure(
          results.map(({ seconds }) => seconds),
          0,
        )} |`,
    ),
    '',
  ];
  const groups = Object.entries(titles).flatMap(([group, title]) => [
    `## ${title}`,
    '',
    ...table([base, ...others.filter(({ variant }) => variant.group === group)]),
    ...(group === 'precision' ? [precisionNote, '', `![Loss of stage two, by precision](${chart})`, ''] : []),
  ]);
  const adapted = report.adaptations.map(
    ({ name, results }) =>
      `| ${name} | ${figure(results.map(({ recall }) => recall))} | ${results[0]!.numTrained.toLocaleString('en')} | ${figure(
        results.map(({ seconds }) => seconds),
        0,
      )} |`,
  );
  const lines = [
    '# Ablations of the alignment',
    '',
    `\`${command}\`, on ${cpus()[0]?.model.trim() ?? arch()}, ${cpus().length} cores, ${process.platform} ${version()}, Node ${process.version}; other work ran at the same time, so seconds compare only roughly.`,
    '',
    `R@10, mean of ${settings.seeds.length} seeds with the 95 % interval that the seeds leave (Student's t). All questions are about what no variant trained on: pictures and animations of validation concepts, recordings of sounds that are held out. Candidates: ${questions.map((name) => `${name} ${candidates[name]}`).join(', ')}; chance is 10 divided by their number.`,
    '',
    `Small heads on cached features of frozen towers (space of ${settings.spaceDim}, batches of ${settings.batchSize}, ${settings.numSteps.join(' + ')} steps), so that all of it runs in minutes: the rows compare with each other, not with the shipped bundle. Sounds are the mean and deviation of their log-mel bands here.`,
    '',
    ...groups,
    '## Adapters or full fine-tuning',
    '',
    `The distilled text encoder learns from Chinese names and pictures of training concepts (${settings.numAdaptSteps} steps); asked is the picture of Chinese names of validation concepts (R@10, ${candidates['Chinese to picture']} candidates).`,
    '',
    '| trained | R@10 | numbers trained | seconds |',
    '| --- | --- | --- | --- |',
    ...adapted,
    '',
  ];
  return alignTables(lines.join('\n'));
}

/** The losses of stage two in float32 and with video in float16, mean over seeds, as an SVG. */
export function precisionChart({ rows }: AblationReport): string {
  const curve = (name: string, row: AblationRow): ChartSeries => {
    const numSteps = row.results[0]!.losses.length;
    const points = Array.from({ length: numSteps }, (_, step) => ({
      x: step + 1,
      y: row.results.reduce((sum, { losses }) => sum + losses[step]!, 0) / row.results.length,
    }));
    return { name, points };
  };
  const half = rows.find(({ variant }) => variant.precision !== undefined)!;
  return lineChart({
    title: 'Loss of stage two',
    xLabel: 'step',
    yLabel: 'loss, mean over seeds',
    series: [curve('float32', rows[0]!), curve('video in float16', half)],
  });
}

function figure(values: readonly number[], digits = 3): string {
  return formatSeeds(overSeeds(values), digits);
}
