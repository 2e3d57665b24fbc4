/** @file The page: trains the model step by step, draws the loss and what the network says of each place. */
import * as ort from 'onnxruntime-web/webgpu';
import {
  adamW,
  compileWebTrainStep,
  exportOnnx,
  float32,
  leaves,
  Rng,
  spec,
  type Tensor,
  trace,
} from '../../src/engine/browser.ts';
import { batchSize, drawBatch, initParams, loss, type Params, type ParamValues, probability } from './model.ts';

/** 600, or what the address says: `?steps=60`. */
const numSteps = Number(new URLSearchParams(location.search).get('steps') ?? 600);
const element = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
const [device, start, stop] = [
  element<HTMLSelectElement>('device'),
  element<HTMLButtonElement>('start'),
  element<HTMLButtonElement>('stop'),
];
const [status, progress] = [element('status'), element<HTMLProgressElement>('progress')];
ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'error';

let stopped = false;

async function train(): Promise<void> {
  [stopped, start.disabled, stop.disabled] = [false, true, false];
  const losses: number[] = [];
  try {
    status.textContent = 'Compiling …';
    const params = initParams(new Rng('spirals'));
    const step = await compileWebTrainStep(ort as never, {
      params,
      batch: { points: spec([batchSize, 2]), labels: spec([batchSize, 1]) },
      loss,
      optimizer: adamW({ learningRate: 0.01, weightDecay: 0.001 }),
      device: device.value as 'wasm' | 'webgpu',
    });
    const plane = await compilePlane(params);
    const rng = new Rng('points');
    const began = performance.now();
    while (step.step < numSteps && !stopped) {
      const batch = drawBatch(rng);
      losses.push((await step.run(batch)).loss);
      if (step.step % 25 === 0 || step.step === numSteps) {
        const rate = step.step / ((performance.now() - began) / 1000);
        const left = (numSteps - step.step) / rate;
        status.textContent = `Step ${step.step} of ${numSteps}, loss ${losses.at(-1)!.toFixed(3)}, ${rate.toFixed(0)} steps/s, ${left.toFixed(0)} s left`;
        progress.value = step.step / numSteps;
        drawCurve(losses);
        await plane.draw(await step.params(), batch);
        await new Promise(requestAnimationFrame);
      }
    }
    await step.close();
    await plane.close();
    status.textContent = `${stopped ? 'Stopped' : 'Done'} after ${losses.length} steps: loss ${losses.at(-1)?.toFixed(3)}`;
    document.body.dataset.losses = JSON.stringify(losses);
    document.body.dataset.state = stopped ? 'stopped' : 'done';
  } catch (error) {
    const advice = device.value === 'webgpu' ? ' This browser may have no WebGPU: choose WebAssembly.' : '';
    status.textContent = `Training failed: ${(error as Error).message}.${advice}`;
    document.body.dataset.state = 'failed';
  } finally {
    [start.disabled, stop.disabled] = [false, true];
  }
}

const gridSize = 64;

/** A session that says of each place of a grid which spiral it belongs to, and draws it. */
async function compilePlane(like: Params) {
  const specs = Object.fromEntries(leaves<Tensor>(like).map(([path, { shape }]) => [path, spec(shape)]));
  const graph = trace(
    (inputs: Record<string, never>) => {
      const values = inputs as Record<string, ParamValues['first']['weight']>;
      const layer = (name: string) => ({ weight: values[`${name}.weight`]!, bias: values[`${name}.bias`]! });
      const params = { first: layer('first'), second: layer('second'), third: layer('third') };
      return { probability: probability(params as ParamValues, values.points!) };
    },
    { ...specs, points: spec([gridSize * gridSize, 2]) } as never,
  );
  const session = await ort.InferenceSession.create(exportOnnx(graph), { executionProviders: ['wasm'] });
  const toOrt = (tensor: Tensor) =>
    new ort.Tensor(tensor.dtype as 'float32', tensor.data as Float32Array, tensor.shape);
  const grid = new Float32Array(gridSize * gridSize * 2);
  for (let i = 0; i < gridSize * gridSize; i++) {
    grid[2 * i] = ((i % gridSize) / (gridSize - 1)) * 2.4 - 1.2;
    grid[2 * i + 1] = (Math.floor(i / gridSize) / (gridSize - 1)) * 2.4 - 1.2;
  }
  return {
    async draw(params: Params, batch: { points: Tensor; labels: Tensor }) {
      const named = Object.fromEntries(leaves<Tensor>(params).map(([path, tensor]) => [path, toOrt(tensor)]));
      const { probability: result } = await session.run({ ...named, points: toOrt(float32(grid, [gridSize ** 2, 2])) });
      drawPlane(result!.data as Float32Array, batch);
    },
    close: () => session.release(),
  };
}

function drawPlane(probabilities: Float32Array, { points, labels }: { points: Tensor; labels: Tensor }): void {
  const canvas = element<HTMLCanvasElement>('plane');
  const context = canvas.getContext('2d')!;
  const cell = canvas.width / gridSize;
  probabilities.forEach((p, i) => {
    context.fillStyle = `rgb(${Math.round(255 - 115 * p)} ${Math.round(205 + 10 * p)} ${Math.round(140 + 115 * p)})`;
    context.fillRect((i % gridSize) * cell, Math.floor(i / gridSize) * cell, cell + 1, cell + 1);
  });
  const place = (value: number) => ((value + 1.2) / 2.4) * canvas.width;
  for (let i = 0; i < batchSize; i++) {
    context.fillStyle = Number(labels.data[i]) === 1 ? '#1a3f8f' : '#b34700';
    context.beginPath();
    context.arc(place(Number(points.data[2 * i])), place(Number(points.data[2 * i + 1])), 3, 0, 2 * Math.PI);
    context.fill();
  }
}

function drawCurve(losses: readonly number[]): void {
  const canvas = element<HTMLCanvasElement>('curve');
  const context = canvas.getContext('2d')!;
  const [left, bottom, top] = [44, canvas.height - 30, 14];
  const highest = Math.max(0.7, ...losses);
  const x = (i: number) => left + (i / numSteps) * (canvas.width - left - 20);
  const y = (value: number) => bottom - (value / highest) * (bottom - top);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.font = '12px system-ui';
  context.fillStyle = '#555';
  context.strokeStyle = '#ddd';
  for (const tick of [0, 0.2, 0.4, 0.6]) {
    context.fillText(tick.toFixed(1), 14, y(tick) + 4);
    context.beginPath();
    context.moveTo(left, y(tick));
    context.lineTo(canvas.width - 10, y(tick));
    context.stroke();
  }
  for (const part of [0, 1, 2, 3]) {
    const tick = Math.round((numSteps * part) / 3);
    context.fillText(String(tick), x(tick) - 8, bottom + 18);
  }
  context.strokeStyle = '#1a3f8f';
  context.lineWidth = 2;
  context.beginPath();
  for (const [i, value] of losses.entries()) context[i === 0 ? 'moveTo' : 'lineTo'](x(i), y(value));
  context.stroke();
}

start.addEventListener('click', () => void train());
stop.addEventListener('click', () => {
  stopped = true;
});
