/** @file The name of a file in addresses. */
import { createHash } from 'node:crypto';

/** Says nothing of where the file lies, and is the same whoever asks and whenever. */
export function fileIdOf(path: string): string {
  return createHash('sha256').update(path).digest('base64url').slice(0, 22);
}
