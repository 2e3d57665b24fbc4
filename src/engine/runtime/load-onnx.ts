/** @file ONNX files of the disk as models, with the tensors that they keep in files beside them. */
import { lstatSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { FormatError } from '../core/index.ts';
import { type ImportOptions, importOnnx, type OnnxModel } from '../onnx/index.ts';

/**
 * Reads an ONNX file. Tensors outside of it are read from files in its own folder, and from nowhere else: a name with a folder
 * in it, or a link that leads out, is refused.
 * @throws FormatError if the file, or a file that it names, is not sound or not there; else as `importOnnx`.
 */
export function loadOnnx(path: string, options: Omit<ImportOptions, 'externalData'> = {}): OnnxModel {
  const folder = realpathSync(dirname(path));
  // Caches keep the files of a model elsewhere, side by side, with links to them in its folder.
  const folders = [folder, dirname(realpathSync(path))];
  const read = new Map<string, Uint8Array>();
  const externalData = (location: string): Uint8Array => {
    const known = read.get(location) ?? readBeside(folder, folders, location);
    read.set(location, known);
    return known;
  };
  return importOnnx(readFileSync(path), { ...options, externalData });
}

/** Reads a file of `folder` that really lies in one of `folders`. */
function readBeside(folder: string, folders: readonly string[], location: string): Uint8Array {
  const named = JSON.stringify(location);
  const isPlain = location === basename(location) && !/[\\/\0:]/.test(location) && !['', '.', '..'].includes(location);
  if (!isPlain) {
    throw new FormatError(`loadOnnx: tensors may lie in files of the model's own folder, got the path ${named}`);
  }
  try {
    const path = realpathSync(join(folder, location));
    if (!folders.includes(dirname(path))) throw new FormatError(`loadOnnx: ${named} leads out of the model's folder`);
    if (!lstatSync(path).isFile()) throw new FormatError(`loadOnnx: ${named} is not a file`);
    return readFileSync(path);
  } catch (error) {
    if (error instanceof FormatError) throw error;
    throw new FormatError(`loadOnnx: the model keeps tensors in ${named}, which cannot be read`, { cause: error });
  }
}
