/**
 * @file A contender in a process of its own that stays alive and answers one JSON line to each line it is sent, so that contenders take
 * turns and each one's memory is its own.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

/** A contender that cannot do what it was asked; the message is its own. */
export class PeerError extends Error {
  override readonly name = 'PeerError';
}

/** A process that is running and answers. */
export class Peer {
  readonly #process: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(command: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.#process = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...environment },
    });
    this.#answers = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  /**
   * Sends a line and returns the answer.
   * @throws PeerError if the answer is `{ "error": … }` or does not come in time; Error if the process ended instead.
   */
  async ask<T>(line: string, limitSeconds = 3600): Promise<T> {
    this.#process.stdin!.write(`${line}\n`);
    const limit = new AbortController();
    const answer = await Promise.race([
      this.#answers.next(),
      pause(limitSeconds * 1000, undefined, { signal: limit.signal }).catch(() => undefined),
    ]);
    limit.abort();
    if (answer === undefined) {
      this.#process.kill('SIGKILL');
      throw new PeerError(`no answer to "${line}" in ${limitSeconds} s`);
    }
    if (answer.done) throw new Error(`the peer "${this.#process.spawnargs.join(' ')}" ended without an answer`);
    const value = JSON.parse(answer.value) as T & { error?: string };
    if (value.error !== undefined) throw new PeerError(value.error);
    return value;
  }

  /** Lets the process end, and ends it if it does not within two seconds. */
  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.stdin!.end();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 2000);
    await ended;
    clearTimeout(timer);
  }
}

/** The interpreters to look in: Debian's packages belong to the second one even where another comes first on the PATH. */
const interpreters = ['python3', '/usr/bin/python3'];

/** The first interpreter that can import `module`; undefined if none can. */
export function findPythonWith(module: string): string | undefined {
  return interpreters.find((python) => spawnSync(python, ['-c', `import ${module}`]).status === 0);
}
