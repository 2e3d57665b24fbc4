/** @file What an upgrade is: how an older form of an op is said in a newer one, or in other ops. */
import { float32 } from '../../core/index.ts';
import { type Attribute, type Attributes, constant, constantInts, intOf, type Value } from '../../graph/index.ts';

/** One application of an op as a file states it. */
export interface Application {
  readonly opType: string;
  /** '' for ONNX's own. */
  readonly domain: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes: Attributes;
  /** How many outputs the file names. */
  readonly numOutputs: number;
  /** The operator set that the file goes by. */
  readonly version: number;
}

/** Applies an op in its newest form, for upgrades that need further nodes. */
export type Apply = (
  opType: string,
  inputs: readonly (Value | undefined)[],
  attributes?: Attributes,
) => readonly Value[];

/** The application in a newer form, or its outputs. @throws UnsupportedOpError if the newer forms cannot say it. */
export type Upgrade = (application: Application, apply: Apply) => Application | readonly Value[];

/** An upgrade of the forms that stand in operator sets before `before`. */
export interface UpgradeStep {
  readonly before: number;
  readonly upgrade: Upgrade;
}

/** The application without some attributes and with others. */
export function withAttributes(
  application: Application,
  without: readonly string[],
  attributes: Attributes = {},
): Application {
  const kept = Object.entries(application.attributes).filter(([name]) => !without.includes(name));
  return { ...application, attributes: { ...Object.fromEntries(kept), ...attributes } };
}

/** The application with the input at `index` replaced. */
export function withInput(application: Application, index: number, input: Value | undefined): Application {
  const inputs = Array.from({ length: Math.max(application.inputs.length, index + 1) }, (_, i) =>
    i === index ? input : application.inputs[i],
  );
  return { ...application, inputs };
}

/** Turns an attribute that lists integers into the input at `index`, which is absent where the attribute is. */
export function intsToInput(name: string, index: number): Upgrade {
  return (application) => {
    const attribute = application.attributes[name];
    const moved = withAttributes(application, [name]);
    return attribute?.kind === 'ints' ? withInput(moved, index, constantInts(attribute.value)) : moved;
  };
}

/** Sets an attribute that has another value, or another default, in newer forms. */
export const setAttribute =
  (name: string, value: Attribute): Upgrade =>
  (application) =>
    withAttributes(application, [name], { [name]: value });

/** Sets an attribute where the file leaves it out, because its default has changed. */
export const defaultAttribute =
  (name: string, value: Attribute): Upgrade =>
  (application) =>
    application.attributes[name] === undefined ? withAttributes(application, [], { [name]: value }) : application;

/** Drops attributes that say nothing any more. */
export const dropAttributes =
  (...names: readonly string[]): Upgrade =>
  (application) =>
    withAttributes(application, names);

/** A list of floats as a `float32` constant. */
export const floatsConstant = (values: readonly number[]): Value => constant(float32(values));

/** Whether an integer attribute is 1. */
export const isSet = (application: Application, name: string): boolean => intOf(application.attributes, name, 0) === 1;
