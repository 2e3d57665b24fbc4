/** @file Whether two tensors are the same, by the tolerances of the ONNX project's own backend tests. */
import { type AnyTensor, float16Value, formatShape } from '../../src/engine/core/index.ts';

const relative = 1e-3;
const absolute = 1e-7;

/** In what `found` differs from `expected`; undefined where it does not. */
export function mismatch(found: AnyTensor, expected: AnyTensor): string | undefined {
  const type = (tensor: AnyTensor) => `${tensor.dtype}${formatShape(tensor.shape)}`;
  if (type(found) !== type(expected)) return `is ${type(found)}, not ${type(expected)}`;
  for (let i = 0; i < expected.data.length; i++) {
    const [a, b] = [numberAt(found, i), numberAt(expected, i)];
    if (typeof a === 'string' || typeof b === 'string') {
      if (a !== b) return `is ${JSON.stringify(a)} at ${i}, not ${JSON.stringify(b)}`;
    } else if (!isClose(a, b)) return `is ${a.toPrecision(3)} at ${i}, not ${b.toPrecision(3)}`;
  }
  return undefined;
}

function isClose(a: number, b: number): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b);
  if (!Number.isFinite(b)) return a === b;
  return Math.abs(a - b) <= absolute + relative * Math.abs(b);
}

function numberAt(tensor: AnyTensor, i: number): number | string {
  const item = tensor.data[i]!;
  if (typeof item === 'string') return item;
  return tensor.dtype === 'float16' ? float16Value(Number(item)) : Number(item);
}
