/** @file A peer in Python that stays alive and answers one JSON line to each line it is sent, so that it can take turns with us. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';

/** The interpreters to look in: Debian's packages belong to the second one even where another comes first on the PATH. */
const interpreters = ['python3', '/usr/bin/python3'];

/** The first interpreter that can import `module`; undefined if none can. */
export function findPythonWith(module: string): string | undefined {
  return interpreters.find((python) => spawnSync(python, ['-c', `import ${module}`]).status === 0);
}

/** A Python script that is running and answers. */
export class PythonPeer {
  readonly #process: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(python: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.#process = spawn(python, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...environment },
    });
    this.#answers = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  /** Sends a line and returns the answer. @throws Error if the script ended instead. */
  async ask<T>(line: string): Promise<T> {
    this.#process.stdin!.write(`${line}\n`);
    const answer = await this.#answers.next();
    if (answer.done) throw new Error(`the peer "${this.#process.spawnargs.join(' ')}" ended without an answer`);
    return JSON.parse(answer.value) as T;
  }

  /** Ends the script. */
  close(): void {
    this.#process.stdin!.end();
    this.#process.kill();
  }
}
