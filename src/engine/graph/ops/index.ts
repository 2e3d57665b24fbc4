/** @file Every op there is, by its ONNX name. A gradient rule or a reason for having none follows in `autodiff/rules`. */
import { convolutionOps } from './convolution.ts';
import { elementwiseOps } from './elementwise.ts';
import { gatherOps } from './gather.ts';
import { layoutOps } from './layout.ts';
import { linearOps } from './linear.ts';
import { normalizationOps } from './normalization.ts';
import { reduceOps } from './reduce.ts';

/** Every op definition by op type. */
export const ops = {
  ...elementwiseOps,
  ...layoutOps,
  ...reduceOps,
  ...linearOps,
  ...gatherOps,
  ...normalizationOps,
  ...convolutionOps,
} as const;

/** The op types that graphs may use. */
export type OpType = keyof typeof ops;

export * from './convolution.ts';
export * from './elementwise.ts';
export * from './gather.ts';
export * from './layout.ts';
export * from './linear.ts';
export * from './normalization.ts';
export * from './reduce.ts';
