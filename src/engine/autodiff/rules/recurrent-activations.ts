/** @file The activations that recurrent layers name, with their slopes; ONNX Runtime's defaults where their parameters are absent. */
import { UnsupportedOpError } from '../../core/index.ts';
import {
  type Attributes,
  abs,
  add,
  and,
  cast,
  clip,
  constantScalar,
  elu,
  expand,
  floatOf,
  floatsOf,
  greater,
  greaterOrEqual,
  hardSigmoid,
  leakyRelu,
  less,
  mul,
  relu,
  sigmoid,
  softplus,
  softsign,
  square,
  stringsOf,
  sub,
  tanh,
  thresholdedRelu,
  type Value,
  where,
} from '../../graph/index.ts';
import { maskOf } from '../rule.ts';

interface Parameters {
  readonly alpha: number;
  readonly beta: number;
}

interface ActivationKind {
  /** The parameters it takes, by ONNX Runtime's defaults. */
  readonly alpha?: number;
  readonly beta?: number;
  readonly apply: (z: Value, parameters: Parameters) => Value;
  /** dy/dz of y = f(z). */
  readonly slope: (z: Value, y: Value, parameters: Parameters) => Value;
}

const choose = (condition: Value, yes: number | Value, no: number | Value, like: Value): Value =>
  where(
    condition,
    typeof yes === 'number' ? constantScalar(yes, like.dtype) : yes,
    typeof no === 'number' ? constantScalar(no, like.dtype) : no,
  );

const kinds: Readonly<Record<string, ActivationKind>> = {
  relu: { apply: relu, slope: (z) => maskOf(greater(z, 0), z.dtype) },
  tanh: { apply: tanh, slope: (_, y) => sub(1, square(y)) },
  sigmoid: { apply: sigmoid, slope: (_, y) => mul(y, sub(1, y)) },
  affine: {
    alpha: 0,
    beta: 0,
    apply: (z, { alpha, beta }) => add(mul(z, alpha), beta),
    slope: (z, _, { alpha }) => expand(constantScalar(alpha, z.dtype), z.shape.map(Number)),
  },
  leakyrelu: {
    alpha: 0.01,
    apply: (z, { alpha }) => leakyRelu(z, alpha),
    slope: (z, _, { alpha }) => choose(greaterOrEqual(z, 0), 1, alpha, z),
  },
  thresholdedrelu: {
    alpha: 0,
    apply: (z, { alpha }) => thresholdedRelu(z, alpha),
    slope: (z, _, { alpha }) => maskOf(greater(z, alpha), z.dtype),
  },
  scaledtanh: {
    alpha: 0,
    beta: 0,
    apply: (z, { alpha, beta }) => mul(tanh(mul(z, beta)), alpha),
    slope: (z, _, { alpha, beta }) => mul(sub(1, square(tanh(mul(z, beta)))), alpha * beta),
  },
  hardsigmoid: {
    alpha: 0.2,
    beta: 0.5,
    apply: (z, { alpha, beta }) => hardSigmoid(z, { alpha, beta }),
    slope: (z, y, { alpha }) => choose(and(greater(y, 0), less(y, 1)), alpha, 0, z),
  },
  elu: {
    alpha: 1,
    apply: (z, { alpha }) => elu(z, alpha),
    slope: (z, y, { alpha }) => choose(greater(z, 0), 1, add(y, alpha), z),
  },
  softsign: { apply: softsign, slope: (_, y) => square(sub(1, abs(y))) },
  softplus: { apply: softplus, slope: (z) => sigmoid(z) },
};

/** y = f(z), with its slope where z is. */
export interface Activated {
  readonly y: Value;
  /** Built when asked for. */
  readonly slope: () => Value;
}

/** An activation of a recurrent layer; what goes into it may be clipped first. */
export type Activation = (z: Value) => Activated;

function activationOf(kind: ActivationKind, parameters: Parameters, limit: number | undefined): Activation {
  return (z) => {
    if (limit === undefined) {
      const y = kind.apply(z, parameters);
      return { y, slope: () => kind.slope(z, y, parameters) };
    }
    const clipped = clip(z, -limit, limit);
    const y = kind.apply(clipped, parameters);
    const slope = () => mul(kind.slope(clipped, y, parameters), cast(less(abs(z), limit), z.dtype));
    return { y, slope };
  };
}

/** The activations of each direction, in ONNX's order; `unclipped` tells those that are given what no clip touches. */
export function activationsOf(
  attributes: Attributes,
  defaults: readonly string[],
  numDirections: number,
  unclipped: (index: number) => boolean = () => false,
): Activation[][] {
  const given = stringsOf(attributes, 'activations', []);
  const names = given.length > 0 ? given : Array.from({ length: numDirections }, () => defaults).flat();
  const alphas = [...floatsOf(attributes, 'activation_alpha', [])];
  const betas = [...floatsOf(attributes, 'activation_beta', [])];
  const limit = attributes.clip ? floatOf(attributes, 'clip', 0) : undefined;
  const all = names.map((name, i) => {
    const kind = kinds[name.toLowerCase()];
    if (kind === undefined) throw new UnsupportedOpError(`gradients: the activation "${name}" is not known`);
    const parameters = {
      alpha: kind.alpha === undefined ? 0 : (alphas.shift() ?? kind.alpha),
      beta: kind.beta === undefined ? 0 : (betas.shift() ?? kind.beta),
    };
    return activationOf(kind, parameters, unclipped(i % defaults.length) ? undefined : limit);
  });
  return Array.from({ length: numDirections }, (_, d) => all.slice(d * defaults.length, (d + 1) * defaults.length));
}
