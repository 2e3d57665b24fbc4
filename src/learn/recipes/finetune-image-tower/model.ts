/**
 * @file What is trained: the changes of a tower's kernels and the picture head, by contrast with texts as the start embeds them.
 *
 * B: pairs; C: texts; S: side of a picture; F: picture features.
 */
import { float32Data, scalar, Tensor } from '../../../engine/core/index.ts';
import { concat, constant, type Value } from '../../../engine/graph/index.ts';
import {
  candidateContrast,
  clampedLogitScale,
  type FeatureStatistics,
  type Head,
  head,
  standardize,
  type TrainableTower,
} from '../../../model/index.ts';
import type { PixelBatch } from './pixel-batches.ts';
import type { FinetunePhase } from './settings.ts';
import type { Start } from './start.ts';

/** The trained parameters. */
export interface FinetuneParams<T> {
  /** Changes of kernels by name, in units of `TrainableTower`. */
  readonly tower: Readonly<Record<string, T>>;
  readonly picture: Head<T>;
  /** `[]` */
  readonly logLogitScale: T;
}

/** The parameters to start from: no change of the tower, the picture head of a bundle. */
export function startParams(tower: TrainableTower, start: Start): FinetuneParams<Tensor> {
  return {
    tower: tower.changes,
    picture: start.picture.head,
    logLogitScale: scalar(Math.log(start.bundle.manifest.logitScale)),
  };
}

/** The changes that a phase trains, of all there are. */
export function trainedIn<T extends Tensor>(
  { firstConvolution, depthwise }: FinetunePhase,
  changes: Readonly<Record<string, T>>,
): Record<string, T> {
  const isDepthwise = (name: string) => changes[name.replace(/\.bias$/, '.weight')]!.shape[1] === 1;
  return Object.fromEntries(
    Object.entries(changes).filter(
      ([name]) => Number(/\d+/.exec(name)![0]) >= firstConvolution && (depthwise || !isDepthwise(name)),
    ),
  );
}

/** What stays the same while `finetuneLoss` is trained. */
export interface FinetuneLossOptions {
  readonly tower: TrainableTower;
  /** Changes that are not trained, but were before. */
  readonly fixed: Readonly<Record<string, Tensor>>;
  /** The tower's outputs, in the order in which the head takes them. */
  readonly outputs: readonly string[];
  readonly statistics: FeatureStatistics;
}

/** The loss of a batch, with the share of pictures that find their text and the logit scale. */
export function finetuneLoss({
  tower,
  fixed,
  outputs,
  statistics,
}: FinetuneLossOptions): (
  params: FinetuneParams<Value>,
  batch: PixelBatch<Value>,
) => { loss: Value; metrics: Record<string, Value> } {
  const changedBefore = Object.entries(fixed).filter(([, change]) => change.data.some((value) => value !== 0));
  return (params, batch) => {
    const kept = Object.fromEntries(changedBefore.map(([name, change]) => [name, constant(change)]));
    const maps = tower.apply({ ...kept, ...params.tower }, batch.pictures);
    const features = concat(
      outputs.map((name) => maps[name]!),
      1,
    );
    const pictures = head(params.picture, standardize(features, statistics), batch.pictureDropout);
    const logitScale = clampedLogitScale(params.logLogitScale);
    const { loss, accuracy } = candidateContrast(pictures, batch.texts, logitScale);
    return { loss, metrics: { accuracy, logitScale } };
  };
}

/** Parameters at `share` of the way from `from` to `to`, or beyond it; a tower's changes are themselves ways. */
export function interpolate(
  from: FinetuneParams<Tensor>,
  to: FinetuneParams<Tensor>,
  share: number,
): FinetuneParams<Tensor> {
  const between = (a: Tensor, b: Tensor) =>
    new Tensor(
      'float32',
      b.shape,
      float32Data(b, 'interpolate').map((value, i) => Number(a.data[i]) + share * (value - Number(a.data[i]))),
    );
  const linear = (a: Head<Tensor>['projection'], b: Head<Tensor>['projection']) => ({
    weight: between(a.weight, b.weight),
    bias: between(a.bias, b.bias),
  });
  const heads = (a: Head<Tensor>, b: Head<Tensor>): Head<Tensor> => ({
    adapters: b.adapters.map(({ down, up }, i) => ({
      down: linear(a.adapters[i]!.down, down),
      up: linear(a.adapters[i]!.up, up),
    })),
    projection: linear(a.projection, b.projection),
  });
  return {
    tower: Object.fromEntries(
      Object.entries(to.tower).map(([name, change]) => [name, between(from.tower[name]!, change)]),
    ),
    picture: heads(from.picture, to.picture),
    logLogitScale: between(from.logLogitScale, to.logLogitScale),
  };
}
