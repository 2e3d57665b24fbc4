/** @file Gradient rules of convolutions; the forms that they take are in `convolution-forms.ts`. g is the cotangent of the result. */
import { ShapeError, staticShape, UnsupportedOpError } from '../../core/index.ts';
import {
  add,
  applyOp,
  constantIntsOf,
  conv,
  type convolutionOps,
  floatsOf,
  intOf,
  type Node,
  ops,
  reduceSum,
  stringOf,
  type Value,
  windowOf,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, type NotDifferentiable, type RuleContext } from '../rule.ts';
import { activationRules } from './activation.ts';
import { inputCotangent, type Window, weightCotangent } from './convolution-forms.ts';
import { trigonometricRules } from './trigonometric.ts';

type Rules = { readonly [Op in keyof typeof convolutionOps]: GradientRule | NotDifferentiable };

const shapeOf = (value: Value) => staticShape(value.shape, 'gradient of a convolution');

function biasCotangent(g: Value): Value {
  return reduceSum(g, { axes: g.shape.map((_, axis) => axis).filter((axis) => axis !== 1) });
}

const convRule: GradientRule = (context) => {
  const [x, w, g] = [inputAt(context, 0), inputAt(context, 1), context.cotangent];
  const { attributes } = context.node;
  const window = windowOf(attributes, shapeOf(x).slice(2), shapeOf(w).slice(2));
  const group = intOf(attributes, 'group', 1);
  return [
    context.needs(0) ? inputCotangent(g, w, shapeOf(x), window, group) : undefined,
    context.needs(1) ? weightCotangent(x, g, shapeOf(w), window, group) : undefined,
    context.inputs[2] && context.needs(2) ? biasCotangent(g) : undefined,
  ];
};

/** The rule of a transposed convolution: it is the gradient of a convolution toward its input, so that its own is that convolution. */
function transposedRule(context: RuleContext, window: Window, bias: number): (Value | undefined)[] {
  const [x, w, g] = [inputAt(context, 0), inputAt(context, 1), context.cotangent];
  const group = intOf(context.node.attributes, 'group', 1);
  const cotangents: (Value | undefined)[] = [];
  cotangents[0] = context.needs(0) ? conv(g, w, undefined, { ...window, group }) : undefined;
  cotangents[1] = context.needs(1) ? weightCotangent(g, x, shapeOf(w), window, group) : undefined;
  cotangents[bias] = context.inputs[bias] && context.needs(bias) ? biasCotangent(g) : undefined;
  return cotangents;
}

/** The window of the convolution of which this is the transpose: with the padding that leaves the output as large as it is. */
function transposedWindow(context: RuleContext, pads?: readonly number[]): Window {
  const { attributes } = context.node;
  const [x, w] = [inputAt(context, 0), inputAt(context, 1)];
  const [input, output, kernel] = [x, context.outputs[0]!, w].map((value) => shapeOf(value).slice(2));
  const stated = windowOf({ ...attributes, auto_pad: { kind: 'string', value: 'NOTSET' } }, input!, kernel!);
  if (pads !== undefined) return { ...stated, pads };
  const mode = stringOf(attributes, 'auto_pad', 'NOTSET');
  if (mode === 'VALID') return { ...stated, pads: stated.pads.map(() => 0) };
  if (mode === 'NOTSET' && attributes.output_shape === undefined) return stated;
  const extra = attributes.output_padding?.kind === 'ints' ? attributes.output_padding.value : kernel!.map(() => 0);
  const pairs = kernel!.map((size, i) => {
    const reach = (input![i]! - 1) * stated.strides[i]! + stated.dilations[i]! * (size - 1) + 1 + extra[i]!;
    const total = Math.max(0, reach - output![i]!);
    const less = Math.floor(total / 2);
    return mode === 'SAME_UPPER' ? [less, total - less] : [total - less, less];
  });
  return { ...stated, pads: [...pairs.map(([begin]) => begin!), ...pairs.map(([, end]) => end!)] };
}

/** The activations that may follow a fused convolution, each a function of one operand. */
const followers = { ...activationRules, Tanh: trigonometricRules.Tanh };
/** The attributes that the numbers of an activation stand for. */
const parametersOf: Readonly<Record<string, readonly string[]>> = {
  LeakyRelu: ['alpha'],
  HardSigmoid: ['alpha', 'beta'],
};

/** The activation is taken apart from the convolution, which is computed again for it. */
const fusedConvRule: GradientRule = (context) => {
  const { attributes } = context.node;
  const [x, w, bias, sum] = [inputAt(context, 0), inputAt(context, 1), context.inputs[2], context.inputs[3]];
  const name = stringOf(attributes, 'activation', '');
  const rule = name in followers ? followers[name as keyof typeof followers] : undefined;
  if (typeof rule !== 'function') {
    throw new UnsupportedOpError(`gradients: FusedConv has no gradient with the activation "${name}"`);
  }
  const { activation: _, activation_params: __, ...moves } = attributes;
  const [plain] = applyOp(ops.Conv, [x, w, bias], moves);
  const total = sum ? add(plain!, sum) : plain!;
  const numbers = floatsOf(attributes, 'activation_params', []);
  const own = (parametersOf[name] ?? []).map((key, i) => [key, { kind: 'float', value: numbers[i] ?? 0 }] as const);
  const outputs = applyOp(ops[name as keyof typeof followers], [total], Object.fromEntries(own));
  const { node } = outputs[0]!.origin as { node: Node };
  const [g] = rule({ ...context, node, inputs: [total], outputs, needs: () => true });
  const toward = convRule({ ...context, cotangent: g!, cotangents: [g] });
  return [...toward, sum && context.needs(3) ? g : undefined];
};

/** The rules of the convolutions. */
export const convolutionRules: Rules = {
  Conv: convRule,
  'com.microsoft.FusedConv': fusedConvRule,
  ConvInteger: { notDifferentiable: 'it computes with whole numbers' },
  ConvTranspose: (context) => transposedRule(context, transposedWindow(context), 2),
  'com.microsoft.ConvTransposeWithDynamicPads': (context) => {
    const pads = constantIntsOf(context.inputs[2]);
    if (pads === undefined) {
      throw new ShapeError('gradient of ConvTransposeWithDynamicPads: the pads must be known when traced');
    }
    return transposedRule(context, transposedWindow(context, pads), 3);
  },
  DeformConv: {
    notDifferentiable:
      'its reads at learned offsets have no rule; GridSample and a product, which have one, say the same',
  },
};
