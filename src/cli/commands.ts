/** @file The table of commands. Each is loaded only when it is chosen, so `--help` costs nothing. */
import type { CommandDef } from 'citty';

/** One row of the table: what the overview says about the command, and where it is. */
export interface CommandEntry {
  readonly description: string;
  // biome-ignore lint/suspicious/noExplicitAny: each command has its own arguments; citty checks them.
  load(): Promise<{ readonly default: CommandDef<any> }>;
}

/** Every command by name, in the order of the overview. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  start: {
    description: 'Serve the search page, with a first library to try',
    load: () => import('./commands/start.ts'),
  },
  index: {
    description: 'Index a folder of pictures, sounds, videos and documents into a library',
    load: () => import('./commands/index.ts'),
  },
  search: {
    description: 'Find any moment of a library by text, picture, sound or video',
    load: () => import('./commands/search.ts'),
  },
  recall: {
    description: 'Show what belongs to an input in other modalities, with facts',
    load: () => import('./commands/recall.ts'),
  },
  browse: {
    description: 'Show a library in groups of what is alike',
    load: () => import('./commands/browse.ts'),
  },
  duplicates: {
    description: 'Find files of a library that are the same, or nearly',
    load: () => import('./commands/duplicates.ts'),
  },
  serve: {
    description: 'Serve a library over HTTP',
    load: () => import('./commands/serve.ts'),
  },
  worker: {
    description: 'Index files from a queue into a shard of a library, beside other machines',
    load: () => import('./commands/worker.ts'),
  },
  enqueue: {
    description: 'Give the files of a folder to the workers',
    load: () => import('./commands/enqueue.ts'),
  },
  data: {
    description: 'Install the training and evaluation data',
    load: () => import('./commands/data.ts'),
  },
  train: {
    description: 'Train a recipe and write a bundle',
    load: () => import('./commands/train.ts'),
  },
  eval: {
    description: 'Measure a bundle',
    load: () => import('./commands/eval.ts'),
  },
  ablate: {
    description: 'Measure what each choice of the alignment is worth',
    load: () => import('./commands/ablate.ts'),
  },
  'compare-architectures': {
    description: 'Train and compare the joint and the hierarchical architecture',
    load: () => import('./commands/compare-architectures.ts'),
  },
  'compare-fusion': {
    description: 'Measure what modalities tell together, alone and with parts missing',
    load: () => import('./commands/compare-fusion.ts'),
  },
  profile: {
    description: 'Show where the time of an ONNX model goes',
    load: () => import('./commands/profile.ts'),
  },
};
