/** @file MobileNetV2 from the installed package, as an imported ONNX file of which every convolution is trained, with a new head. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Rng, Tensor } from '../../src/engine/core/index.ts';
import type { Value } from '../../src/engine/graph/index.ts';
import { exportOnnx, importOnnx, type OnnxModel } from '../../src/engine/onnx/index.ts';
import { imageTower, initLinear, type Linear, linear } from '../../src/model/index.ts';
import { classes, crossEntropy, network } from './network.ts';

/**
 * Small pictures, so that few activations lie within rounding of an edge of ReLU6: where one falls on the other side than PyTorch's, its
 * gradient is all there or all gone. At 96 pixels that happens about once in seven steps, at 32 hardly ever.
 */
const [numPictures, size, numClasses] = [2, 32, 4];

/** The tower as an ONNX file, read back. */
function importedTower(): OnnxModel {
  const tower = imageTower({ variant: 'mobilenet-v2', size });
  const folder = fileURLToPath(new URL(`../../node_modules/${tower.package}`, import.meta.url));
  const files = new Map(tower.files.map((file) => [file, readFileSync(join(folder, file))]));
  return importOnnx(exportOnnx(tower.build(files)));
}

/** The names of weight and bias of every convolution, in the order in which they are computed. */
function convolutionsOf(model: OnnxModel): { readonly weight: string; readonly bias: string }[] {
  const nameOf = (value: Value | undefined) => {
    if (value?.origin.kind !== 'constant' || value.origin.name === undefined) throw new Error(`${value} has no name`);
    return value.origin.name;
  };
  return model.graph.nodes
    .filter((node) => node.op.opType === 'Conv')
    .map((node) => ({ weight: nameOf(node.inputs[1]), bias: nameOf(node.inputs[2]) }));
}

interface FineTuned<T> {
  readonly head: Linear<T>;
  readonly [convolution: `conv${number}`]: Linear<T>;
}

/** The network: pictures `uint8[B, S, S, 3]` through every layer of the tower to a head over classes. */
export function imageTowerFineTuned() {
  const model = importedTower();
  const convolutions = convolutionsOf(model);
  const rng = new Rng('mobilenet');
  const pixels = Uint8Array.from({ length: numPictures * size * size * 3 }, () => rng.integer(256));
  return network({
    name: 'mobilenet',
    settings: { learningRate: 1e-4, epsilon: 1e-3 },
    params: {
      ...Object.fromEntries(
        convolutions.map(({ weight, bias }, i) => [
          `conv${i}`,
          { weight: model.parameters.get(weight)!, bias: model.parameters.get(bias)! },
        ]),
      ),
      head: initLinear(rng, 1280, numClasses),
    },
    batch: {
      pictures: new Tensor('uint8', [numPictures, size, size, 3], pixels),
      targets: classes('mobilenet targets', numPictures, numClasses),
    },
    outputs(p: FineTuned<Value>, { pictures, targets }) {
      const weights = convolutions.flatMap(({ weight, bias }, i) => [
        [weight, p[`conv${i}`]!.weight],
        [bias, p[`conv${i}`]!.bias],
      ]);
      const pooled = model.apply(Object.fromEntries(weights), { pictures }).pooled!;
      const logits = linear(p.head, pooled);
      return { pooled, logits, loss: crossEntropy(logits, targets) };
    },
  });
}
