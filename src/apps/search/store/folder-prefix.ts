/** @file What lies within a folder, told by the path. */
import { sep } from 'node:path';

/** The path of a folder with a separator at its end, so that `/a` is not taken to hold `/ab`. */
export function folderPrefix(folder: string): string {
  return folder.endsWith(sep) ? folder : folder + sep;
}
