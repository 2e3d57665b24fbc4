/** @file Ops on the bits of whole numbers, element by element. */
import type { Dtype } from '../../core/index.ts';
import { applyOp1, defineOp, type OpDefinition, string, stringOf, type Value } from '../value.ts';
import { integers } from './element-types.ts';
import { type Operand, operands } from './operand.ts';
import { broadcasting, elementwise } from './signature.ts';

const unsigned: readonly Dtype[] = ['uint64', 'uint32', 'uint16', 'uint8'];

/** The bitwise op definitions. */
export const bitwiseOps = {
  BitShift: defineOp('BitShift', (inputs, attributes) => {
    const direction = stringOf(attributes, 'direction', '');
    if (direction !== 'LEFT' && direction !== 'RIGHT') {
      throw new RangeError(`BitShift: the direction must be LEFT or RIGHT, got "${direction}"`);
    }
    return broadcasting('BitShift', unsigned)(inputs, attributes);
  }),
  BitwiseAnd: defineOp('BitwiseAnd', broadcasting('BitwiseAnd', integers)),
  BitwiseOr: defineOp('BitwiseOr', broadcasting('BitwiseOr', integers)),
  BitwiseXor: defineOp('BitwiseXor', broadcasting('BitwiseXor', integers)),
  BitwiseNot: defineOp('BitwiseNot', elementwise('BitwiseNot', integers)),
} as const;

const binary =
  (op: OpDefinition) =>
  (a: Operand, b: Operand): Value =>
    applyOp1(op, operands(op.opType, a, b));

/** The bits that are set in both. */
export const bitwiseAnd = binary(bitwiseOps.BitwiseAnd);
/** The bits that are set in one or both. */
export const bitwiseOr = binary(bitwiseOps.BitwiseOr);
/** The bits that are set in exactly one. */
export const bitwiseXor = binary(bitwiseOps.BitwiseXor);

/** The bits that are not set in x. */
export function bitwiseNot(x: Value): Value {
  return applyOp1(bitwiseOps.BitwiseNot, [x]);
}

/** The bits of x moved by `amount` places to the left or right; zeros follow. Unsigned types only. */
export function bitShift(x: Operand, amount: Operand, direction: 'LEFT' | 'RIGHT'): Value {
  return applyOp1(bitwiseOps.BitShift, operands('BitShift', x, amount), { direction: string(direction) });
}
