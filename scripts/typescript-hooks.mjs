/** @file The module hook behind `scripts/typescript.mjs`: erases the types of every `.ts` file as it is loaded. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import typescript from 'typescript';

const compilerOptions = {
  target: typescript.ScriptTarget.ES2023,
  module: typescript.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  inlineSourceMap: true,
};

/** Node's `load` hook. */
export async function load(url, context, nextLoad) {
  if (!url.startsWith('file:') || !/\.ts$/.test(url.split('?')[0])) return nextLoad(url, context);
  const path = fileURLToPath(url.split('?')[0]);
  const text = await readFile(path, 'utf8');
  const { outputText } = typescript.transpileModule(text, { compilerOptions, fileName: path });
  return { format: 'module', shortCircuit: true, source: outputText };
}
