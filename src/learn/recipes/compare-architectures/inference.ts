/**
 * @file A trained architecture at work, as ONNX graphs of its own: one that encodes media, one that encodes texts, one that scores a text behind media,
 * one that writes the next token. B: items; T: tokens; E: dimension of the space; V: vocabulary.
 */
import { float32Data, int64, Tensor } from '../../../engine/core/index.ts';
import { type Graph, spec, trace, type Value, type ValueSpec } from '../../../engine/graph/index.ts';
import { compile, type Executable } from '../../../engine/runtime/index.ts';
import { captionLogLikelihood, type DecodeStep, type MediaBatch } from '../../../model/index.ts';
import type { CaptionWriter } from './caption-decoding.ts';
import { type ArchitectureModel, constantsOf, type SharedSizes } from './models.ts';
import type { CaptionRows } from './texts.ts';

/** The graphs of a trained architecture. */
export interface InferenceGraphs {
  readonly media: Graph;
  readonly texts: Graph;
  readonly likelihood: Graph;
  readonly step: Graph;
}

/** The specs of media for `batch` items. */
export function mediaSpecs({ media }: SharedSizes, batch: number | string): MediaBatch<ValueSpec> {
  const featureDim = media.stageDims.reduce((sum, dim) => sum + dim, 0);
  return {
    picture: spec([batch, featureDim]),
    frames: spec([batch, media.numFrames, featureDim]),
    thumbnails: spec([batch, media.numFrames, media.thumbnailDim]),
    sound: spec([batch, media.numPatches, media.patchDim]),
    present: spec([batch, 3]),
  };
}

const traceTree = trace as unknown as (fn: (inputs: never) => unknown, specs: unknown) => Graph;

/**
 * Traces the graphs of a trained architecture.
 * @param batch the number of items, or a name for any number.
 * @param past the tokens that are written when a step is taken, or a name for any number.
 */
export function inferenceGraphs(
  model: ArchitectureModel,
  trained: unknown,
  sizes: SharedSizes,
  batch: number | string = 'batch',
  past: number | string = 'past',
): InferenceGraphs {
  const params = constantsOf(trained);
  const ids = spec([batch, sizes.maxTokens], 'int64');
  const media = mediaSpecs(sizes, batch);
  const encoder = traceTree((inputs: MediaBatch<Value>) => model.encodeMedia(params, inputs), media);
  return {
    media: encoder,
    texts: traceTree((inputs: { ids: Value }) => ({ embedding: model.embedTexts(params, inputs.ids) }), { ids }),
    likelihood: traceTree(
      (inputs: { media: MediaBatch<Value>; ids: Value; targets: Value }) => ({
        logLikelihood: captionLogLikelihood(model.captionScores(params, inputs), inputs.targets),
      }),
      { media, ids, targets: ids },
    ),
    step: traceTree(
      (inputs: DecodeStep<Value>) => {
        const { scores, past: next } = model.decodeStep(params, inputs);
        return { scores, next };
      },
      stepSpecs(encoder, sizes, batch, past),
    ),
  };
}

/** What a step of writing takes, given the graph that encodes media. */
function stepSpecs(
  encoder: Graph,
  { numLayers }: SharedSizes,
  batch: number | string,
  past: number | string,
): DecodeStep<ValueSpec> {
  const shapeOf = (layer: number, part: string) =>
    encoder.outputs.find(({ name }) => name === `memory.${layer}.${part}`)!.value.shape;
  const layers = (sized: (layer: number, part: string) => ValueSpec) =>
    Array.from({ length: numLayers }, (_, layer) => ({ key: sized(layer, 'key'), value: sized(layer, 'value') }));
  return {
    ids: spec([batch, 1], 'int64'),
    position: spec([1], 'int64'),
    present: spec([batch, 3]),
    memory: layers((layer, part) => spec(shapeOf(layer, part))),
    past: layers((layer, part) => {
      const [items, numHeads, , headDim] = shapeOf(layer, part);
      return spec([items!, numHeads!, past, headDim!]);
    }),
  };
}

/** The graphs of a trained architecture, ready to run. */
export class ArchitectureInference {
  readonly #run: Readonly<Record<keyof InferenceGraphs, Executable>>;

  private constructor(run: Readonly<Record<keyof InferenceGraphs, Executable>>) {
    this.#run = run;
  }

  /** Loads the graphs. */
  static async open(graphs: InferenceGraphs, numThreads: number): Promise<ArchitectureInference> {
    const [media, texts, likelihood, step] = await Promise.all(
      [graphs.media, graphs.texts, graphs.likelihood, graphs.step].map((graph) => compile(graph, { numThreads })),
    );
    return new ArchitectureInference({ media: media!, texts: texts!, likelihood: likelihood!, step: step! });
  }

  /** The unit vectors `[B, E]` of media. */
  async embedMedia(media: MediaBatch<Tensor>): Promise<Tensor<'float32'>> {
    return embeddingOf(await this.#run.media.run({ ...media }));
  }

  /** The unit vectors `[B, E]` of texts `int64[B, T]`. */
  async embedTexts(ids: Tensor<'int64'>): Promise<Tensor<'float32'>> {
    return embeddingOf(await this.#run.texts.run({ ids }));
  }

  /** The logarithm of the probability of each text behind its media, `[B]`. */
  async logLikelihood(media: MediaBatch<Tensor>, { ids, targets }: CaptionRows): Promise<Float32Array> {
    const feeds = Object.fromEntries(Object.entries(media).map(([name, tensor]) => [`media.${name}`, tensor]));
    const { logLikelihood } = await this.#run.likelihood.run({ ...feeds, ids, targets });
    return float32Data(logLikelihood!, 'logLikelihood');
  }

  /** Encodes media and gives what writes behind them. */
  async writer(media: MediaBatch<Tensor>): Promise<CaptionWriter> {
    const { embedding: _, ...memory } = await this.#run.media.run({ ...media });
    const numLayers = Object.keys(memory).length / 2;
    const [, numHeads, , headDim] = Object.values(memory)[0]!.shape;
    let state: Record<string, Tensor> = { ...memory, present: media.present };
    for (let layer = 0; layer < numLayers; layer++) {
      for (const part of ['key', 'value']) {
        const shape = [media.present.shape[0]!, numHeads!, 0, headDim!];
        state[`past.${layer}.${part}`] = new Tensor('float32', shape, new Float32Array(0));
      }
    }
    return async ({ rows, tokens, position }) => {
      const own = Object.fromEntries(Object.entries(state).map(([name, tensor]) => [name, rowsOf(tensor, rows)]));
      const feeds = { ...own, ids: int64([...tokens], [tokens.length, 1]), position: int64([position]) };
      const { scores, ...next } = await this.#run.step.run(feeds);
      const grown = Object.entries(next).map(([name, tensor]) => [name.replace(/^next/, 'past'), tensor] as const);
      state = { ...own, ...Object.fromEntries(grown) };
      return scores as Tensor<'float32'>;
    };
  }

  /** Frees the sessions. */
  async close(): Promise<void> {
    await Promise.all(Object.values(this.#run).map((executable) => executable.close()));
  }
}

function embeddingOf({ embedding }: Readonly<Record<string, Tensor>>): Tensor<'float32'> {
  return embedding as Tensor<'float32'>;
}

/** The given rows of `[B, ...]`, in their order; the same tensor where that changes nothing. */
function rowsOf(tensor: Tensor, rows: readonly number[]): Tensor {
  const [numRows, ...rest] = tensor.shape as [number, ...number[]];
  if (rows.length === numRows && rows.every((row, i) => row === i)) return tensor;
  const size = rest.reduce((product, dim) => product * dim, 1);
  const from = float32Data(tensor, 'writer');
  const data = new Float32Array(rows.length * size);
  rows.forEach((row, i) => {
    data.set(from.subarray(row * size, (row + 1) * size), i * size);
  });
  return new Tensor('float32', [rows.length, ...rest], data);
}
