/**
 * @file How long a training step takes to come to be, in a process that has compiled nothing before: a transformer of 12 layers, as wide
 * as BERT base. Answers `measure` once.
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

async function measure(numThreads: number): Promise<CompileFigures> {
  const params = initTransformer(new Rng('compile'), sizes);
  const ids = spec([sizes.batch, sizes.time], 'int64');
  const [loss, update] = [
    { begin: 0, end: 0 },
    { begin: 0, end: 0 },
  ];
  const compile = compileTrainStep as unknown as (
    options: unknown,
  ) => Promise<{ graph: Parameters<typeof exportOnnx>[0] }>;
  const begin = performance.now();
  const step = await compile({
    params,
    batch: { tokens: ids, targets: ids },
    loss(p: Transformer<Value>, b: { tokens: Value; targets: Value }) {
      loss.begin = performance.now();
      const value = transformerLoss(p, b, sizes);
      loss.end = performance.now();
      return value;
    },
    optimizer: timed(adamW({ learningRate: 1e-3, maxGradNorm: 1 }), update),
    runtime: { numThreads },
  });
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

await answerLines({ measure: (threads) => measure(Number(threads)) });
