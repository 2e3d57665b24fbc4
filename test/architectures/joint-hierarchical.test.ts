import { describe, expect, it } from 'vitest';
import { leaves, Rng, Tensor } from '../../src/engine/core/index.ts';
import { constant, type Graph, spec, trace, type Value, type ValueSpec } from '../../src/engine/graph/index.ts';
import { exportOnnx, importOnnx } from '../../src/engine/onnx/index.ts';
import { compile } from '../../src/engine/runtime/index.ts';
import { adamW, compileTrainStep, type TrainStep } from '../../src/engine/train/index.ts';
import {
  type CaptionBatch,
  type Hierarchical,
  hierarchicalCaption,
  hierarchicalLoss,
  hierarchicalScores,
  hierarchicalTextEmbedding,
  initHierarchical,
  initJoint,
  initTextDecoder,
  type Joint,
  jointCaption,
  jointLoss,
  jointTextEmbedding,
  type MediaBatch,
  mediaLatents,
  type TextDecoder,
} from '../../src/model/index.ts';
import { mediaMask } from '../../src/model/nn/media-mask.ts';
import { nextTokenScores, textStates } from '../../src/model/nn/text-decoder.ts';
import { constants, mapTree, maxTokens, numItems, stirred, tinyBatch, tinySizes } from './tiny-captions.ts';

const batch = tinyBatch();
const specs = mapTree(batch, ({ shape, dtype }) => spec(shape, dtype)) as CaptionBatch<ValueSpec>;
// A decoder with opinions, as one that has learned a language: it gives its scores a wide range, and a frozen one must be able to.
const decoder = stirred(initTextDecoder(new Rng('decoder'), tinySizes), 'opinions', 0.4);
const joint = initJoint(new Rng('joint'), tinySizes, decoder);
const hierarchical = initHierarchical(new Rng('hierarchical'), tinySizes);
const frozen = constants<TextDecoder<Value>>(decoder);
const numThreads = 1;

type Outputs = Record<string, Value>;
const traceTree = trace as unknown as (fn: (inputs: CaptionBatch<Value>) => Outputs, specs: unknown) => Graph;

/** Both architectures with the same questions to them. */
const architectures = {
  joint: (of: Joint<Tensor> = stirred(joint)) => {
    const params = constants<Joint<Value>>(of);
    return {
      caption: (input: CaptionBatch<Value>) => jointCaption(params, input, tinySizes),
      text: (ids: Value) => jointTextEmbedding(params, ids, tinySizes),
    };
  },
  hierarchical: (of: Hierarchical<Tensor> = stirred(hierarchical)) => {
    const params = constants<Hierarchical<Value>>(of);
    return {
      caption: (input: CaptionBatch<Value>) => hierarchicalCaption(params, frozen, input, tinySizes),
      text: (ids: Value) => hierarchicalTextEmbedding(params, frozen, ids, tinySizes),
    };
  },
};

const feedsOf = (of: CaptionBatch<Tensor>, graph: Graph) => {
  const all = new Map(leaves<Tensor>(of as never));
  return Object.fromEntries(graph.inputs.map(({ name }) => [name, all.get(name)!]));
};

async function run(graph: Graph, of: CaptionBatch<Tensor> = batch) {
  const executable = await compile(graph, { numThreads });
  try {
    return await executable.run(feedsOf(of, graph));
  } finally {
    await executable.close();
  }
}

const largest = (a: Tensor, b: Tensor, from = 0, to = a.data.length) => {
  let most = 0;
  for (let i = from; i < to; i++) most = Math.max(most, Math.abs(Number(a.data[i]) - Number(b.data[i])));
  return most;
};

/** The batch with some tensor changed at some places. */
function changed(path: string, change: (data: Tensor['data']) => void): CaptionBatch<Tensor> {
  return mapTree(batch, (leaf, own) => {
    if (own !== path) return leaf;
    const data = leaf.data.slice();
    change(data);
    return new Tensor(leaf.dtype, leaf.shape, data as never);
  }) as CaptionBatch<Tensor>;
}

describe.each(['joint', 'hierarchical'] as const)('the %s architecture', (name) => {
  const model = architectures[name]();
  const caption = traceTree((input) => model.caption(input), { media: specs.media, ids: specs.ids });
  const vocabulary = tinySizes.vocabularySize;

  it('does not peek: a later token changes no earlier score, and no media vector', async () => {
    const before = await run(caption);
    const at = 2;
    const after = await run(
      caption,
      changed('ids', (ids) => {
        for (let item = 0; item < numItems; item++) (ids as BigInt64Array)[item * maxTokens + at] = BigInt(7 + item);
      }),
    );
    for (let item = 0; item < numItems; item++) {
      const row = item * maxTokens * vocabulary;
      expect(largest(before.scores!, after.scores!, row, row + at * vocabulary)).toBe(0);
      expect(
        largest(before.scores!, after.scores!, row + at * vocabulary, row + (at + 1) * vocabulary),
      ).toBeGreaterThan(1e-4);
    }
    expect(largest(before.embedding!, after.embedding!)).toBe(0);
  });

  it('takes nothing from a modality that is absent, and something from one that is there', async () => {
    const before = await run(caption);
    const after = await run(
      caption,
      changed('media.sound', (data) => {
        (data as Float32Array).fill(3);
      }),
    );
    const { present } = batch.media;
    const textRow = maxTokens * vocabulary;
    for (let item = 0; item < numItems; item++) {
      const difference = largest(before.scores!, after.scores!, item * textRow, (item + 1) * textRow);
      const moved = largest(
        before.embedding!,
        after.embedding!,
        item * tinySizes.spaceDim,
        (item + 1) * tinySizes.spaceDim,
      );
      if (present.data[3 * item + 2] === 0) expect(Math.max(difference, moved)).toBeLessThan(1e-6);
      else expect(Math.min(difference, moved)).toBeGreaterThan(1e-4);
    }
  });

  it('embeds texts on the unit sphere, whatever fills them up', async () => {
    const wide = traceTree(({ ids }) => ({ embedding: model.text(ids) }), { ids: specs.ids });
    const short = traceTree(({ ids }) => ({ embedding: model.text(ids) }), { ids: spec([1, 3], 'int64') });
    const whole = (await run(wide)).embedding!;
    // The first name has two tokens, so that its first three places hold all of it.
    const executable = await compile(short, { numThreads });
    const ids = new Tensor('int64', [1, 3], (batch.ids.data as BigInt64Array).slice(0, 3));
    const alone = (await executable.run({ ids })).embedding!;
    await executable.close();
    expect(largest(alone, whole)).toBeLessThan(1e-5);
    let square = 0;
    for (let d = 0; d < tinySizes.spaceDim; d++) square += Number(whole.data[d]) ** 2;
    expect(square).toBeCloseTo(1, 5);
  });

  it('gives the same numbers as an ONNX file', async () => {
    const graph = importOnnx(exportOnnx(caption)).toGraph();
    const [before, after] = [await run(caption), await run(graph)];
    expect(largest(before.scores!, after.scores!)).toBeLessThan(1e-5);
    expect(largest(before.embedding!, after.embedding!)).toBeLessThan(1e-5);
  });

  it('learns eight things by heart: each finds its name, and says it', async () => {
    const compileTiny = compileTrainStep as unknown as (
      options: object,
    ) => Promise<TrainStep<unknown, CaptionBatch<Tensor>>>;
    const step = await compileTiny({
      params: name === 'joint' ? joint : hierarchical,
      batch: specs,
      loss: (params: never, input: CaptionBatch<Value>) =>
        name === 'joint' ? jointLoss(params, input, tinySizes) : hierarchicalLoss(params, frozen, input, tinySizes),
      optimizer: adamW({ learningRate: 0.02, weightDecay: 0, maxGradNorm: 1 }),
      runtime: { numThreads },
    });
    try {
      const first = await step.run(batch);
      expect(first.caption!).toBeGreaterThan(0.7 * Math.log(tinySizes.vocabularySize));
      for (let i = 0; i < 120; i++) await step.run(batch);
      const last = await step.run(batch);
      expect(last.accuracy).toBe(1);
      expect(last.caption!).toBeLessThan(0.3);
    } finally {
      await step.close();
    }
  });
});

describe('the hierarchical architecture among media and text', () => {
  it('starts as the frozen decoder: closed gates let nothing through', async () => {
    const model = architectures.hierarchical(hierarchical);
    const caption = traceTree((input) => model.caption(input), { media: specs.media, ids: specs.ids });
    const plain = traceTree(({ ids }) => ({ scores: nextTokenScores(frozen, textStates(frozen, ids, tinySizes)) }), {
      ids: specs.ids,
    });
    expect(largest((await run(caption)).scores!, (await run(plain)).scores!)).toBe(0);
  });

  it.each(['all', 'latest'] as const)('shows a token the media before it and none after it (%s)', async (sees) => {
    const params = constants<Hierarchical<Value>>(stirred(hierarchical));
    // A text with the media before its places 0, 2 and 4: the first two tokens stand behind one medium, the next two behind two.
    const before = constant(new Tensor('float32', [1, maxTokens], Float32Array.of(1, 1, 2, 2, 3)));
    const graph = traceTree(
      ({ media, ids }) => {
        const latents = mediaLatents(params, media, tinySizes);
        const mask = mediaMask(media.present, before, { tokensPerMedium: tinySizes.numLatents, sees });
        return { scores: hierarchicalScores(params, frozen, { ids, latents, mask }, tinySizes) };
      },
      { media: specs.media, ids: specs.ids },
    );
    const all = changed('media.present', (data) => (data as Float32Array).fill(1));
    const withSound = (value: number): CaptionBatch<Tensor> => ({
      ...all,
      media: {
        ...all.media,
        sound: new Tensor(
          'float32',
          all.media.sound.shape,
          new Float32Array(all.media.sound.data.length).map((_, i) => Math.sin(value * i)),
        ),
      },
    });
    const withPicture = (value: number): CaptionBatch<Tensor> => ({
      ...all,
      media: {
        ...all.media,
        picture: new Tensor(
          'float32',
          all.media.picture.shape,
          new Float32Array(all.media.picture.data.length).map((_, i) => Math.sin(value * i)),
        ),
      },
    });
    const place = (at: number) => [at * tinySizes.vocabularySize, (at + 1) * tinySizes.vocabularySize] as const;
    const [soundA, soundB] = [(await run(graph, withSound(1))).scores!, (await run(graph, withSound(2))).scores!];
    // The sound is the third medium: only the last token stands behind it.
    for (const at of [0, 1, 2, 3]) expect(largest(soundA, soundB, ...place(at))).toBe(0);
    expect(largest(soundA, soundB, ...place(4))).toBeGreaterThan(1e-5);
    const [pictureA, pictureB] = [
      (await run(graph, withPicture(1))).scores!,
      (await run(graph, withPicture(2))).scores!,
    ];
    expect(largest(pictureA, pictureB, ...place(0))).toBeGreaterThan(1e-5);
  });

  it('leaves a token without media before it as it is', async () => {
    const params = constants<Hierarchical<Value>>(stirred(hierarchical));
    const none = constant(new Tensor('float32', [1, 1], Float32Array.of(0)));
    const graph = traceTree(
      ({ media, ids }) => {
        const latents = mediaLatents(params, media as MediaBatch<Value>, tinySizes);
        const mask = mediaMask(media.present, none, { tokensPerMedium: tinySizes.numLatents });
        return {
          behind: hierarchicalScores(params, frozen, { ids, latents, mask }, tinySizes),
          alone: nextTokenScores(frozen, textStates(frozen, ids, tinySizes)),
        };
      },
      { media: specs.media, ids: specs.ids },
    );
    const { behind, alone } = await run(graph);
    expect(largest(behind!, alone!)).toBe(0);
  });
});

describe('the joint architecture with conditional experts', () => {
  const experts = { ...tinySizes, experts: { numExperts: 3, numActive: 2, hiddenDim: 4 } };
  const withExperts = initJoint(new Rng('experts'), experts, decoder);
  const captionOf = (of: Joint<Tensor>) =>
    traceTree((input) => jointCaption(constants<Joint<Value>>(of), input, experts), {
      media: specs.media,
      ids: specs.ids,
    });

  it('starts as the architecture without them, and routes each modality by itself', async () => {
    const plain = traceTree(
      (input) => jointCaption(constants<Joint<Value>>({ ...withExperts, experts: [] }), input, tinySizes),
      {
        media: specs.media,
        ids: specs.ids,
      },
    );
    const [first, second] = [await run(captionOf(withExperts)), await run(plain)];
    expect(largest(first.scores!, second.scores!)).toBeLessThan(1e-6);
    // Text alone passes its experts, not those of media: another score of theirs changes nothing in it.
    const moved = stirred(withExperts);
    const rerouted = {
      ...moved,
      experts: moved.experts.map((one) => {
        const router = one.router.data.slice() as Float32Array;
        for (let i = 0; i < 9; i++) router[i] = -router[i]!;
        return { ...one, router: new Tensor('float32', one.router.shape, router) };
      }),
    };
    const textOf = (of: Joint<Tensor>) =>
      traceTree(({ ids }) => ({ embedding: jointTextEmbedding(constants<Joint<Value>>(of), ids, experts) }), {
        ids: specs.ids,
      });
    expect(largest((await run(textOf(moved))).embedding!, (await run(textOf(rerouted))).embedding!)).toBe(0);
    expect(
      largest((await run(captionOf(moved))).embedding!, (await run(captionOf(rerouted))).embedding!),
    ).toBeGreaterThan(1e-5);
  });
});
