/** @file Gradient rules of the normalizations that are fused with what comes before them. g is the cotangent of the result. */
import { staticShape } from '../../core/index.ts';
import {
  add,
  cast,
  expand,
  gather,
  type normalizationContribOps,
  pad,
  reshape,
  scatterND,
  slice,
  unsqueeze,
  type Value,
} from '../../graph/index.ts';
import { type GradientRule, inputAt, type RuleContext, sumToShape, zeroLike } from '../rule.ts';
import { layerCotangents, rootMeanSquareCotangents, rowStatistics } from './normalization.ts';

type Rules = { readonly [Op in keyof typeof normalizationContribOps]: GradientRule };

const plus = (a: Value | undefined, b: Value | undefined) => (a && b ? add(a, b) : (a ?? b));

/** Cotangents of a sum of operands, each of which may have been stretched. */
function ofSum(context: RuleContext, total: Value | undefined, indices: readonly number[]): ReadonlyMap<number, Value> {
  const wanted = indices.filter((index) => context.inputs[index] && context.needs(index));
  return new Map(total ? wanted.map((index) => [index, sumToShape(total, inputAt(context, index))]) : []);
}

/** The rule of input + skip (+ bias), normalized with or without a mean; the bias of the sum is the last input. */
const skipRule =
  (hasMean: boolean): GradientRule =>
  (context) => {
    const summands = [0, 1, hasMean ? 4 : 3];
    const parts = summands.flatMap((index) => context.inputs[index] ?? []);
    const sum = parts.reduce((total, part) => add(total, part));
    const needsSum = summands.some((index) => context.inputs[index] && context.needs(index));
    const common = {
      x: sum,
      scale: inputAt(context, 2),
      g: context.cotangent,
      towardInverse: context.cotangents[2],
      needs: (which: string) => (which === 'x' ? needsSum : context.needs(which === 'scale' ? 2 : 3)),
    };
    const toward = hasMean
      ? layerCotangents(context, {
          ...common,
          ...rowStatistics(context, sum),
          bias: context.inputs[3],
          towardMean: context.cotangents[1],
        })
      : { ...rootMeanSquareCotangents(context, common), bias: undefined };
    const spread = ofSum(context, plus(toward.x, context.cotangents[3]), summands);
    const results: (Value | undefined)[] = [spread.get(0), spread.get(1), toward.scale];
    if (hasMean) results.push(toward.bias, spread.get(4));
    else results.push(spread.get(3));
    return results;
  };

/** Rows of a table added back where they were taken from. */
function intoTable(table: Value, ids: Value, g: Value): Value {
  const [rows, dim] = staticShape(table.shape, 'gradient of EmbedLayerNormalization') as [number, number];
  const flatIds = unsqueeze(cast(reshape(ids, [-1]), 'int64'), [1]);
  return scatterND(expand(zeroLike(g), [rows, dim]), flatIds, reshape(g, [-1, dim]), 'add');
}

const embedRule: GradientRule = (context) => {
  const [ids, segments, words, positions, segmentTable] = context.inputs;
  const [scale, bias, positionIds] = [inputAt(context, 5), inputAt(context, 6), context.inputs[8]];
  const [batch, time] = staticShape(ids!.shape, 'gradient of EmbedLayerNormalization') as [number, number];
  const looked = positionIds
    ? gather(positions!, positionIds)
    : slice(positions!, { starts: [0], ends: [time], axes: [0] });
  const base = add(gather(words!, ids!), looked);
  const sum = segments && segmentTable ? add(base, gather(segmentTable, segments)) : base;
  const needsSum = [2, 3, 4].some((index) => context.inputs[index] && context.needs(index));
  const toward = layerCotangents(context, {
    x: sum,
    scale,
    bias,
    ...rowStatistics(context, sum),
    g: context.cotangent,
    needs: (which) => (which === 'x' ? needsSum : context.needs(which === 'scale' ? 5 : 6)),
  });
  const g = plus(toward.x, context.cotangents[2]);
  const into = (index: number, picked: Value | undefined) =>
    g && picked && context.inputs[index] && context.needs(index)
      ? intoTable(inputAt(context, index), picked, g)
      : undefined;
  const towardPositions = () => {
    if (!g || !context.needs(3)) return undefined;
    if (positionIds) return intoTable(positions!, expand(positionIds, [batch, time]), g);
    return pad(sumToShape(g, looked), [0, 0], [Number(positions!.shape[0]) - time, 0]);
  };
  return [undefined, undefined, into(2, ids), towardPositions(), into(4, segments), toward.scale, toward.bias];
};

/** The rules of the fused normalizations. */
export const normalizationContribRules: Rules = {
  'com.microsoft.SkipLayerNormalization': skipRule(true),
  'com.microsoft.SkipSimplifiedLayerNormalization': skipRule(false),
  'com.microsoft.EmbedLayerNormalization': embedRule,
};
