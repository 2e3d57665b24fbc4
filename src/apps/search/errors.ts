/** @file What can go wrong with a library that a caller may want to tell apart. */

/** Thrown when a library was made with another encoder, so its vectors do not compare with those of this one. */
export class EncoderMismatchError extends Error {
  override readonly name = 'EncoderMismatchError';
}

/** Thrown where a question needs every segment at hand, and the library does not fit in memory. */
export class LibraryTooLargeError extends Error {
  override readonly name = 'LibraryTooLargeError';
}

/** Thrown when another process, or another run in this one, is writing to the library. */
export class LibraryBusyError extends Error {
  override readonly name = 'LibraryBusyError';
}
