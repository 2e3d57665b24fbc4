/**
 * @file The closing line of `.ci/run`: adds vitest's JSON report to the stages that ran before, prints "N passed, N failed"
 * and fails if anything failed. A test file that could not even be loaded, and a run without a report, count as failures.
 *
 * Usage: node scripts/count-tests.mjs <report.json> <stages passed> <stages failed> <exit status of vitest>
 */
import { readFileSync } from 'node:fs';

const [path, stagesPassed, stagesFailed, status] = process.argv.slice(2);

/** What vitest wrote, or nothing if it did not come so far. */
function readReport() {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

const report = readReport();
const broken = (report?.testResults ?? []).filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
).length;
const passed = Number(stagesPassed) + (report?.numPassedTests ?? 0);
let failed = Number(stagesFailed) + (report?.numFailedTests ?? 0) + broken;
if (failed === 0 && (Number(status) !== 0 || report === undefined || report.numTotalTests === 0)) failed = 1;
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
