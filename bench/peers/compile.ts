/**
 * @file How long a training step takes to come to be, in a process that has compiled nothing before: a transformer of 12 layers, as wide
 * as BERT base. Usage: `compile.js <threads>`; answers `measure` or `cached <folder>` once.
 */
import { adamW, compileTrainStep, exportOnnx, type Optimizer, Rng, spec, type Value } from '../../src/engine/index.ts';
import { answerLines } from '../harness/answer.ts';
import { initTransformer, type Transformer, transformerLoss } from '../workloads/transformer.ts';

/** Milliseconds of each phase, and what the graph holds. */
export interface CompileFigures {
  readonly whole: number;
  /** The loss function called with values: the forward graph. */
  readonly trace: number;
  /** The backward graph. */
  readonly differentiate: number;
  /** The optimizer's part of the graph. */
  readonly update: number;
  /** Rewriting and writing the graph as ONNX. */
  readonly export: number;
  /** All the rest: ONNX Runtime loads it, and the state is laid out. */
  readonly load: number;
  readonly numNodes: number;
}

const sizes = { numLayers: 12, dim: 768, numHeads: 12, batch: 8, time: 128, numClasses: 1000 };

/** The optimizer, telling when it begins and ends to describe an update. */
function timed(optimizer: Optimizer, times: { begin: number; end: number }): Optimizer {
  return {
    ...optimizer,
    update(...args) {
      times.begin = performance.now();
      const updated = optimizer.update(...args);
      times.end = performance.now();
      return updated;
    },
  };
}

const numThreads = Number(process.argv[2] ?? 1);
const compile = compileTrainStep as unknown as (
  options: unknown,
) => Promise<{ graph: Parameters<typeof exportOnnx>[0]; close(): Promise<void> }>;

/** What is compiled, with the times at which the loss begins and ends. */
function description(times: { begin: number; end: number }) {
  const ids = spec([sizes.batch, sizes.time], 'int64');
  return {
    params: initTransformer(new Rng('compile'), sizes),
    batch: { tokens: ids, targets: ids },
    loss(p: Transformer<Value>, b: { tokens: Value; targets: Value }) {
      times.begin = performance.now();
      const value = transformerLoss(p, b, sizes);
      times.end = performance.now();
      return value;
    },
  };
}

async function measure(): Promise<CompileFigures> {
  const [loss, update] = [
    { begin: 0, end: 0 },
    { begin: 0, end: 0 },
  ];
  const described = description(loss);
  const begin = performance.now();
  const optimizer = timed(adamW({ learningRate: 1e-3, maxGradNorm: 1 }), update);
  const step = await compile({ ...described, optimizer, runtime: { numThreads } });
  const whole = performance.now() - begin;
  const beginExport = performance.now();
  exportOnnx(step.graph);
  const exported = performance.now() - beginExport;
  return {
    whole,
    trace: loss.end - loss.begin,
    differentiate: update.begin - loss.end,
    update: update.end - update.begin,
    export: exported,
    load: begin + whole - update.end - exported,
    numNodes: step.graph.nodes.length,
  };
}

/** Milliseconds that the same takes with a folder for what was compiled before. */
async function measureCached(cache: string): Promise<{ readonly whole: number }> {
  const described = description({ begin: 0, end: 0 });
  const begin = performance.now();
  const optimizer = adamW({ learningRate: 1e-3, maxGradNorm: 1 });
  const step = await compile({ ...described, optimizer, runtime: { numThreads, cache }, cacheKey: 'bench' });
  const whole = performance.now() - begin;
  await step.close();
  return { whole };
}

await answerLines({ measure, cached: measureCached });
