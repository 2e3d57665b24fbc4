/**
 * @file ONNX bytes -> models. Reads files of every IR version and of operator sets from the first on; believes nothing that the
 * bytes do not prove. decisions/0042-onnx-import.md says why it is as it is.
 */
import type { Tensor } from '../core/index.ts';
import type { Value } from '../graph/index.ts';
import { checkModel } from './check.ts';
import { type ModelMessage, readModel } from './messages.ts';
import { type Ending, OnnxModel } from './model.ts';
import { parametersOf } from './parameters.ts';
import type { ExternalData } from './tensor-message.ts';
import { FieldReader } from './wire.ts';

/** What an import may need besides the bytes. */
export interface ImportOptions {
  /** Gives the bytes of a file in which the model keeps tensors; without it such models are refused. */
  readonly externalData?: ExternalData;
  /** Which initializers are parameters; if absent, the floats that layers compute with. */
  readonly isParameter?: (name: string, tensor: Tensor) => boolean;
}

/**
 * Reads an ONNX model. Tensors are views onto the bytes where their addresses allow it: whoever writes to the bytes changes the
 * model.
 * @throws FormatError if the bytes are not a sound model; it names the place (`node 12 "conv1" (Conv): ...`).
 * @throws UnsupportedOpError if the model uses an op, or a form of one, that is not here.
 * @throws DtypeError, ShapeError if an element type is not one of Sensorium's, or if shapes do not fit.
 */
export function importOnnx(bytes: Uint8Array, options: ImportOptions = {}): OnnxModel {
  const message = readModel(new FieldReader(bytes, ''), options.externalData);
  checkModel(message);
  const parameters = parametersOf(message, options.isParameter);
  const weights = new Map([...parameters].map(([name, tensor]) => [name, { tensor, isTrained: true, of: name }]));
  return new OnnxModel({ message, weights, insertions: new Map(), ending: statedOutputs(message) });
}

/** The outputs that the file names. */
function statedOutputs(message: ModelMessage): Ending {
  const from = message.graph.outputs.map(({ name }) => name);
  return { from, apply: (values) => Object.fromEntries(from.map((name) => [name, values.get(name) as Value])) };
}
