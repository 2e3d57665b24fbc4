/** @file The comparison as Markdown, with all that is needed to repeat it. */
import { availableParallelism, cpus, totalmem } from 'node:os';
import { alignTables } from '../../evaluate/markdown-tables.ts';
import { formatSeeds, type SeedFigure } from '../../evaluate/seeds.ts';
import type { CompareResult } from './compare-architectures.ts';
import { architectureNames } from './settings.ts';
import { type ClaimCheck, type ComparedFigure, checkClaim, comparisonTables } from './summary.ts';

/** The results as a Markdown document. @param command the command line that made them. */
export function comparisonReport(result: CompareResult, command: string): string {
  const { settings, runs, counts, notes } = result;
  const seeds = [...new Set(runs.map(({ seed }) => seed))];
  const names = architectureNames.filter((name) => runs.some(({ architecture }) => architecture === name));
  const tables = comparisonTables(result).flatMap(({ title, figures }) => [
    `## ${title}`,
    '',
    `| | ${names.join(' | ')} |`,
    `| --- | ${names.map(() => '---:').join(' | ')} |`,
    ...figures.map(
      (figure) =>
        `| ${figure.name} | ${names.map((name) => cellOf(figure, figure.byArchitecture[name])).join(' | ')} |`,
    ),
    '',
  ]);
  const claim = checkClaim(result);
  const lines = [
    '# architectures',
    '',
    `${machineLine()}. ${new Date().toISOString().slice(0, 10)}, by \`${command}\`.`,
    '',
    `${seeds.length === 1 ? 'Seed' : 'Seeds'} ${seeds.join(', ')}: ${
      seeds.length === 1
        ? 'one seed, so no interval; small differences below are not beyond what another seed could turn.'
        : "mean ± half of the 95 % interval (Student's t) over them."
    } Both architectures: the same items, features and texts,`,
    `the same text decoder to start from (${settings.language.numSteps} steps on text alone), ${settings.paired.numSteps} steps of ${settings.batchSize}`,
    `items, the same batches, as many trained parameters to 1 %. Width ${settings.dim}, ${settings.numLayers} blocks, ${settings.numThreads} threads.`,
    '',
    ...(claim === undefined ? [] : [`**${verdictOf(claim)}**`, '']),
    `Corpus: ${Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join('; ')}.`,
    'No item has both a recorded sound and a picture or an animation, so these pairs are absent; speech is synthetic.',
    ...notes.map((note) => `Note: ${note}.`),
    '',
    ...tables,
    ...exampleLines(result),
  ];
  return alignTables(lines.join('\n'));
}

/** The claim of the literature and what was found, in one sentence. */
function verdictOf({ retrievalGain, trainingGain, inferenceGain }: ClaimCheck): string {
  const percent = (share: number) => `${share >= 0 ? '+' : ''}${(100 * share).toFixed(0)} %`;
  const [low, high] = retrievalGain.interval;
  const isOneSeed = retrievalGain.values.length === 1;
  const better = low > 0 ? 'joint retrieves better' : 'hierarchical retrieves better';
  const found = low <= 0 && high >= 0 ? 'no difference beyond the seeds' : better;
  const interval = isOneSeed ? 'one seed' : `95 % interval ${percent(low)} to ${percent(high)}: ${found}`;
  const isAsClaimed = !isOneSeed && low <= 0.12 && 0.12 <= high && trainingGain > 0.15 && trainingGain < 0.45;
  return (
    `The claim "joint: +12 % retrieval at +30 % compute" is ${isAsClaimed ? 'confirmed' : 'not confirmed as it stands'} here: joint against hierarchical, mean R@10 ` +
    `over all directions of all held-out sets ${percent(retrievalGain.mean)} (${interval}), at ` +
    `${percent(trainingGain)} operations in training and ${percent(inferenceGain)} to encode media and a text.`
  );
}

function cellOf({ unit }: ComparedFigure, figure: SeedFigure | undefined): string {
  if (figure === undefined) return '';
  const digits = { share: 3, score: 2, millions: 3, ms: 1, number: 1 }[unit];
  const isSame = figure.values.every((value) => value === figure.values[0]);
  return isSame ? figure.mean.toFixed(digits) : formatSeeds(figure, digits);
}

/** What was written of the first pictures, so that the figures have a face. */
function exampleLines({ runs }: CompareResult): string[] {
  const lines = runs
    .filter(({ seed }) => seed === 1)
    .flatMap(({ architecture, captions }) =>
      captions
        .filter(({ shown, beamWidth }) => shown === 'picture' && beamWidth === 1)
        .map(({ set, language, examples }) => {
          const said = examples.slice(0, 5).map(([caption, name]) => `"${caption}" for "${name}"`);
          return `- ${architecture}, ${set}, ${language}: ${said.join('; ')}`;
        }),
    );
  return ['## Captions of the first pictures, seed 1', '', ...lines, ''];
}

function machineLine(): string {
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus()[0]?.model.trim() ?? process.arch}, ${availableParallelism()} cores, ${memory} GiB, Node ${process.versions.node}`;
}
