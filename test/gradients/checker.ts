/**
 * @file Compares the derivatives of a graph with central differences of what ONNX Runtime computes. Five points a difference, so
 * that float32 leaves about five digits; the sum over outputs is taken here, in double precision.
 */
import { type GradientRule, type GradientRules, gradientRules, gradients } from '../../src/engine/autodiff/index.ts';
import { Rng, Tensor } from '../../src/engine/core/index.ts';
import {
  add,
  constant,
  graphOf,
  mul,
  type NamedValue,
  nodesInOrder,
  type OpType,
  reduceSum,
  Value,
} from '../../src/engine/graph/index.ts';
import { compile } from '../../src/engine/runtime/index.ts';

/** The element types that cases are computed in. */
export type CheckedDtype = 'float32' | 'float64';

/** An operand: its shape and where its elements are drawn from. */
export interface OperandSpec {
  readonly shape: readonly number[];
  readonly draw: (rng: Rng, index: number, count: number) => number;
}

/** A function of operands, whose derivatives toward each operand are checked. */
export interface GradientCase {
  readonly name: string;
  readonly operands: readonly OperandSpec[];
  /** The outputs; those of a type that is not float are not allowed. */
  readonly apply: (operands: Value[], dtype: CheckedDtype) => Value | readonly Value[];
  /** float64 unless ONNX Runtime's CPU provider lacks one of the ops in double precision. */
  readonly dtype?: CheckedDtype;
  /** The largest difference, relative to the largest derivative; 1e-6 in float64 and 5e-4 in float32 if absent. */
  readonly tolerance?: number;
}

/** Uniform draws in [low, high). */
export function uniform(shape: readonly number[], low = -2, high = 2): OperandSpec {
  return { shape, draw: (rng) => low + (high - low) * rng.uniform() };
}

/** Draws of either sign with an absolute value in [0.2, 2): away from a kink at 0. */
export function awayFromZero(shape: readonly number[]): OperandSpec {
  return { shape, draw: (rng) => (0.2 + 1.8 * rng.uniform()) * (rng.uniform() < 0.5 ? -1 : 1) };
}

/** Multiples of 0.1 plus `offset`, each once, in no order: away from the ties of extremes. */
export function distinct(shape: readonly number[], offset = 0): OperandSpec {
  const order: number[] = [];
  return {
    shape,
    draw: (rng, index, count) => {
      if (index === 0) order.splice(0, order.length, ...rng.shuffle(Array.from({ length: count }, (_, i) => i)));
      return (order[index]! - Math.floor(count / 2)) * 0.1 + offset;
    },
  };
}

/** Given elements. */
export function exactly(shape: readonly number[], elements: readonly number[]): OperandSpec {
  return { shape, draw: (_, index) => elements[index]! };
}

const typed = { float32: Float32Array, float64: Float64Array } as const;

function tensorOf(dtype: CheckedDtype, shape: readonly number[], elements: readonly number[]): Tensor {
  return new Tensor(dtype, shape, typed[dtype].from(elements) as Float32Array);
}

function listOf(result: Value | readonly Value[]): readonly Value[] {
  return result instanceof Value ? [result] : result;
}

/** A case with its operands drawn, and what central differences say of it; reused for several sets of rules. */
export class PreparedCase {
  readonly #case: GradientCase;
  readonly dtype: CheckedDtype;
  readonly tolerance: number;
  readonly elements: readonly (readonly number[])[];
  #numeric: Promise<number[][]> | undefined;

  constructor(gradientCase: GradientCase) {
    this.#case = gradientCase;
    this.dtype = gradientCase.dtype ?? 'float64';
    this.tolerance = gradientCase.tolerance ?? (this.dtype === 'float64' ? 1e-6 : 5e-4);
    const rng = new Rng(gradientCase.name);
    this.elements = gradientCase.operands.map(({ shape, draw }) => {
      const count = shape.reduce((product, dim) => product * dim, 1);
      return Array.from({ length: count }, (_, i) => draw(rng, i, count));
    });
  }

  /** The inputs, the outputs, and a fixed random weight for each element of each output. */
  trace() {
    const inputs: NamedValue[] = this.#case.operands.map(({ shape }, i) => {
      const name = `operand${i}`;
      return { name, value: new Value({ dtype: this.dtype, shape }, { kind: 'input', name }) };
    });
    const outputs = listOf(
      this.#case.apply(
        inputs.map(({ value }) => value),
        this.dtype,
      ),
    );
    const rng = new Rng(`weights of ${this.#case.name}`);
    const weights = outputs.map((output) => {
      const shape = output.shape.map(Number);
      const count = shape.reduce((product, dim) => product * dim, 1);
      const draws = Array.from({ length: count }, () => (0.5 + rng.uniform()) * (rng.uniform() < 0.5 ? -1 : 1));
      return tensorOf(output.dtype as CheckedDtype, shape, draws);
    });
    return { inputs, outputs, weights };
  }

  feeds(elements: readonly (readonly number[])[]): Record<string, Tensor> {
    return Object.fromEntries(
      this.#case.operands.map(({ shape }, i) => [`operand${i}`, tensorOf(this.dtype, shape, elements[i]!)]),
    );
  }

  /** The derivative toward every element by central differences of the weighted sum of the outputs. */
  numeric(): Promise<number[][]> {
    this.#numeric ??= this.#differences();
    return this.#numeric;
  }

  async #differences(): Promise<number[][]> {
    const { inputs, outputs, weights } = this.trace();
    const named = outputs.map((value, i) => ({ name: `output${i}`, value }));
    const executable = await compile(graphOf(inputs, named), { numThreads: 1, optimization: 'basic' });
    const weightedSum = async (operand: number, element: number, step: number) => {
      const moved = this.elements.map((list) => [...list]);
      moved[operand]![element]! += step;
      const results = await executable.run(this.feeds(moved));
      let sum = 0;
      weights.forEach((weight, o) => {
        const data = results[`output${o}`]!.data as Float64Array;
        (weight.data as Float64Array).forEach((w, i) => {
          sum += w * data[i]!;
        });
      });
      return sum;
    };
    const h = this.dtype === 'float64' ? 1e-3 : 2e-2;
    const derivatives: number[][] = [];
    for (const [operand, list] of this.elements.entries()) {
      const toward: number[] = [];
      for (const element of list.keys()) {
        const at = (step: number) => weightedSum(operand, element, step);
        const near = (await at(h)) - (await at(-h));
        const far = (await at(2 * h)) - (await at(-2 * h));
        toward.push((8 * near - far) / (12 * h));
      }
      derivatives.push(toward);
    }
    await executable.close();
    return derivatives;
  }

  /**
   * The derivative toward every element by the rules; also which rules the case has used. The weighted sum that makes one loss
   * of the outputs always goes by the right rules.
   */
  async analytic(rules: GradientRules): Promise<{ derivatives: number[][]; used: ReadonlySet<string> }> {
    const { inputs, outputs, weights } = this.trace();
    const loss = outputs.map((output, i) => reduceSum(mul(output, constant(weights[i]!)))).reduce(add);
    const ofCase = new Set(nodesInOrder(outputs));
    const used = new Set<string>();
    const rulesOfCase = Object.fromEntries(
      Object.entries(rules).map(([opType, rule]) => {
        const right = gradientRules[opType as OpType];
        if (typeof rule !== 'function' || typeof right !== 'function') return [opType, rule];
        const choose: GradientRule = (context) => {
          if (!ofCase.has(context.node)) return right(context);
          used.add(opType);
          return rule(context);
        };
        return [opType, choose];
      }),
    ) as GradientRules;
    const operands = inputs.map(({ value }) => value);
    const results = gradients(loss, operands, rulesOfCase);
    const named = results.map((value, i) => ({ name: `derivative${i}`, value }));
    const executable = await compile(graphOf(inputs, named), { numThreads: 1, optimization: 'basic' });
    const tensors = await executable.run(this.feeds(this.elements));
    await executable.close();
    const derivatives = results.map((_, i) => Array.from(tensors[`derivative${i}`]!.data as Float64Array));
    return { derivatives, used };
  }
}

/** Where the rules and the differences disagree, in words; empty if they agree everywhere. */
export async function disagreements(prepared: PreparedCase, rules: GradientRules = gradientRules): Promise<string[]> {
  const { tolerance } = prepared;
  const [expected, { derivatives }] = [await prepared.numeric(), await prepared.analytic(rules)];
  return expected.flatMap((list, operand) => {
    const scale = Math.max(0.1, ...list.map(Math.abs));
    return list.flatMap((want, element) => {
      const got = derivatives[operand]![element]!;
      return Math.abs(got - want) <= tolerance * scale
        ? []
        : [`operand ${operand}, element ${element}: differences give ${want}, the rules ${got}`];
    });
  });
}
