/** @file Writes a whole bundle whose heads were never trained: the real towers, a random projection. For tests of everything around it. */
import { writeBundle } from '../../src/bundle/index.ts';
import { constant, matMul } from '../../src/engine/graph/index.ts';
import { exportOnnx, Rng, spec, trace } from '../../src/engine/index.ts';
import { imageTowerDim, initLinear, unitVectors } from '../../src/model/index.ts';

const dim = 64;

/** A head that projects `[batch, featureDim]` at random. */
function randomHead(rng: Rng, input: string, featureDim: number): Uint8Array {
  const { weight } = initLinear(rng, featureDim, dim);
  const graph = trace((features) => ({ embedding: unitVectors(matMul(features[input]!, constant(weight))) }), {
    [input]: spec(['batch', featureDim]),
  });
  return exportOnnx(graph, { name: `untrained ${input}` });
}

/** Writes the bundle into `directory`; the same every time. */
export async function writeUntrainedBundle(directory: string): Promise<void> {
  const rng = new Rng(1);
  const files = new Map([
    ['picture.onnx', randomHead(rng, 'pooled', imageTowerDim('mobilenet-v2'))],
    ['text.onnx', randomHead(rng, 'features', 512)],
  ]);
  await writeBundle(
    directory,
    {
      format: 'sensorium-bundle',
      version: 1,
      kind: 'text-image',
      name: 'untrained',
      licence: 'Apache-2.0',
      languages: ['en'],
      space: { dim },
      picture: { tower: 'mobilenet-v2', size: 96, padding: 0, outputs: ['pooled'], head: 'picture.onnx' },
      text: { tower: 'sentence-encoder', output: 'embedding', head: 'text.onnx' },
      logitScale: 1,
      provenance: {
        recipe: 'none',
        createdAt: '2026-01-01T00:00:00Z',
        commit: null,
        seed: 1,
        steps: 0,
        seconds: 0,
        settings: {},
        data: [],
        metrics: {},
      },
    },
    files,
  );
}
