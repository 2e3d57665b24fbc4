/**
 * @file Inference where shapes are unknown, as imported files leave them: what is inferred from less never contradicts what is inferred
 * from all of it, and is never refused.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dimsFit, isRanked, Rng, type Shape, unknownDim, unknownShape, zeros } from '../../src/engine/core/index.ts';
import { constant, type OpDefinition, ops, Value, type ValueType } from '../../src/engine/graph/index.ts';
import { applications, type TensorOp } from './applications.ts';
import type { Application, Operand } from './verdict.ts';

/** How much of an operand is hidden from inference. */
type Hiding = 'nothing' | 'dims' | 'shape' | 'contents';

function operandValue(operand: Operand, hiding: Hiding, name: string): Value | undefined {
  if (operand === undefined) return undefined;
  if (operand.ints && hiding !== 'contents') {
    const tensor = zeros(operand.shape, operand.dtype);
    operand.ints.forEach((one, k) => {
      (tensor.data as unknown as (number | bigint)[])[k] = operand.dtype === 'int64' ? BigInt(one) : one;
    });
    return constant(tensor);
  }
  const hidden: Partial<Record<Hiding, Shape>> = { dims: operand.shape.map(() => unknownDim), shape: unknownShape };
  const shape = operand.ints ? operand.shape : (hidden[hiding] ?? operand.shape);
  return new Value({ dtype: operand.dtype, shape }, { kind: 'input', name });
}

function infer(application: Application, hiding: (operand: number) => Hiding): readonly ValueType[] {
  const op: OpDefinition = ops[application.opType];
  const inputs = application.operands.map((operand, i) => operandValue(operand, hiding(i), `operand${i}`));
  return op.infer(inputs, application.attributes);
}

/** Whether nothing that is said of the one shape is denied by the other. */
function agree(a: Shape, b: Shape): boolean {
  if (!isRanked(a) || !isRanked(b)) return true;
  return a.length === b.length && a.every((dim, axis) => dimsFit(dim, b[axis]));
}

function isWellFormed(application: Application): boolean {
  try {
    infer(application, () => 'nothing');
    return true;
  } catch {
    return false;
  }
}

const hidings: readonly Hiding[] = ['nothing', 'dims', 'shape', 'contents'];

describe('inference from shapes that are not known', () => {
  it.each(Object.keys(applications) as TensorOp[])('%s says nothing wrong and refuses nothing', (opType) => {
    const wellFormed = fc.sample(applications[opType](opType), { numRuns: 80, seed: 3 }).filter(isWellFormed);
    expect(wellFormed.length, 'well-formed applications').toBeGreaterThan(8);
    const rng = new Rng(opType);
    for (const application of wellFormed) {
      const known = infer(application, () => 'nothing');
      const hiding = application.operands.map(() => hidings[rng.integer(hidings.length)]!);
      const inferred = infer(application, (i) => hiding[i]!);
      const what = `${JSON.stringify(application.operands)} ${hiding}`;
      expect(inferred.length, what).toBe(known.length);
      inferred.forEach((type, i) => {
        expect(type.dtype, what).toBe(known[i]!.dtype);
        expect(agree(type.shape, known[i]!.shape), `${what}: [${type.shape}], not [${known[i]!.shape}]`).toBe(true);
      });
    }
  });
});
