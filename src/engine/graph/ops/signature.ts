/** @file What many ops share in the types that they take and give. */
import { broadcastShapes, type Dtype, DtypeError } from '../../core/index.ts';
import { dtypeOfElemType, elemTypeOf } from '../elem-types.ts';
import { type Attributes, intOf, type OpDefinition, type Value } from '../value.ts';
import { floats, integers, numbers } from './element-types.ts';
import { requireDtype, required, requireSameDtype } from './operand.ts';

type Infer = OpDefinition['infer'];

/** @throws DtypeError unless the operand has one of the element types; long lists of them are called by what they are. */
function requireOperand(opType: string, value: Value, allowed: readonly Dtype[]): void {
  const kind = new Map([
    [numbers, 'numbers'],
    [integers, 'whole numbers'],
    [floats, 'floats'],
  ]).get(allowed);
  if (kind === undefined) requireDtype(opType, 'operands', value, ...allowed);
  else if (!allowed.includes(value.dtype)) throw new DtypeError(`${opType}: takes ${kind}, got ${value}`);
}

/** Operands of one element type that broadcast. */
export const broadcasting =
  (opType: string, allowed: readonly Dtype[], resultDtype?: Dtype): Infer =>
  (inputs) => {
    const first = required(opType, inputs, 0);
    const present = inputs.map((_, i) => required(opType, inputs, i));
    requireOperand(opType, first, allowed);
    requireSameDtype(opType, ...present);
    return [
      { dtype: resultDtype ?? first.dtype, shape: broadcastShapes(opType, ...present.map((value) => value.shape)) },
    ];
  };

/** One operand, whose shape the result has. */
export const elementwise =
  (opType: string, allowed: readonly Dtype[], resultDtype?: Dtype): Infer =>
  (inputs) => {
    const x = required(opType, inputs, 0);
    requireOperand(opType, x, allowed);
    return [{ dtype: resultDtype ?? x.dtype, shape: x.shape }];
  };

/** The element type that the attribute `name` gives by its number. @throws DtypeError if it is not one of ours. */
export function dtypeAttribute(opType: string, attributes: Attributes, name: string, fallback: Dtype): Dtype {
  const elemType = intOf(attributes, name, elemTypeOf[fallback]);
  const dtype = dtypeOfElemType[elemType];
  if (dtype === undefined) throw new DtypeError(`${opType}: element type ${elemType} is not one of Sensorium's`);
  return dtype;
}
