/**
 * @file The compiled training step: its session runs beside the state that it advances, off the event loop. The session gives
 * gradients, then kernels update parameters and optimizer state where they lie; nothing is written before the session has ended well,
 * so that a step that fails or is cancelled leaves everything as it was.
 */
import { leaves, ShapeError, scalar, type Tensor, type Tree, treeFromLeaves } from '../core/index.ts';
import type { Graph, ValueSpec } from '../graph/index.ts';
import type { AdvancePhase, HeldState, KernelsId, Session, SessionThread } from '../runtime/index.ts';
import type { Optimizer } from './optimizer.ts';
import type { StepFigures, TrainStepOptions } from './step-options.ts';
import { joined, namedLeaves, seedTensor } from './step-state.ts';

/** A session with the names of the figures that it gives. */
export interface Loaded {
  readonly session: Session;
  readonly metricNames: readonly string[];
  /** What updates the state after the session. */
  readonly kernels?: KernelsId;
}

/** The sessions of a step and where they run. */
export interface StepSessions {
  /** The graph of one step, or of one batch where batches are accumulated. */
  readonly graph: () => Graph;
  readonly thread: SessionThread;
  readonly state: HeldState;
  /** One step on one batch; or, where batches are accumulated, the gradients of one batch. */
  readonly single: () => Promise<Loaded>;
  /** `stepsPerRun` steps in one run. */
  readonly several?: Loaded;
  /** The update from accumulated gradients. */
  readonly update?: Loaded;
}

/** How a run can be cancelled. */
export interface RunOptions {
  /** Cancels the run: it rejects at once with the signal's reason, and the state is as it was before. */
  readonly signal?: AbortSignal;
}

/** A compiled training step with the parameters and optimizer state that it advances. */
export class TrainStep<P, Batch> {
  readonly #sessions: StepSessions;
  readonly #options: TrainStepOptions<Tree<Tensor>, Tree<ValueSpec>>;
  readonly #like: P;
  #step = 0;
  #version = 0;
  /** The steps that the run under way takes; 0 if there is none. */
  #underWay = 0;

  /** Use `compileTrainStep`. */
  constructor(sessions: StepSessions, options: TrainStepOptions<Tree<Tensor>, Tree<ValueSpec>>) {
    this.#sessions = sessions;
    this.#options = options;
    this.#like = options.params as P;
  }

  /** The graph of the step, with the update in it; of one batch where batches are accumulated, of `stepsPerRun` steps where there are. */
  get graph(): Graph {
    return this.#sessions.graph();
  }

  /** How many steps have been taken. */
  get step(): number {
    return this.#step;
  }

  /**
   * Takes one step on a batch (on an array of them where the step accumulates) and returns its figures, of before the update. The
   * event loop stays free meanwhile. If it fails or is cancelled, the state is as it was.
   * @throws ShapeError or DtypeError if the batch is not what was compiled for.
   * @throws WorkerError if the thread of the step has ended.
   */
  async run(batch: Batch | readonly Batch[], options: RunOptions = {}): Promise<StepFigures> {
    return this.#exclusively(1, async () => {
      const { update, single } = this.#sessions;
      const hyper = hyperFeeds(this.#options.optimizer, this.#step, 'hyper');
      if (update === undefined) {
        const loaded = await single();
        const { metricNames } = loaded;
        const feeds = { ...namedLeaves(batch, 'batch'), ...hyper, random: this.#seed(0) };
        const [outputs] = await this.#advance([{ ...loaded, feeds }], options);
        return figuresOf(outputs!, metricNames, 'figure');
      }
      const loaded = await single();
      const { metricNames } = loaded;
      const batches = this.#accumulated(batch);
      const phases = batches.map((one, i) => ({
        ...loaded,
        feeds: { ...namedLeaves(one, 'batch'), random: this.#seed(0, i) },
      }));
      const outputs = await this.#advance([...phases, { ...update, feeds: hyper }], options);
      const perBatch = outputs.slice(0, -1).map((one) => figuresOf(one, metricNames, 'figure'));
      return { ...meanOf(perBatch), ...figuresOf(outputs.at(-1)!, update.metricNames, 'figure') };
    });
  }

  /**
   * Takes a step on each batch, `stepsPerRun` of them in one session run where there are so many left. What a run has ended stays
   * when a later one fails or is cancelled.
   */
  async runMany(batches: readonly (Batch | readonly Batch[])[], options: RunOptions = {}): Promise<StepFigures[]> {
    const { several } = this.#sessions;
    const size = several === undefined ? 1 : (this.#options.stepsPerRun ?? 1);
    const figures: StepFigures[] = [];
    for (let at = 0; at < batches.length; ) {
      const some = batches.slice(at, at + size);
      if (several === undefined || some.length < size) figures.push(await this.run(batches[at++]!, options));
      else {
        figures.push(...(await this.#runSeveral(several, some, options)));
        at += size;
      }
    }
    return figures;
  }

  #runSeveral({ session, metricNames }: Loaded, batches: readonly unknown[], options: RunOptions) {
    return this.#exclusively(batches.length, async () => {
      const feeds = batches.map((batch, i) => ({
        ...namedLeaves(batch, `batch.${i}`),
        ...hyperFeeds(this.#options.optimizer, this.#step + i, `hyper.${i}`),
        [`random.${i}`]: this.#seed(i),
      }));
      const [outputs] = await this.#advance([{ session, feeds: Object.assign({}, ...feeds) }], options);
      return batches.map((_, i) => figuresOf(outputs!, metricNames, `figure.${i}`));
    });
  }

  /** The seed of what is drawn in the step that is so many ahead, for one of its batches. */
  #seed(ahead: number, batch = 0): Tensor {
    return seedTensor(this.#options.seed, this.#step + ahead, batch);
  }

  async #exclusively<T>(numSteps: number, run: () => Promise<T>): Promise<T> {
    if (this.#underWay > 0) throw new TypeError('TrainStep.run: the step before has not ended; await it first');
    this.#underWay = numSteps;
    try {
      const result = await run();
      this.#step += numSteps;
      return result;
    } finally {
      this.#underWay = 0;
    }
  }

  async #advance(phases: readonly AdvancePhase[], { signal }: RunOptions): Promise<Record<string, Tensor>[]> {
    const outputs = await this.#sessions.state.advance(phases, signal);
    this.#version++;
    return outputs;
  }

  #accumulated(batch: unknown): readonly unknown[] {
    const numBatches = this.#options.accumulate ?? 1;
    if (Array.isArray(batch) && batch.length === numBatches) return batch;
    const came = Array.isArray(batch) ? `${batch.length}` : 'no array';
    throw new ShapeError(
      `TrainStep.run: it accumulates ${numBatches} batches and needs an array of so many, got ${came}`,
    );
  }

  /** A copy of the parameters, in the form in which they were given. */
  params(): P {
    return this.#treeOf('params');
  }

  /** A copy of the moving averages of the parameters. @throws TypeError if the step was compiled without `ema`. */
  emaParams(): P {
    if (this.#options.ema === undefined)
      throw new TypeError('TrainStep.emaParams: compile the step with `ema` to keep it');
    return this.#treeOf('ema');
  }

  #treeOf(prefix: string): P {
    const names = new Map(
      leaves<Tensor>(this.#like as Tree<Tensor>).map(([path]) => [joined(prefix, path), path] as const),
    );
    const { state } = this.#sessions;
    const { tensors } = state.read(state.ports.filter(({ name }) => names.has(name)));
    const named = new Map([...tensors].map(([name, tensor]) => [names.get(name)!, tensor]));
    const rebuild = treeFromLeaves as (like: P, named: ReadonlyMap<string, Tensor>) => unknown;
    return rebuild(this.#like, named) as P;
  }

  /** A copy of everything that `load` needs to go on from here: parameters and optimizer state by name. */
  state(): { step: number; tensors: Map<string, Tensor> } {
    const { version, tensors } = this.#sessions.state.read();
    // A run may have ended in its thread of which this one has not heard yet.
    return { step: this.#step + (version === this.#version ? 0 : this.#underWay), tensors };
  }

  /**
   * Goes on from a state that `state` gave.
   * @throws ShapeError if a tensor is missing or does not fit.
   * @throws TypeError while a step runs.
   */
  load(state: { step: number; tensors: ReadonlyMap<string, Tensor> }): void {
    if (this.#underWay > 0) throw new TypeError('TrainStep.load: a step has not ended; await it first');
    const { state: held } = this.#sessions;
    const loaded = held.ports.map(({ name, dtype, shape }) => {
      const tensor = state.tensors.get(name);
      if (tensor?.dtype !== dtype || tensor.shape.join() !== shape.join()) {
        throw new ShapeError(
          `TrainStep.load: "${name}" must be ${dtype}[${shape}], got ${tensor ? `${tensor.dtype}[${tensor.shape}]` : 'nothing'}`,
        );
      }
      return [name, tensor] as const;
    });
    // Fails only if the thread has ended, and then so does all that follows.
    held.write(Object.fromEntries(loaded)).catch(() => {});
    this.#step = state.step;
  }

  /** Frees the session. */
  async close(): Promise<void> {
    await this.#sessions.thread.close();
  }
}

function hyperFeeds(optimizer: Optimizer, step: number, prefix: string): Record<string, Tensor> {
  const hyper = optimizer.hyperparameters(step);
  return Object.fromEntries(Object.entries(hyper).map(([name, value]) => [`${prefix}.${name}`, scalar(value)]));
}

function figuresOf(outputs: Readonly<Record<string, Tensor>>, names: readonly string[], prefix: string): StepFigures {
  return Object.fromEntries(names.map((name) => [name, Number(outputs[`${prefix}.${name}`]!.data[0])])) as StepFigures;
}

function meanOf(figures: readonly StepFigures[]): StepFigures {
  const names = Object.keys(figures[0]!);
  const mean = (name: string) => figures.reduce((sum, one) => sum + one[name]!, 0) / figures.length;
  return Object.fromEntries(names.map((name) => [name, mean(name)])) as StepFigures;
}
