/**
 * @file The training step in a browser: the same graph as `compileTrainStep` makes, run by onnxruntime-web in WebAssembly or WebGPU. The
 * caller brings the module onnxruntime-web, so that the engine depends on nothing that a browser lacks. On WebGPU the state stays
 * in the memory of the device from step to step. No accumulation and no several steps a run here.
 */

import type { MapLeaves } from '../../core/index.ts';
import { ShapeError, scalar, Tensor, type Tree, treeFromLeaves } from '../../core/index.ts';
import { type Graph, type ValueSpec, withFastDepthwise } from '../../graph/index.ts';
import { exportOnnx } from '../../onnx/index.ts';
import { traceTrainStep } from '../step-graph.ts';
import type { StepDescription, StepFigures } from '../step-options.ts';
import { namedLeaves, seedTensor, startState } from '../step-state.ts';

/** A tensor of onnxruntime-web, as far as it is used here. */
export interface WebTensor {
  readonly type: string;
  readonly dims: readonly number[];
  getData(releaseData?: boolean): Promise<unknown>;
  dispose(): void;
}

/** A session of onnxruntime-web, as far as it is used here. */
export interface WebSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Record<string, WebTensor>): Promise<Readonly<Record<string, WebTensor>>>;
  release(): Promise<void>;
}

/** The module onnxruntime-web, as far as it is used here; `never` stands for types of its own. */
export interface WebRuntime {
  readonly Tensor: new (type: never, data: never, dims: readonly number[]) => WebTensor;
  readonly InferenceSession: { create(model: Uint8Array, options: never): Promise<WebSession> };
}

/** What a step in a browser is made from. */
export interface WebStepOptions<P extends Tree<Tensor>, B extends Tree<ValueSpec>>
  extends Omit<StepDescription<P, B>, 'accumulate'> {
  /** Where it runs: 'wasm' on the processor, 'webgpu' on the graphics card; there is no silent fallback. */
  readonly device: 'wasm' | 'webgpu';
}

/** A training step in a browser, with the parameters and optimizer state that it advances. */
export class WebTrainStep<P, Batch> {
  readonly graph: Graph;
  readonly #runtime: WebRuntime;
  readonly #session: WebSession;
  readonly #options: WebStepOptions<Tree<Tensor>, Tree<ValueSpec>>;
  readonly #metricNames: readonly string[];
  #state: Readonly<Record<string, WebTensor>>;
  #step = 0;
  #running = false;

  /** Use `compileWebTrainStep`. */
  constructor(
    runtime: WebRuntime,
    session: WebSession,
    traced: { readonly graph: Graph; readonly metricNames: readonly string[] },
    options: WebStepOptions<Tree<Tensor>, Tree<ValueSpec>>,
  ) {
    this.graph = traced.graph;
    this.#metricNames = traced.metricNames;
    this.#runtime = runtime;
    this.#session = session;
    this.#options = options;
    this.#state = mapValues(startState(options), (tensor) => this.#toWeb(tensor));
  }

  /** How many steps have been taken. */
  get step(): number {
    return this.#step;
  }

  /**
   * Takes one step on a batch and returns its figures, of before the update. If it fails, the state is as it was.
   * @throws TypeError while the step before has not ended.
   */
  async run(batch: Batch): Promise<StepFigures> {
    if (this.#running) throw new TypeError('WebTrainStep.run: the step before has not ended; await it first');
    this.#running = true;
    try {
      const hyper = mapValues(this.#options.optimizer.hyperparameters(this.#step), (value) => scalar(value));
      const random = seedTensor(this.#options.seed, this.#step);
      const given = { ...namedLeaves(batch, 'batch'), ...namedLeaves(hyper, 'hyper'), random };
      const all = { ...this.#state, ...mapValues(given, (tensor) => this.#toWeb(tensor)) };
      const feeds = Object.fromEntries(
        this.#session.inputNames.map((name) => {
          const tensor = all[name];
          if (tensor === undefined) throw new ShapeError(`WebTrainStep.run: the batch lacks "${name}"`);
          return [name, tensor];
        }),
      );
      const results = await this.#session.run(feeds);
      const next = Object.fromEntries(Object.keys(this.#state).map((name) => [name, results[`next.${name}`]!]));
      for (const [name, old] of Object.entries(this.#state)) if (old !== next[name]) old.dispose();
      this.#state = next;
      this.#step++;
      const figures = this.#metricNames.map(async (name) => {
        const data = (await results[`figure.${name}`]!.getData(true)) as ArrayLike<number>;
        return [name, Number(data[0])] as const;
      });
      return Object.fromEntries(await Promise.all(figures)) as StepFigures;
    } finally {
      this.#running = false;
    }
  }

  /** A copy of the parameters, in the form in which they were given. */
  async params(): Promise<P> {
    const named = new Map<string, Tensor>();
    for (const [name, like] of Object.entries(namedLeaves(this.#options.params, 'params'))) {
      const data = (await this.#state[name]!.getData()) as Float32Array;
      named.set(name.replace(/^params\.?/, ''), new Tensor('float32', like.shape, data.slice()));
    }
    const rebuild = treeFromLeaves as (like: unknown, named: ReadonlyMap<string, Tensor>) => unknown;
    return rebuild(this.#options.params, named) as P;
  }

  /** Frees the session and the state. */
  async close(): Promise<void> {
    for (const tensor of Object.values(this.#state)) tensor.dispose();
    await this.#session.release();
  }

  #toWeb(tensor: Tensor): WebTensor {
    return new this.#runtime.Tensor(tensor.dtype as never, tensor.data.slice() as never, tensor.shape);
  }
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, transform: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, transform(value)]));
}

/**
 * Compiles a training step for the browser.
 * @param runtime the module onnxruntime-web (`onnxruntime-web/webgpu` for WebGPU).
 * @throws ShapeError if the loss or a metric is not a scalar.
 */
export async function compileWebTrainStep<const P extends Tree<Tensor>, const B extends Tree<ValueSpec>>(
  runtime: WebRuntime,
  options: WebStepOptions<P, B>,
): Promise<WebTrainStep<P, MapLeaves<B, ValueSpec, Tensor>>> {
  const traced = traceTrainStep(options);
  const stays = Object.fromEntries(
    traced.graph.outputs.map(({ name }) => [name, name.startsWith('next.') ? 'gpu-buffer' : 'cpu']),
  );
  const session = await runtime.InferenceSession.create(exportOnnx(withFastDepthwise(traced.graph, undefined)), {
    executionProviders: [options.device],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    ...(options.device === 'webgpu' ? { preferredOutputLocation: stays } : {}),
  } as never);
  return new WebTrainStep(runtime, session, traced, options as never);
}
