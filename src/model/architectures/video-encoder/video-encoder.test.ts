import { describe, expect, it } from 'vitest';
import { leaves, mapTree, Rng, ShapeError, Tensor, type Tree } from '../../../engine/core/index.ts';
import { constant, spec, trace, Value } from '../../../engine/graph/index.ts';
import { compile } from '../../../engine/runtime/index.ts';
import { type ClipLearner, clipLoss, initClipLearner } from './clip-contrast.ts';
import { initVideoHead, type VideoHead, videoHead } from './video-head.ts';
import { initVideoTower, type VideoTower, videoTower } from './video-tower.ts';

const options = { pictureDim: 6, numFrames: 4, thumbnailSize: 8, dim: 8, numLayers: 1, numHeads: 2 };
const tower = initVideoTower(new Rng(1), options);
/** `mapTree` without its types, which are as deep as the tree is unknown. */
const mapLeaves = mapTree as (tree: unknown, transform: (leaf: Tensor) => unknown) => unknown;
const constants = <T>(of: unknown) => mapLeaves(of, (leaf) => constant(leaf)) as T;

const random = (rng: Rng, shape: readonly number[]) =>
  new Tensor('float32', shape, rng.fillUniform(new Float32Array(shape.reduce((a, b) => a * b, 1)), 0, 1));

function clips(seed: string, count: number) {
  const rng = new Rng(seed);
  return { pictureFeatures: random(rng, [count, 4, 6]), thumbnails: random(rng, [count, 4, 8, 8, 3]) };
}

type Clips = ReturnType<typeof clips>;

/** The frames of every clip in another order. */
function reordered({ pictureFeatures, thumbnails }: Clips, order: readonly number[]): Clips {
  const moved = ({ shape, data }: Tensor<'float32'>) => {
    const size = data.length / (shape[0]! * 4);
    const out = data.slice();
    for (let clip = 0; clip < shape[0]!; clip++) {
      order.forEach((from, to) => {
        out.set(data.subarray((clip * 4 + from) * size, (clip * 4 + from + 1) * size), (clip * 4 + to) * size);
      });
    }
    return new Tensor('float32', shape, out);
  };
  return { pictureFeatures: moved(pictureFeatures), thumbnails: moved(thumbnails) };
}

async function features(of: VideoTower<Tensor>, seen: Clips, batch: number | string = 'batch') {
  const graph = trace(
    (inputs: { pictureFeatures: Value; thumbnails: Value }) => ({
      out: videoTower(constants<VideoTower<Value>>(of), inputs, options),
    }),
    { pictureFeatures: spec([batch, 4, 6]), thumbnails: spec([batch, 4, 8, 8, 3]) },
  );
  const executable = await compile(graph, { numThreads: 1 });
  const { out } = await executable.run(seen);
  await executable.close();
  return out as Tensor<'float32'>;
}

const distance = (a: Float32Array, b: Float32Array) => Math.hypot(...a.map((value, i) => value - b[i]!));

describe('videoTower', () => {
  it('gives each clip its features, whatever else is in the batch', async () => {
    const two = clips('two', 2);
    const both = await features(tower, two, 2);
    expect(both.shape).toEqual([2, 8]);
    const second = {
      pictureFeatures: new Tensor('float32', [1, 4, 6], two.pictureFeatures.data.slice(24)),
      thumbnails: new Tensor('float32', [1, 4, 8, 8, 3], two.thumbnails.data.slice(4 * 192)),
    };
    expect(distance((await features(tower, second)).data, both.data.slice(8))).toBeLessThan(1e-4);
  });

  it('tells a clip from the same frames in another order', async () => {
    const clip = clips('one', 1);
    const [forward, backward] = [await features(tower, clip), await features(tower, reordered(clip, [3, 2, 1, 0]))];
    expect(distance(forward.data, backward.data)).toBeGreaterThan(0.05);
  });

  it('sees order through positions and changes alone', async () => {
    const still = {
      weight: new Tensor('float32', [6, 8], tower.place.weight.data.slice(0, 48) as Float32Array),
      bias: tower.picture.bias,
    };
    const place = mapLeaves(
      tower.place,
      ({ shape, data }) => new Tensor('float32', shape, new Float32Array(data.length)),
    );
    const blind = {
      ...tower,
      picture: still,
      place: place as VideoTower<Tensor>['place'],
      positions: new Tensor('float32', [4, 8], new Float32Array(32)),
    };
    const clip = clips('blind', 1);
    const [forward, shuffled] = [await features(blind, clip), await features(blind, reordered(clip, [2, 0, 3, 1]))];
    expect(distance(forward.data, shuffled.data)).toBeLessThan(1e-4);
  });

  it('stays within four million parameters at its full size', () => {
    const full = initVideoTower(new Rng(1), {
      pictureDim: 2320,
      numFrames: 8,
      thumbnailSize: 16,
      dim: 256,
      numLayers: 2,
      numHeads: 4,
    });
    const count = leaves<Tensor>(full as unknown as Tree<Tensor>).reduce((sum, [, leaf]) => sum + leaf.data.length, 0);
    expect(count).toBeLessThan(4e6);
    expect(count).toBeGreaterThan(2e6);
  });

  it('refuses clips of another length and thumbnails of another size', () => {
    const input = (shape: readonly number[]) => new Value({ dtype: 'float32', shape }, { kind: 'input', name: 'x' });
    const params = constants<VideoTower<Value>>(tower);
    const [pictureFeatures, thumbnails] = [input([1, 4, 6]), input([1, 4, 8, 8, 3])];
    expect(() => videoTower(params, { pictureFeatures: input([1, 5, 6]), thumbnails }, options)).toThrow(ShapeError);
    expect(() => videoTower(params, { pictureFeatures, thumbnails: input([1, 4, 9, 8, 3]) }, options)).toThrow(
      '[B, 4, 8, 8, 3]',
    );
  });
});

describe('videoHead', () => {
  const fresh = initVideoHead(new Rng(2), { featureDim: 5, spaceDim: 3, hiddenDim: 7 });

  async function embed(of: VideoHead<Tensor>, frames: Tensor<'float32'>, own: Tensor<'float32'>) {
    const graph = trace(
      (inputs: { frames: Value; features: Value }) => ({
        out: videoHead(constants<VideoHead<Value>>(of), inputs.frames, inputs.features),
      }),
      { frames: spec(['batch', 2, 3]), features: spec(['batch', 5]) },
    );
    const executable = await compile(graph, { numThreads: 1 });
    const { out } = await executable.run({ frames, features: own });
    await executable.close();
    return Array.from(out!.data as Float32Array);
  }

  const frames = new Tensor('float32', [1, 2, 3], Float32Array.of(1, 0, 0, 0, 0.6, 0.8));
  const own = random(new Rng('own'), [1, 5]);

  it('is the mean of the frames at length 1 until it is trained', async () => {
    // (1, 0.6, 0.8) has the length √2.
    const expected = [1, 0.6, 0.8].map((value) => value / Math.SQRT2);
    (await embed(fresh, frames, own)).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 5);
    });
  });

  it('moves with the features once the gate is open, and stays at length 1', async () => {
    const open = { ...fresh, gate: new Tensor('float32', [], Float32Array.of(1)) };
    const moved = await embed(open, frames, own);
    expect(Math.hypot(...moved)).toBeCloseTo(1, 5);
    const other = await embed(open, frames, random(new Rng('other'), [1, 5]));
    expect(Math.hypot(...moved.map((value, i) => value - other[i]!))).toBeGreaterThan(1e-3);
  });
});

describe('clipLoss', () => {
  const learner = initClipLearner(new Rng(3), { ...options, numMotions: 4 });

  async function lossOf(of: ClipLearner<Tensor>, targets: { motion: number[]; direction: number[]; side: number[] }) {
    const target = (values: readonly number[], width: number) =>
      new Tensor('float32', [4, width], Float32Array.from(values));
    const graph = trace(
      (batch: { pictureFeatures: Value; thumbnails: Value; motion: Value; direction: Value; side: Value }) => {
        const { loss, metrics } = clipLoss(constants<ClipLearner<Value>>(of), batch, options);
        const figures = { loss, ...metrics };
        return Object.fromEntries(Object.entries(figures).map(([name, value]) => [`figure.${name}`, value]));
      },
      {
        pictureFeatures: spec([4, 4, 6]),
        thumbnails: spec([4, 4, 8, 8, 3]),
        motion: spec([4, 4]),
        direction: spec([4, 2]),
        side: spec([4, 2]),
      },
    );
    const executable = await compile(graph, { numThreads: 1 });
    const out = await executable.run({
      ...clips('loss', 4),
      motion: target(targets.motion, 4),
      direction: target(targets.direction, 2),
      side: target(targets.side, 2),
    });
    await executable.close();
    return Object.fromEntries(Object.entries(out).map(([name, value]) => [name.slice(7), Number(value.data[0])]));
  }

  const zeros = (linear: { weight: Tensor; bias: Tensor }) =>
    mapLeaves(
      linear,
      ({ shape, data }) => new Tensor('float32', shape, new Float32Array(data.length)),
    ) as typeof linear;
  const knowsNothing = {
    ...learner,
    motion: zeros(learner.motion),
    direction: zeros(learner.direction),
    side: zeros(learner.side),
    instance: zeros(learner.instance),
  };

  it('is the logarithm of the number of choices where nothing is known', async () => {
    const motion = [1, 0, 0, 0, 0, 1, 0, 0, ...Array(8).fill(0)];
    const direction = [0, 0, 0, 0, 1, 0, 0, 1];
    const figures = await lossOf(knowsNothing, { motion, direction, side: Array(8).fill(0) });
    // Half of the rows are asked for the motion, the other half for the direction, none for the side; two instances.
    expect(figures.motion).toBeCloseTo(Math.log(4) / 2, 5);
    expect(figures.direction).toBeCloseTo(Math.log(2) / 2, 5);
    expect(figures.side).toBeCloseTo(0, 6);
    expect(figures.instance).toBeCloseTo(Math.log(2), 5);
    expect(figures.loss).toBeCloseTo(figures.motion! + figures.direction! + 0.5 * figures.instance!, 5);
  });

  it('refuses a clip without its second view', () => {
    const input = (shape: readonly number[]) => new Value({ dtype: 'float32', shape }, { kind: 'input', name: 'x' });
    const batch = {
      pictureFeatures: input([3, 4, 6]),
      thumbnails: input([3, 4, 8, 8, 3]),
      motion: input([3, 4]),
      direction: input([3, 2]),
      side: input([3, 2]),
    };
    expect(() => clipLoss(constants<ClipLearner<Value>>(learner), batch, options)).toThrow('two views of each clip');
  });
});
