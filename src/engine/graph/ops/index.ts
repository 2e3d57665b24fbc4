/** @file Every op there is, by its ONNX name. A gradient rule or a reason for having none follows in `autodiff/rules`. */

import { activationOps } from './activation.ts';
import { alongAxisOps } from './along-axis.ts';
import { assortedContribOps } from './assorted-contrib.ts';
import { attentionOps } from './attention.ts';
import { attentionContribOps } from './attention-contrib.ts';
import { bitwiseOps } from './bitwise.ts';
import { classicalOps } from './classical.ts';
import { controlFlowOps } from './control-flow.ts';
import { convolutionOps } from './convolution.ts';
import { einsumOps } from './einsum.ts';
import { elementwiseOps } from './elementwise.ts';
import { gatherOps } from './gather.ts';
import { layoutOps } from './layout.ts';
import { layoutContribOps } from './layout-contrib.ts';
import { linearOps } from './linear.ts';
import { lossOps } from './loss.ts';
import { matrixOps } from './matrix.ts';
import { normalizationOps } from './normalization.ts';
import { normalizationContribOps } from './normalization-contrib.ts';
import { poolOps } from './pool.ts';
import { quantizeOps } from './quantize.ts';
import { quantizeContribOps } from './quantize-contrib.ts';
import { randomOps } from './random.ts';
import { rearrangeOps } from './rearrange.ts';
import { recurrentOps } from './recurrent.ts';
import { reduceOps } from './reduce.ts';
import { resizeOps } from './resize.ts';
import { scatterOps } from './scatter.ts';
import { selectionOps } from './selection.ts';
import { sequenceOps } from './sequence.ts';
import { shapeOps } from './shape.ts';
import { signalOps } from './signal.ts';
import { textOps } from './text.ts';
import { trigonometricOps } from './trigonometric.ts';
import { visionOps } from './vision.ts';

/** Every op definition by op type. */
export const ops = {
  ...classicalOps,
  ...attentionContribOps,
  ...assortedContribOps,
  ...attentionOps,
  ...recurrentOps,
  ...quantizeOps,
  ...quantizeContribOps,
  ...signalOps,
  ...textOps,
  ...elementwiseOps,
  ...trigonometricOps,
  ...selectionOps,
  ...randomOps,
  ...matrixOps,
  ...lossOps,
  ...einsumOps,
  ...bitwiseOps,
  ...alongAxisOps,
  ...activationOps,
  ...layoutOps,
  ...reduceOps,
  ...linearOps,
  ...gatherOps,
  ...scatterOps,
  ...shapeOps,
  ...rearrangeOps,
  ...layoutContribOps,
  ...sequenceOps,
  ...controlFlowOps,
  ...normalizationOps,
  ...normalizationContribOps,
  ...convolutionOps,
  ...poolOps,
  ...resizeOps,
  ...visionOps,
} as const;

/** The op types that graphs may use. */
export type OpType = keyof typeof ops;

export * from './activation.ts';
export * from './along-axis.ts';
export { assortedContribOps } from './assorted-contrib.ts';
export * from './attention.ts';
export { attentionContribOps } from './attention-contrib.ts';
export * from './bitwise.ts';
export * from './classical.ts';
export { controlFlowOps } from './control-flow.ts';
export * from './convolution.ts';
export * from './einsum.ts';
export * from './elementwise.ts';
export { gather, gatherElements, gatherND, gatherOps } from './gather.ts';
export * from './layout.ts';
export { layoutContribOps } from './layout-contrib.ts';
export * from './linear.ts';
export { ifElse, type LoopStep, loop, scan } from './loops.ts';
export * from './loss.ts';
export * from './matrix.ts';
export * from './normalization.ts';
export { normalizationContribOps } from './normalization-contrib.ts';
export * from './pool.ts';
export * from './quantize.ts';
export { quantizeContribOps } from './quantize-contrib.ts';
export * from './random.ts';
export {
  centerCropPad,
  col2Im,
  compress,
  type DepthMode,
  depthToSpace,
  rearrangeOps,
  reverseSequence,
  spaceToDepth,
  tile,
} from './rearrange.ts';
export * from './recurrent.ts';
export * from './reduce.ts';
export { type ResizeOptions, resize, resizedAxes, resizeOps, resizeScales } from './resize.ts';
export * from './scatter.ts';
export * from './selection.ts';
export { concatFromSequence, sequenceAt, sequenceConstruct, sequenceOps } from './sequence.ts';
export * from './shape.ts';
export * from './signal.ts';
export * from './text.ts';
export * from './trigonometric.ts';
export * from './vision.ts';
export { type WindowOptions, windowOf } from './window.ts';
