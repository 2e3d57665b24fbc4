/** @file `sensorium recall`: shows what belongs to a text, a picture, a sound or a moving picture in the other modalities, with what is known of it. */
import { join } from 'node:path';
import { defineCommand } from 'citty';
import type { Association, RecalledFact, RecallInput, Recollection } from '../../apps/recall/index.ts';
import { UsageError } from '../failure.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { formatTable, outputOptions, printJson, printLines } from '../output.ts';
import { showProgress } from '../progress-bar.ts';

// Loaded only for a command line that is right. (In a method the compiler leaves the paths of imports as they are.)
const loadRecall = () => import('../../apps/recall/index.ts');
const loadSearch = () => import('../../apps/search/index.ts');
const loadBundle = () => import('../../bundle/index.ts');
const loadLearn = () => import('../../learn/index.ts');

export default defineCommand({
  meta: { name: 'recall', description: 'Show what belongs to an input in other modalities, with facts' },
  args: {
    text: {
      type: 'string',
      description: 'A text, in English or Chinese; names in many languages are known',
      valueHint: 'words',
    },
    image: { type: 'string', description: 'A picture', valueHint: 'file' },
    audio: { type: 'string', description: 'A sound', valueHint: 'file' },
    video: { type: 'string', description: 'A video or an animated picture', valueHint: 'file' },
    library: {
      type: 'string',
      description: 'A library to recall from; the files of the suites that are installed by default',
      valueHint: 'dir',
    },
    top: { type: 'string', description: 'How many of each kind to show', default: '3', valueHint: 'k' },
    model: { type: 'string', description: 'A bundle; the built-in one by default', valueHint: 'bundle' },
    data: { type: 'string', description: 'The folder that "sensorium data" filled', valueHint: 'dir' },
    ...outputOptions,
  },
  async run({ args }) {
    const input = inputOf(args);
    const top = Number(args.top);
    if (!Number.isInteger(top) || top < 1 || top > 1000) {
      throw new UsageError(`recall: --top must be a whole number from 1 to 1000, got ${args.top}`);
    }
    const [
      { Knowledge, memoryOfLibrary, recall, remember },
      { cacheFolder, defaultBundleDirectory, loadEncoder },
      { rememberedItems, factsOf },
    ] = await Promise.all([loadRecall(), loadBundle(), loadLearn()]);
    const directory = args.model ?? defaultBundleDirectory();
    // Opened first: a missing library is told at once, before a model is loaded.
    const library = args.library === undefined ? undefined : await (await loadSearch()).openLibrary(args.library);
    const encoder = await loadEncoder(directory);
    const interrupt = listenForInterrupt();
    const bar = showProgress(args);
    try {
      const kept = {
        cacheDirectory: join(cacheFolder(), 'recall'),
        onProgress: bar.onProgress,
        signal: interrupt.signal,
      };
      const facts = await factsOf(directory, args.data);
      const memory =
        library === undefined
          ? await remember(encoder, await rememberedItems(encoder.modalities, args.data), kept)
          : memoryOfLibrary(library);
      const knowledge = facts === undefined ? {} : { knowledge: new Knowledge(encoder, facts, kept) };
      const found = await recall(encoder, memory, input, { top, ...knowledge, signal: interrupt.signal });
      bar.close();
      if (args.json) printJson({ model: encoder.id, ...found });
      else printLines(...describe(found));
    } finally {
      bar.close();
      interrupt.dispose();
      await Promise.all([encoder.close(), library?.close()]);
    }
  },
});

function inputOf({
  text,
  image,
  audio,
  video,
}: Partial<Record<'text' | 'image' | 'audio' | 'video', string | undefined>>): RecallInput {
  const given = Object.entries({ text, image, audio, video }).filter(([, value]) => value !== undefined);
  if (given.length !== 1) {
    throw new UsageError('recall: give one of --text "…", --image <file>, --audio <file>, --video <file>');
  }
  const [name, value] = given[0] as [string, string];
  if (value.trim() === '') throw new UsageError(`recall: --${name} must not be empty`);
  if (text !== undefined) return { text };
  if (image !== undefined) return { picture: image };
  return audio === undefined ? { video: video! } : { audio };
}

function describe(found: Recollection): string[] {
  const { facts, image, audio, video } = found;
  return [
    ...facts.slice(0, 1).flatMap(describeFact),
    ...(facts.length > 1 ? ['also near', ...facts.slice(1).map((fact) => `  ${titleOf(fact)}`), ''] : []),
    ...describeFiles('pictures', image),
    ...describeFiles('sounds', audio),
    ...describeFiles('moving pictures', video),
  ];
}

function titleOf({ names, score }: RecalledFact): string {
  return `${[names.en, names.zh].filter(Boolean).join(' · ')} (${score.toFixed(3)})`;
}

function describeFact(fact: RecalledFact): string[] {
  const { names, gloss, related } = fact;
  const others = Object.entries(names).filter(([language]) => language !== 'en' && language !== 'zh');
  return [
    titleOf(fact),
    ...(gloss === undefined ? [] : [`  ${gloss}`]),
    ...(others.length === 0 ? [] : [`  ${others.map(([language, name]) => `${language}: ${name}`).join(', ')}`]),
    ...(related.length === 0 ? [] : [`  related: ${related.map((one) => one.names.en).join(', ')}`]),
    '',
  ];
}

function describeFiles(title: string, files: readonly Association[]): string[] {
  if (files.length === 0) return [];
  const rows = files.map(({ score, name, path }) => [score.toFixed(3), name ?? '', path]);
  return [title, ...formatTable([['score', 'name', 'file'], ...rows], [0]).map((line) => `  ${line}`), ''];
}
