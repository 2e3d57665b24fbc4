/** @file The results as a table: how many tests of each family passed, and what became of every other. */
import type { Result } from './run-all.ts';
import { familyOf } from './suite.ts';

/** The verdicts, as the table heads them. */
const verdicts = {
  passed: 'passed',
  beyond: 'passed, though ONNX Runtime does not run the original',
  unsupported: 'not supported by ONNX Runtime',
  failed: 'failed',
} as const;

/** The results as Markdown: the same text for the same results. */
export function tableOf(results: readonly Result[]): string {
  const families = [...new Set(results.map(({ test }) => familyOf(test)))].sort();
  const row = (name: string, some: readonly Result[]) =>
    `| ${name} | ${Object.keys(verdicts)
      .map((verdict) => some.filter((result) => result.verdict === verdict).length)
      .join(' | ')} |`;
  const others = (verdict: Result['verdict']) => results.filter((result) => result.verdict === verdict);
  const list = (some: readonly Result[]) =>
    some.length === 0 ? ['None.'] : some.map(({ test, reason }) => `- \`${test.group}/${test.name}\`: ${reason}`);
  return [
    '# ONNX conformance',
    '',
    "The ONNX project's own backend tests: import, export, run, compare with the outputs that ship with each test. Written by `npm run conformance -- --write`.",
    '',
    `| family | ${Object.values(verdicts).join(' | ')} |`,
    '|---|---|---|---|---|',
    ...families.map((family) =>
      row(
        family,
        results.filter(({ test }) => familyOf(test) === family),
      ),
    ),
    row('**all**', results),
    '',
    '## Failed',
    '',
    ...list(others('failed')),
    '',
    '## Not supported by ONNX Runtime itself',
    '',
    ...list(others('unsupported')),
    '',
    '## Passed, though ONNX Runtime does not run the original',
    '',
    ...list(others('beyond')),
    '',
  ].join('\n');
}
