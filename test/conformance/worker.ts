/** @file A process that runs the tests that it is sent, one at a time, so that a crash in native code ends one test only. */
import { runTest } from './run-test.ts';
import type { Test } from './suite.ts';

process.on('message', (test: Test) => {
  runTest(test, (original) => process.send?.({ original })).then(
    (outcome) => process.send?.({ outcome }),
    (error: Error) => process.send?.({ outcome: { verdict: 'failed', reason: String(error) } }),
  );
});

process.send?.('ready');
