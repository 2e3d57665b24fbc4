/** @file Random applications of every op: mostly well formed, sometimes just not, so that refusals are compared too. */
import type { controlFlowOps, OpType, sequenceOps } from '../../src/engine/graph/index.ts';
import { assortedApplications } from './assorted-applications.ts';
import { classicalApplications } from './classical-applications.ts';
import {
  activationApplications,
  bitwiseApplications,
  elementwiseApplications,
  randomApplications,
  trigonometricApplications,
} from './elementwise-applications.ts';
import { indexingApplications } from './indexing-applications.ts';
import { layoutApplications } from './layout-applications.ts';
import type { Make } from './makers.ts';
import { quantizeApplications } from './quantize-applications.ts';
import {
  alongAxisApplications,
  einsumApplications,
  linearApplications,
  lossApplications,
  matrixApplications,
  reduceApplications,
  selectionApplications,
} from './reduce-applications.ts';
import { sequenceModelApplications } from './sequence-model-applications.ts';
import { normalizationApplications, visionApplications } from './vision-applications.ts';
import { convolutionApplications, poolApplications } from './window-applications.ts';

/** The ops on tensors: those on lists and those with subgraphs are held to ONNX Runtime in `control-flow.test.ts`. */
export type TensorOp = Exclude<OpType, keyof typeof sequenceOps | keyof typeof controlFlowOps>;

/** A generator of applications for every op on tensors. */
export const applications: { readonly [Op in TensorOp]: Make } = {
  ...assortedApplications,
  ...classicalApplications,
  ...quantizeApplications,
  ...sequenceModelApplications,
  ...elementwiseApplications,
  ...trigonometricApplications,
  ...activationApplications,
  ...bitwiseApplications,
  ...randomApplications,
  ...reduceApplications,
  ...alongAxisApplications,
  ...selectionApplications,
  ...matrixApplications,
  ...linearApplications,
  ...einsumApplications,
  ...lossApplications,
  ...layoutApplications,
  ...indexingApplications,
  ...convolutionApplications,
  ...poolApplications,
  ...normalizationApplications,
  ...visionApplications,
};
