/** @file The workloads of the training bench by name. */
import { alignmentWorkload } from './alignment.ts';
import { resNetWorkload } from './resnet.ts';
import { transformerWorkload } from './transformer.ts';
import { uNetWorkload } from './unet.ts';
import type { Workload } from './workload.ts';

/** Every workload, made when it is asked for. */
export const workloads: Readonly<Record<string, () => Workload>> = {
  transformer: transformerWorkload,
  alignment: alignmentWorkload,
  resnet: resNetWorkload,
  unet: uNetWorkload,
};
