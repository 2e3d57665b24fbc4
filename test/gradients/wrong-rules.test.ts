/** @file The checker can fail: rules made wrong on purpose, one way or another for every op, are each caught. */
import { describe, expect, it } from 'vitest';
import {
  type GradientRule,
  type GradientRules,
  gradientRules,
  type RuleContext,
} from '../../src/engine/autodiff/index.ts';
import {
  cast,
  conv,
  convTranspose,
  cumSum,
  div,
  equal,
  expand,
  gatherElements,
  intOf,
  intsOf,
  matMul,
  mul,
  neg,
  type OpType,
  reduceSum,
  reshape,
  scatterElements,
  sigmoid,
  slice,
  sub,
  transpose,
  type Value,
} from '../../src/engine/graph/index.ts';
import { preparedByOp } from './cases.ts';
import { disagreements } from './checker.ts';

const ruleOf = (opType: OpType) => gradientRules[opType] as GradientRule;

/** In how many cases of the op the rule is found wrong: by its numbers, or because its shapes are refused. */
async function timesCaught(opType: OpType, wrong: GradientRule): Promise<number> {
  const rules: GradientRules = { ...gradientRules, [opType]: wrong };
  let caught = 0;
  for (const { prepared } of preparedByOp.get(opType)!) {
    const found = await disagreements(prepared, rules).catch((error: Error) => [error.message]);
    if (found.length > 0) caught++;
  }
  return caught;
}

/** Every result of the right rule, changed. */
const changed =
  (opType: OpType, change: (cotangent: Value, index: number) => Value | undefined): GradientRule =>
  (context) =>
    ruleOf(opType)(context).map((cotangent, i) => cotangent && change(cotangent, i));

const opTypes = [...preparedByOp.keys()];

describe('a rule made wrong in the same way for every op', () => {
  it.each(opTypes)('%s with the wrong sign is caught in every case', async (opType) => {
    const cases = preparedByOp.get(opType)!.length;
    expect(
      await timesCaught(
        opType,
        changed(opType, (g) => neg(g)),
      ),
    ).toBe(cases);
  });

  it.each(opTypes)('%s off by one per cent is caught in every case', async (opType) => {
    const cases = preparedByOp.get(opType)!.length;
    expect(
      await timesCaught(
        opType,
        changed(opType, (g) => mul(g, 1.01)),
      ),
    ).toBe(cases);
  });

  it.each(opTypes)('%s without the derivative of any one operand is caught', async (opType) => {
    const results = new Set<number>();
    const watch: GradientRule = (context) => {
      const cotangents = ruleOf(opType)(context);
      for (const [i, cotangent] of cotangents.entries()) if (cotangent) results.add(i);
      return cotangents;
    };
    expect(await timesCaught(opType, watch)).toBe(0);
    expect(results.size).toBeGreaterThan(0);
    for (const dropped of results) {
      const wrong = changed(opType, (g, i) => (i === dropped ? undefined : g));
      expect(await timesCaught(opType, wrong), `operand ${dropped}`).toBeGreaterThan(0);
    }
  });
});

/** The cotangent with each stretched axis cut to its first element, instead of summed. */
function cutToShape(cotangent: Value, operand: Value): Value {
  const lead = cotangent.rank - operand.rank;
  const ends = cotangent.shape.map((dim, axis) => (axis < lead ? 1 : Number(operand.shape[axis - lead] ?? dim)));
  return reshape(slice(cotangent, { starts: ends.map(() => 0), ends }), operand.shape);
}

const first = (context: RuleContext): Value => context.inputs[0]!;

/** Mistakes that are easily made, one rule at a time. */
const mistakes: readonly { opType: OpType; mistake: string; rule: GradientRule }[] = [
  {
    opType: 'Add',
    mistake: 'does not sum over the axes that were stretched',
    rule: ({ inputs, cotangent }) => inputs.map((operand) => cutToShape(cotangent, operand!)),
  },
  { opType: 'Add', mistake: 'gives the cotangent as it came', rule: ({ cotangent }) => [cotangent, cotangent] },
  {
    opType: 'Mul',
    mistake: 'multiplies by the operand itself',
    rule: (context) => {
      const [a, b] = context.inputs as [Value, Value];
      return ruleOf('Mul')({ ...context, inputs: [b, a] });
    },
  },
  { opType: 'Sigmoid', mistake: 'drops a factor', rule: ({ cotangent, outputs }) => [mul(cotangent, outputs[0]!)] },
  {
    opType: 'Softplus',
    mistake: 'takes the derivative of the negative operand',
    rule: (context) => [mul(context.cotangent, sigmoid(neg(first(context))))],
  },
  { opType: 'Relu', mistake: 'lets everything through', rule: ({ cotangent }) => [cotangent] },
  { opType: 'Clip', mistake: 'lets everything through', rule: ({ cotangent }) => [cotangent] },
  {
    opType: 'Transpose',
    mistake: 'applies the same order instead of its inverse',
    rule: ({ cotangent, node }) => [transpose(cotangent, intsOf(node.attributes, 'perm', [2, 1, 0]))],
  },
  {
    opType: 'Softmax',
    mistake: 'sums over the last axis whatever the axis',
    rule: ({ cotangent, outputs }) => {
      const weighted = mul(cotangent, outputs[0]!);
      return [sub(weighted, mul(outputs[0]!, reduceSum(weighted, { axes: [-1], keepDims: true })))];
    },
  },
  {
    opType: 'ReduceMean',
    mistake: 'forgets to divide by the count',
    rule: (context) => ruleOf('ReduceSum')(context),
  },
  {
    opType: 'ReduceMax',
    mistake: 'gives the cotangent to every element',
    rule: (context) => ruleOf('ReduceSum')(context),
  },
  {
    opType: 'ReduceProd',
    mistake: 'divides by elements that are 0',
    rule: ({ inputs, outputs, cotangent }) => {
      const lead = (value: Value) =>
        reshape(value, [...value.shape, ...inputs[0]!.shape.slice(value.rank).map(() => 1)]);
      return [mul(lead(cotangent), div(lead(outputs[0]!), inputs[0]!))];
    },
  },
  {
    opType: 'CumProd',
    mistake: 'divides by elements that are 0',
    rule: ({ inputs, outputs, cotangent, node }) => {
      const exclusive = intOf(node.attributes, 'exclusive', 0) === 1;
      const reverse = intOf(node.attributes, 'reverse', 0) === 0;
      const sums = cumSum(mul(cotangent, outputs[0]!), exclusive ? 0 : -1, { exclusive, reverse });
      return [div(sums, inputs[0]!)];
    },
  },
  {
    opType: 'SoftmaxCrossEntropyLoss',
    mistake: 'lets the ignored class count',
    rule: (context) => {
      const { ignore_index: _, ...attributes } = context.node.attributes;
      return ruleOf('SoftmaxCrossEntropyLoss')({ ...context, node: { ...context.node, attributes } });
    },
  },
  {
    opType: 'NegativeLogLikelihoodLoss',
    mistake: 'takes the weights for equal',
    rule: (context) =>
      ruleOf('NegativeLogLikelihoodLoss')({ ...context, inputs: context.inputs.slice(0, 2), needs: (i) => i === 0 }),
  },
  {
    opType: 'LpNormalization',
    mistake: 'takes the norm for constant',
    rule: ({ inputs, outputs, cotangent }) => [mul(cotangent, div(outputs[0]!, inputs[0]!))],
  },
  {
    opType: 'CumSum',
    mistake: 'runs in the same direction',
    rule: ({ cotangent }) => [cumSum(cotangent, -1)],
  },
  {
    opType: 'GatherElements',
    mistake: 'overwrites where indices repeat',
    rule: (context) => {
      const zeros = mul(first(context), 0);
      return [
        scatterElements(zeros, context.inputs[1]!, context.cotangent, {
          axis: intOf(context.node.attributes, 'axis', 0),
        }),
      ];
    },
  },
  {
    opType: 'ScatterElements',
    mistake: 'keeps the derivative of what was overwritten',
    rule: (context) => {
      const axis = intOf(context.node.attributes, 'axis', 0);
      return [context.cotangent, undefined, gatherElements(context.cotangent, context.inputs[1]!, axis)];
    },
  },
  {
    opType: 'MatMul',
    mistake: 'forgets to transpose',
    rule: (context) => [matMul(context.cotangent, context.inputs[1]!), matMul(first(context), context.cotangent)],
  },
  {
    opType: 'com.microsoft.FusedMatMul',
    mistake: 'forgets alpha',
    rule: (context) =>
      ruleOf('com.microsoft.FusedMatMul')({ ...context, node: { ...context.node, attributes: withoutAlpha(context) } }),
  },
  {
    opType: 'Gemm',
    mistake: 'forgets alpha',
    rule: (context) => ruleOf('Gemm')({ ...context, node: { ...context.node, attributes: withoutAlpha(context) } }),
  },
  {
    opType: 'LayerNormalization',
    mistake: 'treats mean and deviation as constants',
    rule: (context) => {
      const right = ruleOf('LayerNormalization')(context);
      const scaled = mul(mul(context.cotangent, context.inputs[1]!), cast(context.outputs[2]!, first(context).dtype));
      return [scaled, ...right.slice(1)];
    },
  },
  {
    opType: 'Conv',
    mistake: 'convolves again instead of transposing',
    rule: (context) => {
      const [, w, b] = ruleOf('Conv')(context);
      return [conv(context.cotangent, context.inputs[1]!), w, b];
    },
  },
  {
    opType: 'Conv',
    mistake: 'forgets the pads',
    rule: (context) => {
      const [, w, b] = ruleOf('Conv')(context);
      return [convTranspose(context.cotangent, context.inputs[1]!), w, b];
    },
  },
  {
    opType: 'MaxPool',
    mistake: 'gives the cotangent to every largest element of the picture',
    rule: (context) => {
      const x = first(context);
      const all = cast(equal(x, x), x.dtype);
      return [mul(all, expand(reduceSum(context.cotangent), x.shape.map(Number)))];
    },
  },
];

function withoutAlpha({ node }: RuleContext) {
  const { alpha: _, ...rest } = node.attributes;
  return rest;
}

describe('a mistake that is easily made', () => {
  it.each(mistakes)('is caught: $opType $mistake', async ({ opType, rule }) => {
    expect(await timesCaught(opType, rule)).toBeGreaterThan(0);
  });
});
