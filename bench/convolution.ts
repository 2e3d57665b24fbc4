/**
 * @file `npm run bench -- convolution`: convolutions forward and their gradients toward the input and the weights, in the forms that the engine
 * chooses, against PyTorch on the CPU; and the other forms that a gradient toward the weights can take.
 * Options: `--json`, `--write`, `--only <part of a name>`, `--forms`, `--rounds <n>`, `--threads <n>`.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type GradientRule, gradientRules, type RuleContext } from '../src/engine/autodiff/index.ts';
import {
  type ConvolutionSizes,
  formOf,
  type WeightForm,
  weightCotangent,
} from '../src/engine/autodiff/rules/convolution-forms.ts';
import {
  compile,
  conv,
  type Executable,
  type Node,
  numElements,
  spec,
  Tensor,
  trace,
  type Value,
} from '../src/engine/index.ts';
import { machineLine } from './harness/machine.ts';
import { type Contender, interleave } from './harness/measure.ts';
import { findPythonWith, Peer } from './harness/peer.ts';
import { type Row, report, tell } from './harness/report.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean' },
    write: { type: 'boolean' },
    only: { type: 'string', default: '' },
    forms: { type: 'boolean' },
    rounds: { type: 'string', default: '8' },
    threads: { type: 'string', default: '2' },
  },
});
const numThreads = Number(options.threads);
const runsPerBlock = 3;

/** A convolution: x `[B, C, H, W]`, w `[O, C / G, K, K]`. */
interface Case {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly stride?: number;
  readonly groups?: number;
}

const cases: Readonly<Record<string, Case>> = {
  '3x3': { x: [16, 64, 32, 32], w: [64, 64, 3, 3] },
  '3x3, deep': { x: [16, 256, 8, 8], w: [256, 256, 3, 3] },
  '3x3, steps of 2': { x: [16, 64, 32, 32], w: [128, 64, 3, 3], stride: 2 },
  '3x3 of colours, steps of 2': { x: [16, 3, 160, 160], w: [32, 3, 3, 3], stride: 2 },
  '3x3 in 4 groups': { x: [16, 64, 32, 32], w: [64, 16, 3, 3], groups: 4 },
  '1x1': { x: [16, 96, 20, 20], w: [576, 96, 1, 1] },
  '1x1, steps of 2': { x: [16, 64, 32, 32], w: [128, 64, 1, 1], stride: 2 },
  'depthwise, wide': { x: [16, 96, 40, 40], w: [96, 1, 3, 3], groups: 96 },
  'depthwise, narrow': { x: [16, 576, 10, 10], w: [576, 1, 3, 3], groups: 576 },
  'depthwise, steps of 2': { x: [16, 96, 80, 80], w: [96, 1, 3, 3], stride: 2, groups: 96 },
};
const parts = ['forward', 'input', 'weight'] as const;
type Part = (typeof parts)[number];

/** What a peer answers. */
interface Answer {
  readonly milliseconds: readonly number[];
  readonly mean: number;
}

/** The same numbers in every process. */
function drawn(shape: readonly number[]): Tensor<'float32'> {
  const data = new Float32Array(numElements(shape));
  for (let i = 0; i < data.length; i++) data[i] = ((i * 7919) % 1009) / 1009 - 0.5;
  return new Tensor('float32', shape, data);
}

/** The window of a case, padded so that the size stays. */
function movesOf({ w, stride = 1, groups = 1 }: Case) {
  const pads = new Array<number>(4).fill((w[2]! - 1) >> 1);
  return { strides: [stride, stride], pads, dilations: [1, 1], group: groups };
}

/** The graph of one part, as the rule makes it or with the gradient toward the weights in a given form. */
function graphOf(one: Case, part: Part, form?: WeightForm) {
  const { group, ...window } = movesOf(one);
  const forward = trace(({ x, w }) => conv(x, w, undefined, { ...window, group }), { x: spec(one.x), w: spec(one.w) });
  if (part === 'forward') return forward;
  const output = forward.outputs[0]!.value.shape;
  return trace(
    ({ x, w, g }: Record<'x' | 'w' | 'g', Value>) => {
      if (form !== undefined) return weightCotangent(x, g, one.w, window, group, form);
      const result = conv(x, w, undefined, { ...window, group });
      const { node } = result.origin as { node: Node };
      const context: RuleContext = {
        node,
        inputs: node.inputs,
        outputs: node.outputs,
        cotangents: [g],
        cotangent: g,
        needs: (index) => index === (part === 'input' ? 0 : 1),
      };
      const rule = gradientRules.Conv as GradientRule;
      return rule(context)[part === 'input' ? 0 : 1]!;
    },
    { x: spec(one.x), w: spec(one.w), g: spec(output) },
  );
}

/** A compiled part with its inputs; runs it and gives milliseconds. */
async function ours(one: Case, part: Part, form?: WeightForm) {
  const graph = graphOf(one, part, form);
  const executable: Executable = await compile(graph, { numThreads });
  const feeds = Object.fromEntries(executable.inputs.map(({ name, shape }) => [name, drawn(shape as number[])]));
  const { output } = await executable.run(feeds);
  const into = { output: output! };
  const mean = (output!.data as Float32Array).reduce((sum, value) => sum + Math.abs(value), 0) / output!.data.length;
  const sample = async (): Promise<number[]> => {
    const milliseconds: number[] = [];
    for (let i = 0; i < runsPerBlock; i++) {
      const begin = performance.now();
      await executable.run(feeds, into);
      milliseconds.push(performance.now() - begin);
    }
    return milliseconds;
  };
  return { sample, mean, close: () => executable.close() };
}

const sizesOf = (one: Case): ConvolutionSizes => {
  const { group, ...window } = movesOf(one);
  const output = graphOf(one, 'forward').outputs[0]!.value.shape as number[];
  return { input: one.x, output, weight: one.w, window, group };
};

const python = findPythonWith('torch');
const peer =
  python === undefined
    ? undefined
    : new Peer(python, [fileURLToPath(new URL('./peers/convolution.py', import.meta.url)), String(numThreads)], {
        OMP_NUM_THREADS: String(numThreads),
        OPENBLAS_NUM_THREADS: String(numThreads),
        OMP_WAIT_POLICY: 'PASSIVE',
      });
if (!peer) tell('PyTorch was not found, so there is no comparison: apt-get install python3-torch libopenblas0-pthread');

/** PyTorch's time and result of a part. */
const askPeer = (one: Case, part: Part): Promise<Answer> => {
  const { strides, pads, group } = movesOf(one);
  const given = { x: one.x, w: one.w, stride: strides, pads: pads.slice(0, 2), groups: group };
  return peer!.ask<Answer>(`${part} ${runsPerBlock} ${JSON.stringify(given)}`);
};

async function benchPart(name: string, one: Case, part: Part): Promise<Row> {
  const own = await ours(one, part);
  try {
    const contenders: Contender[] = [{ name: 'ours', sample: own.sample }];
    if (peer) {
      const { mean } = await askPeer(one, part);
      if (Math.abs(mean - own.mean) > 1e-3 * Math.abs(mean)) {
        throw new Error(`${name}, ${part}: the results differ: ours ${own.mean} in the mean, PyTorch ${mean}`);
      }
      contenders.push({ name: 'PyTorch', sample: async () => (await askPeer(one, part)).milliseconds });
    }
    const figures = await interleave(contenders, { rounds: Number(options.rounds), pauseMs: 20 });
    const label = part === 'forward' ? part : `toward the ${part}${part === 'weight' ? 's' : ''}`;
    return {
      name: `${name}: ${label}`,
      unit: 'ms',
      ours: figures.get('ours')!.minimum,
      peers: peer ? { PyTorch: figures.get('PyTorch')!.minimum } : {},
    };
  } finally {
    await own.close();
  }
}

/** The forms that the gradient toward the weights of a case can take. */
function formsOf(one: Case): readonly WeightForm[] {
  const isDepthwise = one.w[1] === 1 && one.groups === one.w[0];
  return isDepthwise
    ? ['planes', 'diagonals', 'multiply and sum', 'convolution']
    : ['per sample', 'over the batch', 'convolution'];
}

async function benchForms(name: string, one: Case): Promise<string> {
  const forms = await Promise.all(
    formsOf(one).map(async (form) => ({ name: form, ...(await ours(one, 'weight', form)) })),
  );
  const figures = await interleave(forms, { rounds: Number(options.rounds), pauseMs: 20 });
  await Promise.all(forms.map((form) => form.close()));
  const chosen = formOf(sizesOf(one));
  const list = forms.map((form) => `${form.name} ${figures.get(form.name)!.minimum.toPrecision(3)} ms`);
  return `${name}: toward the weights ${list.join(', ')}; chosen: ${chosen}.`;
}

try {
  const rows: Row[] = [];
  const notes: string[] = [];
  for (const [name, one] of Object.entries(cases).filter(([key]) => key.includes(options.only))) {
    tell(name);
    for (const part of parts) rows.push(await benchPart(name, one, part));
    if (options.forms) notes.push(await benchForms(name, one));
  }
  const info = peer && (await peer.ask<{ version: string }>('info'));
  await report({
    bench: 'convolution',
    machine: machineLine(info ? [info.version] : []),
    rows,
    notes: [
      `${numThreads} threads, minima; PyTorch with OMP_WAIT_POLICY=PASSIVE, which suits it best. The mean absolute value of every result agrees to 1e-3.`,
      ...Object.entries(cases).map(([name, { x, w }]) => `${name}: x [${x}], w [${w}].`),
      ...notes,
    ],
  });
} finally {
  await peer?.close();
}
