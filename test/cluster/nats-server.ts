/** @file A real nats-server for tests, which can be killed and started again over the same files. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Whether there is one on this machine. */
export const hasNatsServer: boolean = spawnSync('nats-server', ['--version']).status === 0;

/** A server that keeps its streams in a folder. */
export class NatsServer {
  readonly address: string;
  readonly #port: number;
  readonly #directory: string;
  #child: ChildProcess | undefined;

  private constructor(port: number, directory: string) {
    this.#port = port;
    this.#directory = directory;
    this.address = `nats://127.0.0.1:${port}`;
  }

  /** Starts a server on a free port. */
  static async start(directory: string): Promise<NatsServer> {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as { port: number };
    probe.close();
    await once(probe, 'close');
    const server = new NatsServer(port, directory);
    await server.restart();
    return server;
  }

  /** Starts it; resolves when it takes connections. */
  async restart(): Promise<void> {
    const child = spawn('nats-server', ['-js', '-sd', this.#directory, '-a', '127.0.0.1', '-p', String(this.#port)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    await new Promise<void>((ready, failed) => {
      let text = '';
      child.once('exit', () => failed(new Error(`nats-server ended: ${text}`)));
      // It is read to the end: a server whose errors nobody reads is ended by the system.
      child.stderr!.on('data', (chunk) => {
        text += chunk;
        if (text.includes('Server is ready')) ready();
      });
    });
  }

  /** Ends it without a word. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
}
