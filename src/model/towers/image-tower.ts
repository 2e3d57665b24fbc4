/**
 * @file MobileNetV2 (Sandler et al. 2018, arXiv 1801.04381) as the npm package nsfwjs ships it: `mobilenet-v2-mid` (width 1.4, 1792
 * features, a graph-model) and `mobilenet-v2` (width 1, 1280 features, a layers-model). Convolutional throughout, so any square
 * picture of a multiple of 32 pixels will do; the weights were trained at 224.
 *
 * N: pictures; S: side of a picture in pixels; C: channels.
 */
import {
  decodeBase64,
  readJavascriptData,
  readJavascriptText,
  readTfjsModel,
  type TfjsModel,
} from '../../engine/formats/index.ts';
import { cast, div, reduceMean, spec, trace, transpose, type Value } from '../../engine/graph/index.ts';
import { convertGraphModel } from './graph-model.ts';
import { convertLayersModel } from './layers-model.ts';
import { requireFile, type Tower } from './tower.ts';

/** The last block of each stage, where the next one changes stride or width; strides 4, 8, 16, 16, 32, 32. */
export const imageStages = ['block2', 'block5', 'block9', 'block12', 'block15', 'block16'] as const;

/** A feature map `[N, C, S / stride, S / stride]`: the end of a stage, or `final` (stride 32), which classification pools. */
export type ImageMap = (typeof imageStages)[number] | 'final';

/** What the tower can give: maps, their means over the plane `[N, C]` (`block9Pooled`), and `pooled` `[N, C]`, the mean of `final`. */
export type ImageOutput = ImageMap | `${(typeof imageStages)[number]}Pooled` | 'pooled';

/** Which MobileNetV2. */
export type ImageVariant = 'mobilenet-v2' | 'mobilenet-v2-mid';

interface VariantSource {
  readonly folder: string;
  readonly numShards: number;
  /** Channels of `pooled`. */
  readonly dim: number;
  /** A function from the name of a map to the map, given the picture in [0, 1]. */
  convert(model: TfjsModel, picture: Value): (map: ImageMap) => Value;
}

const scope =
  'StatefulPartitionedCall/sequential/keras_layer/StatefulPartitionedCall/StatefulPartitionedCall/StatefulPartitionedCall/predict/MobilenetV2';

const sources: Readonly<Record<ImageVariant, VariantSource>> = {
  'mobilenet-v2': {
    folder: 'dist/models/mobilenet_v2',
    numShards: 1,
    dim: 1280,
    convert(model, picture) {
      const layer = convertLayersModel(model, new Map([['input_1', picture]]));
      return (map) =>
        layer(map === 'final' ? 'out_relu' : `${map.replace('block', 'block_')}_${stageEnd(map, 'project_BN')}`);
    },
  },
  'mobilenet-v2-mid': {
    folder: 'dist/models/mobilenet_v2_mid',
    numShards: 2,
    dim: 1792,
    convert(model, picture) {
      const node = convertGraphModel(model, new Map([['input', picture]]));
      return (map) =>
        node(
          map === 'final'
            ? `${scope}/Conv_1/Relu6`
            : `${scope}/${map.replace('block', 'expanded_conv_')}/${stageEnd(map, 'project/BatchNorm/FusedBatchNormV3')}`,
        );
    },
  },
};

/** Block 16 widens, so it has no residual path; every other stage ends in an addition. */
function stageEnd(map: ImageMap, projection: string): string {
  return map === 'block16' ? projection : 'add';
}

/** How an image tower is made. */
export interface ImageTowerOptions {
  readonly variant: ImageVariant;
  /** S, a multiple of 32; 224 if absent. */
  readonly size?: number;
  /** Names of the graph's outputs; `['pooled']` if absent. Nothing beyond what they need is computed. */
  readonly outputs?: readonly ImageOutput[];
}

/** The number of features of `pooled`. */
export function imageTowerDim(variant: ImageVariant): number {
  return sources[variant].dim;
}

/**
 * MobileNetV2 over `pictures`, `uint8[N, S, S, 3]` RGB.
 * @throws RangeError if the size is no multiple of 32.
 */
export function imageTower({ variant, size = 224, outputs = ['pooled'] }: ImageTowerOptions): Tower {
  if (!Number.isInteger(size) || size < 32 || size % 32 !== 0) {
    throw new RangeError(`imageTower: size must be a multiple of 32, got ${size}`);
  }
  const source = sources[variant];
  const modelFile = `${source.folder}/model.min.js`;
  const shardFiles = Array.from(
    { length: source.numShards },
    (_, i) => `${source.folder}/group1-shard${i + 1}of${source.numShards}.min.js`,
  );
  return {
    name: [variant, size, ...(outputs.join() === 'pooled' ? [] : outputs)].join('-'),
    package: 'nsfwjs',
    version: '4.3.0',
    licence: 'MIT',
    files: [modelFile, ...shardFiles],
    revision: 1,
    preprocessing: { kind: 'picture', input: 'pictures', size },
    build(files) {
      const model = readTfjsModel(
        readJavascriptData(requireFile(files, modelFile)),
        shardFiles.map((path) => decodeBase64(readJavascriptText(requireFile(files, path)))),
      );
      return trace(
        ({ pictures }) => {
          const picture = div(cast(transpose(pictures, [0, 3, 1, 2]), 'float32'), 255);
          const mapNamed = source.convert(model, picture);
          return Object.fromEntries(outputs.map((output) => [output, outputNamed(output, mapNamed)]));
        },
        { pictures: spec(['batch', size, size, 3], 'uint8') },
      );
    },
  };
}

function outputNamed(output: ImageOutput, mapNamed: (map: ImageMap) => Value): Value {
  const isPooled = output === 'pooled' || output.endsWith('Pooled');
  const map = output === 'pooled' ? 'final' : (output.replace(/Pooled$/, '') as ImageMap);
  return isPooled ? reduceMean(mapNamed(map), { axes: [2, 3] }) : mapNamed(map);
}
