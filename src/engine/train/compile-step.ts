/**
 * @file From the description of a step to the sessions that run it: graphs are traced and split from what kernels do, then loaded
 * beside the state. With a cache and a key of the caller's, all of that may have been done before.
 */
import { createRequire } from 'node:module';
import { dtypes, leaves, type MapLeaves, numElements, type Tensor, type Tree } from '../core/index.ts';
import type { Graph, ValueSpec } from '../graph/index.ts';
import { type Program, programToWasm } from '../kernels/index.ts';
import {
  callingThread,
  HeldState,
  type KernelCall,
  loadCachedSession,
  loadSession,
  modelFor,
  type RuntimeOptions,
  readNote,
  type Session,
  type SessionThread,
  WorkerThread,
  writeNote,
} from '../runtime/index.ts';
import { type InPlaceUpdate, splitUpdate } from './in-place.ts';
import { type TracedStep, traceAccumulatingStep, traceSteps, traceTrainStep } from './step-graph.ts';
import type { TrainStepOptions } from './step-options.ts';
import { accumulators, startValues, stateGroups, statePorts } from './step-state.ts';
import { type Loaded, TrainStep } from './train-step.ts';

/** What is to be known of a session besides its model. */
interface PartNote {
  readonly metricNames: readonly string[];
  /** Kernels that go on from the session, and how they are called. */
  readonly programs: readonly Program[];
  readonly calls: readonly KernelCall[];
}

/** One session of a step. */
interface Part extends PartNote {
  readonly graph: Graph;
}

/** The sessions of a step by what they do; `TrainStep` says what that is. */
type Parts<T> = { readonly [name in 'single' | 'several' | 'update']?: T };

/** The sessions of a step, loaded. */
type LoadedParts = Parts<{ readonly session: Session; readonly note: PartNote }>;

/** ONNX Runtime's plan of memory for fixed shapes keeps more alive than a step needs at once. */
const settings = { enableMemPattern: false };

/**
 * Compiles a training step: traces the loss, differentiates it, adds the optimizer's update, and loads all of it as one session,
 * in a thread of its own unless `runtime.worker` is false.
 * @throws ShapeError if the loss or a metric is not a scalar.
 */
export async function compileTrainStep<const P extends Tree<Tensor>, const B extends Tree<ValueSpec>>(
  options: TrainStepOptions<P, B>,
): Promise<TrainStep<P, MapLeaves<B, ValueSpec, Tensor>>> {
  const { accumulate = 1, stepsPerRun = 1, runtime = {} } = options;
  requireCounts(accumulate, stepsPerRun);
  const thread = (runtime.worker ?? true) ? new WorkerThread() : callingThread();
  try {
    let traced: Parts<Part> | undefined;
    const parts = () => {
      traced ??= traceParts(options as never);
      return traced;
    };
    const loaded = await loadParts(thread, options as never, parts);
    const notes = Object.values(loaded).map(({ note }) => note);
    const state = await HeldState.create(thread, {
      ports: statePorts(options),
      start: startValues(options),
      scratch: accumulate > 1 ? accumulators(options.params) : [],
      inPlace: notes.flatMap(({ calls }) => calls.flatMap(({ writes }) => writes)),
    });
    const withKernels = async (part: LoadedParts['single']): Promise<Loaded | undefined> => {
      if (part === undefined) return undefined;
      const { session, note } = part;
      const { metricNames, programs, calls } = note;
      if (calls.length === 0) return { session, metricNames };
      return { session, metricNames, kernels: await state.loadKernels(programs.map(programToWasm), calls) };
    };
    let single = await withKernels(loaded.single);
    const [several, update] = [await withKernels(loaded.several), await withKernels(loaded.update)];
    return new TrainStep(
      {
        thread,
        state,
        graph: () => (parts().single ?? parts().several!).graph,
        async single() {
          single ??= await loadAlone(thread, options as never, runtime);
          return single;
        },
        ...(several === undefined ? {} : { several }),
        ...(update === undefined ? {} : { update }),
      },
      options as never,
    );
  } catch (error) {
    await thread.close();
    throw error;
  }
}

type AnyOptions = TrainStepOptions<Tree<Tensor>, Tree<ValueSpec>>;

/** Trees of any form are too deep for the compiler to go through. */
const traceOne = traceTrainStep as unknown as (options: AnyOptions) => TracedStep;
const traceMany = traceSteps as unknown as (options: AnyOptions, numSteps: number) => TracedStep;
const traceParted = traceAccumulatingStep as unknown as (
  options: AnyOptions,
  numBatches: number,
) => { readonly ofBatch: TracedStep; readonly ofUpdate: TracedStep };

/** A step by itself, beside sessions that take several. Its update is in the session: the state is held for that. */
async function loadAlone(thread: SessionThread, options: AnyOptions, runtime: RuntimeOptions): Promise<Loaded> {
  const { graph, metricNames } = traceOne(options);
  return { session: await loadSession(thread, await modelFor(graph, runtime), runtime, { settings }), metricNames };
}

/** Loads the sessions: from the cache under the caller's key, or as traced. */
async function loadParts(thread: SessionThread, options: AnyOptions, parts: () => Parts<Part>): Promise<LoadedParts> {
  const { runtime = {}, cacheKey } = options;
  const key = cacheKey === undefined || !runtime.cache ? undefined : keyOf(options, cacheKey);
  const kept = key === undefined ? undefined : await loadKeptParts(thread, runtime, key);
  if (kept !== undefined) return kept;
  const loaded = await Promise.all(
    Object.entries<Part>(parts() as Record<string, Part>).map(async ([name, { graph, ...note }]) => {
      const named = key === undefined ? { settings } : { settings, key: `${key} ${name}` };
      return [
        name,
        { session: await loadSession(thread, await modelFor(graph, runtime), runtime, named), note },
      ] as const;
    }),
  );
  if (key !== undefined) {
    const notes = Object.fromEntries(loaded.map(([name, { note }]) => [name, note]));
    await writeNote(runtime.cache as string, key, JSON.stringify(notes));
  }
  return Object.fromEntries(loaded);
}

async function loadKeptParts(
  thread: SessionThread,
  runtime: RuntimeOptions,
  key: string,
): Promise<LoadedParts | undefined> {
  const note = await readNote(runtime.cache as string, key);
  if (note === undefined) return undefined;
  const notes = Object.entries(JSON.parse(note) as Record<keyof LoadedParts, PartNote>);
  const loaded: [string, { session: Session; note: PartNote }][] = [];
  for (const [name, partNote] of notes) {
    const session = await loadCachedSession(thread, runtime, { settings, key: `${key} ${name}` });
    if (session === undefined) return undefined;
    loaded.push([name, { session, note: partNote }]);
  }
  return Object.fromEntries(loaded);
}

/** The version of this package: another one may make another graph of the same loss. */
function packageVersion(): string {
  try {
    return (createRequire(import.meta.url)('../../../package.json') as { version: string }).version;
  } catch {
    // Inside a bundle there is no package.json at that place; the bundle's own file stands for its version.
    return import.meta.url;
  }
}

/** The caller's key with all that the description says without being traced. */
function keyOf(options: AnyOptions, cacheKey: string): string {
  const { accumulate, stepsPerRun, inPlace, ema, precision, lossScale, batch } = options;
  const shapes = leaves<ValueSpec>(batch, 'batch');
  return JSON.stringify([
    packageVersion(),
    cacheKey,
    accumulate,
    stepsPerRun,
    inPlace,
    ema,
    precision,
    lossScale,
    statePorts(options),
    shapes,
  ]);
}

/** WebAssembly addresses no more, and room is left for what comes from outside. */
const mostBytesInPlace = 2 ** 32 - 2 ** 24;

/** The graphs of the sessions, and the kernels that go on from them. */
function traceParts(options: AnyOptions): Parts<Part> {
  const { accumulate = 1, stepsPerRun = 1, inPlace = true } = options;
  if (stepsPerRun > 1) {
    const { graph, metricNames } = traceMany(options, stepsPerRun);
    return { several: { graph, metricNames, programs: [], calls: [] } };
  }
  const numBytes = statePorts(options).reduce(
    (sum, { dtype, shape }) => sum + numElements(shape) * dtypes[dtype].bytes,
    0,
  );
  const groups = inPlace && numBytes <= mostBytesInPlace ? stateGroups(options) : [];
  const split = ({ graph, metricNames, gradients }: TracedStep): Part => {
    const update: InPlaceUpdate = splitUpdate(graph, groups, gradients);
    return { ...update, metricNames };
  };
  if (accumulate === 1) return { single: split(traceOne(options)) };
  const { ofBatch, ofUpdate } = traceParted(options, accumulate);
  return { single: split(ofBatch), update: split(ofUpdate) };
}

function requireCounts(accumulate: number, stepsPerRun: number): void {
  for (const [name, count] of Object.entries({ accumulate, stepsPerRun })) {
    if (!Number.isInteger(count) || count < 1) {
      throw new RangeError(`compileTrainStep: ${name} must be a whole number of at least 1, got ${count}`);
    }
  }
  if (accumulate > 1 && stepsPerRun > 1) {
    throw new RangeError('compileTrainStep: accumulate and stepsPerRun do not go together; choose one');
  }
}
