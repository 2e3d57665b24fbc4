/** @file Every test of the suite, spread over processes. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Outcome } from './run-test.ts';
import { findTests, type Test } from './suite.ts';

const numProcesses = 2;
/** A test that takes longer has hung. */
const longestMilliseconds = 120_000;

/** A test with how it ended. */
export interface Result extends Outcome {
  readonly test: Test;
}

/** Runs every test (or those whose names hold `part`); the results are in the order of the suite. */
export async function runAll(part = ''): Promise<Result[]> {
  const tests = findTests().filter(({ name }) => name.includes(part));
  const results = new Map<Test, Outcome>();
  const queue = [...tests];
  await Promise.all(Array.from({ length: numProcesses }, () => work(queue, results)));
  return tests.map((test) => ({ test, ...results.get(test)! }));
}

async function work(queue: Test[], results: Map<Test, Outcome>): Promise<void> {
  let child: ChildProcess | undefined;
  for (let test = queue.shift(); test !== undefined; test = queue.shift()) {
    child ??= await start();
    const outcome = await ask(child, test);
    results.set(test, outcome);
    if (child.exitCode !== null || child.signalCode !== null) child = undefined;
  }
  child?.kill();
}

/** A process that has loaded what it needs. */
function start(): Promise<ChildProcess> {
  const hook = fileURLToPath(new URL('../../scripts/typescript.mjs', import.meta.url));
  const child = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), {
    execArgv: ['--import', hook],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve(child));
    child.once('exit', (code) => reject(new Error(`the process for the tests ended with ${code} before it was ready`)));
  });
}

/** What the process says of the test. Where it ends or falls silent, that is the outcome: of ONNX Runtime's own, or of ours. */
function ask(child: ChildProcess, test: Test): Promise<Outcome> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), longestMilliseconds);
    let original: Outcome | undefined;
    const finish = (outcome: Outcome) => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
      resolve(outcome);
    };
    const onMessage = (message: { original?: Outcome; outcome?: Outcome }) => {
      original ??= message.original;
      if (message.outcome !== undefined) finish(message.outcome);
    };
    const onExit = (code: number | null, signal: string | null) => {
      const reason = `the process ended with ${signal ?? `code ${code}`}`;
      finish(original?.verdict === 'passed' ? { verdict: 'failed', reason } : { verdict: 'unsupported', reason });
    };
    child.on('message', onMessage);
    child.on('exit', onExit);
    child.send(test);
  });
}
