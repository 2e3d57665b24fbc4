/** @file The image towers give what TensorFlow.js gives for the packages' own models, at every depth. */
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Tensor } from '../../src/engine/core/index.ts';
import { compile, type Executable } from '../../src/engine/runtime/index.ts';
import { type ImageOutput, type ImageVariant, imageTower } from '../../src/model/towers/index.ts';
import { graphReference, layersReference, maxDifference, towerFiles, twemoji, unitPictures } from './reference.ts';

const scope =
  'StatefulPartitionedCall/sequential/keras_layer/StatefulPartitionedCall/StatefulPartitionedCall/StatefulPartitionedCall/predict/MobilenetV2';

/** For each map, the name of the layer or node in the package's model. */
const variants: {
  variant: ImageVariant;
  maps: [ImageOutput, string][];
  reference: (names: readonly string[], pictures: tf.Tensor4D) => Promise<tf.Tensor[]>;
}[] = [
  {
    variant: 'mobilenet-v2',
    maps: [
      ['block2', 'block_2_add'],
      ['block5', 'block_5_add'],
      ['block9', 'block_9_add'],
      ['block12', 'block_12_add'],
      ['block15', 'block_15_add'],
      ['block16', 'block_16_project_BN'],
      ['final', 'out_relu'],
      ['pooled', 'flatten_1'],
    ],
    reference: layersReference,
  },
  {
    variant: 'mobilenet-v2-mid',
    maps: [
      ['block2', `${scope}/expanded_conv_2/add`],
      ['block5', `${scope}/expanded_conv_5/add`],
      ['block9', `${scope}/expanded_conv_9/add`],
      ['block12', `${scope}/expanded_conv_12/add`],
      ['block15', `${scope}/expanded_conv_15/add`],
      ['block16', `${scope}/expanded_conv_16/project/BatchNorm/FusedBatchNormV3`],
      ['final', `${scope}/Conv_1/Relu6`],
      [
        'pooled',
        'StatefulPartitionedCall/sequential/keras_layer/StatefulPartitionedCall/StatefulPartitionedCall/StatefulPartitionedCall/predict/feature_vector/SpatialSqueeze',
      ],
    ],
    reference: graphReference,
  },
];

const pictures = await twemoji(['1f355', '1f408-200d-2b1b', '26c8'], 224);

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe.each(variants)('the $variant tower', ({ variant, maps, reference }) => {
  const outputs = [...maps.map(([output]) => output), 'block12Pooled' as const];
  let results: Record<string, Tensor>;
  let tower: Executable;

  beforeAll(async () => {
    const definition = imageTower({ variant, outputs });
    tower = await compile(definition.build(towerFiles(definition)));
    results = await tower.run({ pictures });
  });

  afterAll(() => tower.close());

  it('gives the maps and features of the original, for real pictures', async () => {
    const expected = await reference(
      maps.map(([, name]) => name),
      unitPictures(pictures),
    );
    for (const [i, [output]] of maps.entries()) {
      const original = expected[i]!;
      const channelsFirst = original.rank === 4 ? tf.transpose(original, [0, 3, 1, 2]) : original;
      expect(results[output]!.shape, output).toEqual(channelsFirst.shape);
      const values = channelsFirst.dataSync() as Float32Array;
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const ours = results[output]!.data as Float32Array;
      if (output === 'pooled') expect(maxDifference(ours, values), output).toBeLessThan(1e-4);
      else expect(maxDifference(ours, values) / largest, output).toBeLessThan(1e-5);
    }
  }, 60_000);

  it('gives each picture the same features in any batch', async () => {
    const single = new Tensor('uint8', [1, 224, 224, 3], pictures.data.slice(224 * 224 * 3, 2 * 224 * 224 * 3));
    const alone = (await tower.run({ pictures: single })).pooled!;
    const dim = alone.shape[1]!;
    const together = (results.pooled!.data as Float32Array).subarray(dim, 2 * dim);
    expect(maxDifference(alone.data as Float32Array, together)).toBeLessThan(1e-5);
  });

  it('pools a stage to the mean over its plane', () => {
    const map = results.block12!;
    const [, channels, height, width] = map.shape as [number, number, number, number];
    const area = height * width;
    const plane = (map.data as Float32Array).subarray((channels + 3) * area, (channels + 4) * area);
    const mean = plane.reduce((sum, value) => sum + value, 0) / area;
    expect((results.block12Pooled!.data as Float32Array)[channels + 3]).toBeCloseTo(mean, 4);
  });
});

it('agrees with the original at another size too', async () => {
  const small = await twemoji(['1f355', '1f98a'], 96);
  const definition = imageTower({ variant: 'mobilenet-v2-mid', size: 96, outputs: ['final'] });
  const tower = await compile(definition.build(towerFiles(definition)));
  const { final } = await tower.run({ pictures: small });
  await tower.close();
  const [original] = await graphReference([`${scope}/Conv_1/Relu6`], unitPictures(small));
  const expected = tf.transpose(original!, [0, 3, 1, 2]);
  expect(final!.shape).toEqual(expected.shape);
  expect(maxDifference(final!.data as Float32Array, expected.dataSync() as Float32Array)).toBeLessThan(1e-4);
});

it('takes other sizes that are multiples of 32, and computes no more than asked', () => {
  const definition = imageTower({ variant: 'mobilenet-v2', size: 96, outputs: ['block5'] });
  const graph = definition.build(towerFiles(definition));
  expect(graph.outputs[0]!.value.shape).toEqual(['batch', 32, 12, 12]);
  expect(graph.nodes.filter((node) => node.op.opType === 'Conv')).toHaveLength(1 + 2 + 5 * 3);
  expect(() => imageTower({ variant: 'mobilenet-v2', size: 100 })).toThrow('multiple of 32');
});
