/**
 * @file The error kinds that a caller may want to tell apart. A message names the subject, the rule, what came, and the fix
 * where it is known. Plain misuse of an argument is a TypeError or RangeError; an impossible state is `unreachable`.
 */

/** Thrown when the shapes given to an operation do not fit together. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
}

/** Thrown when an operation is given an element type that it does not take. */
export class DtypeError extends Error {
  override readonly name = 'DtypeError';
}

/** Thrown when a model uses an operation, or a form of one, that has no meaning here. */
export class UnsupportedOpError extends Error {
  override readonly name = 'UnsupportedOpError';
}

/** Thrown when bytes do not follow the format they claim: truncated, inconsistent, or hostile. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
}

/** Thrown when a picture, sound or video cannot be read. */
export class MediaError extends Error {
  override readonly name = 'MediaError';
}

/** Thrown when a package, file or piece of data that the work needs is not installed. */
export class MissingDataError extends Error {
  override readonly name = 'MissingDataError';
}

/** Marks a branch that the types say cannot be taken. */
export function unreachable(value: never): never {
  throw new Error(`unreachable state: ${JSON.stringify(value)}`);
}
