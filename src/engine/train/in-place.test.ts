import { afterEach, describe, expect, it } from 'vitest';
import { float32, leaves, Rng, type Tensor, type Tree } from '../core/index.ts';
import { add, gemm, mul, reduceMean, relu, softmax, spec, square, sub, type Value } from '../graph/index.ts';
import { splitUpdate } from './in-place.ts';
import { adamW, compileTrainStep, type TrainStepOptions } from './index.ts';
import { traceTrainStep } from './step-graph.ts';
import { stateGroups } from './step-state.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((step) => step.close()));
});

const draw = (rng: Rng, shape: readonly number[]) =>
  float32(rng.fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1))), shape);

/** Parameters of many sizes: single numbers, fewer than 4, no multiple of 4, and more than one piece of a kernel's room. */
function start() {
  const rng = new Rng('in place');
  return {
    first: draw(rng, [5, 4001]),
    bias: draw(rng, [4001]),
    second: draw(rng, [4001, 3]),
    gain: draw(rng, []),
    shift: draw(rng, [3]),
  };
}
type Params = ReturnType<typeof start>;

const batchSpec = { x: spec([4, 5]), y: spec([4, 3]) };

function options(): TrainStepOptions<Params, typeof batchSpec> {
  return {
    params: start(),
    batch: batchSpec,
    loss: (params, batch) => {
      const hidden = softmax(relu(gemm(batch.x as Value, params.first as Value, params.bias as Value)));
      const out = add(gemm(hidden, params.second as Value), params.shift as Value);
      return reduceMean(square(sub(mul(out, params.gain as Value), batch.y as Value)));
    },
    optimizer: adamW({ learningRate: 0.05, weightDecay: 0.1, maxGradNorm: 0.5 }),
    ema: { decay: 0.9 },
    runtime: { numThreads: 1 },
  };
}

function batches(count: number) {
  const rng = new Rng('batches');
  return Array.from({ length: count }, () => ({ x: draw(rng, [4, 5]), y: draw(rng, [4, 3]) }));
}

async function compile(more: Partial<TrainStepOptions<Params, typeof batchSpec>>) {
  const step = await compileTrainStep({ ...options(), ...more });
  open.push(step);
  return step;
}

/** The largest difference between the states of two steps. */
function difference(
  a: { state(): { tensors: Map<string, Tensor> } },
  b: { state(): { tensors: Map<string, Tensor> } },
) {
  const [ofA, ofB] = [a.state().tensors, b.state().tensors];
  expect([...ofA.keys()]).toEqual([...ofB.keys()]);
  const differences = [...ofA].map(([name, tensor]) => {
    const other = ofB.get(name)!.data as Float32Array;
    return Math.max(...(tensor.data as Float32Array).map((value, i) => Math.abs(value - other[i]!)));
  });
  return Math.max(...differences);
}

describe('the update in place', () => {
  it('takes AdamW with clipping and an average out of the session, but for parameters that are single numbers', () => {
    const traced = traceTrainStep(options());
    const split = splitUpdate(traced.graph, stateGroups(options()), traced.gradients);
    const left = split.graph.outputs.map(({ name }) => name).filter((name) => name.startsWith('next.'));
    expect(left).toEqual(['next.params.gain', 'next.m.gain', 'next.v.gain', 'next.ema.gain']);
    const needed = split.graph.inputs.map(({ name }) => name).filter((name) => /^(m|v|ema)\./.test(name));
    expect(needed).toEqual(['m.gain', 'v.gain', 'ema.gain']);
    expect(split.calls).toHaveLength(leaves<Tensor>(start() as Tree<Tensor>).length - 1);
    // Those that decay, and those that do not.
    expect(split.programs).toHaveLength(2);
    expect(split.graph.nodes.length).toBeLessThan(traced.graph.nodes.length / 2);
  });

  it('gives what the session gives', async () => {
    const [inPlace, inSession] = [await compile({}), await compile({ inPlace: false })];
    for (const batch of batches(5)) {
      const [a, b] = [await inPlace.run(batch), await inSession.run(batch)];
      expect(a.loss).toBeCloseTo(b.loss, 5);
      expect(a.gradientNorm!).toBeCloseTo(b.gradientNorm!, 5);
    }
    expect(difference(inPlace, inSession)).toBeLessThan(2e-6);
  });

  it('gives what the session gives where batches are accumulated', async () => {
    const [inPlace, inSession] = [await compile({ accumulate: 3 }), await compile({ accumulate: 3, inPlace: false })];
    const all = batches(6);
    for (const three of [all.slice(0, 3), all.slice(3)]) {
      const [a, b] = [await inPlace.run(three), await inSession.run(three)];
      expect(a.loss).toBeCloseTo(b.loss, 5);
    }
    expect(difference(inPlace, inSession)).toBeLessThan(2e-6);
  });

  it('leaves the state as it was when a run fails or is cancelled', async () => {
    const step = await compile({});
    const [first, second] = batches(2);
    await step.run(first!);
    const before = step.state();
    await expect(step.run({ ...second!, x: draw(new Rng(1), [4, 6]) })).rejects.toThrow('needs float32[4,5]');
    const cancelling = new AbortController();
    const running = step.run(second!, { signal: cancelling.signal });
    cancelling.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    expect(step.state()).toEqual(before);
    await step.run(second!);
    expect(step.state()).not.toEqual(before);
  });
});
