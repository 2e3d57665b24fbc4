/**
 * @file `npm run conformance`: runs the suite and prints its table. `--json` prints every result instead, `--write` keeps the
 * table in `table.md`, a word picks the tests whose names hold it. Ends with 1 if a test failed that ONNX Runtime passes.
 */
import { writeFileSync } from 'node:fs';
import { runAll } from './run-all.ts';
import { dataFolder, isInstalled } from './suite.ts';
import { tableOf } from './table.ts';

const options = process.argv.slice(2);
if (!isInstalled()) {
  console.error(`conformance: there are no tests in ${dataFolder}; install Debian's package libonnx-testdata`);
  process.exitCode = 1;
} else {
  const results = await runAll(options.find((option) => !option.startsWith('--')));
  if (options.includes('--write')) writeFileSync(new URL('./table.md', import.meta.url), tableOf(results));
  if (options.includes('--json')) {
    console.log(
      JSON.stringify(
        results.map(({ test, verdict, reason }) => ({ ...test, verdict, reason })),
        undefined,
        1,
      ),
    );
  } else console.log(tableOf(results));
  process.exitCode = results.some(({ verdict }) => verdict === 'failed') ? 1 : 0;
}
