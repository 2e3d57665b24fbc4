/**
 * @file Files to be indexed as messages of a queue in NATS JetStream, one subject for each shard. A message stays until a worker says that its file is durable in
 * the library; it comes again when a worker dies. What fails time after time goes to a stream of its own, with the reason.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Consumer, JetStreamClient, JetStreamManager, JsMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { MissingDataError } from '../../../engine/core/index.ts';

/** A file that somebody is to look at. */
export interface FileTask {
  /** Absolute path, the same on every machine. */
  readonly path: string;
  /** Whether it was gone when it was looked for. */
  readonly isGone?: boolean;
}

/** A task that was given up. */
export interface DeadLetter extends FileTask {
  readonly reason: string;
  readonly tries: number;
}

/** How a queue is opened. */
export interface WorkQueueOptions {
  /** `nats://host:4222`. */
  readonly servers: string;
  /** Names the queue among those of a server: small letters, digits, _ and -; `sensorium` by default. */
  readonly name?: string;
  readonly shards: number;
  /** A file that nobody has spoken of for so long is given out again, in milliseconds; 30,000 by default. */
  readonly ackWaitMs?: number;
  /** Files that are given out and not done, at most, of a shard; 256 by default. */
  readonly maxPending?: number;
}

const nanosOfMs = 1_000_000;

/** The same file with the same time is taken once within this time, in milliseconds. */
const duplicateWindowMs = 120_000;

/** A queue of files. */
export class WorkQueue {
  readonly shards: number;
  readonly ackWaitMs: number;
  readonly #connection: NatsConnection;
  readonly #stream: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #name: string;
  readonly #maxPending: number;

  private constructor(
    connection: NatsConnection,
    stream: JetStreamClient,
    manager: JetStreamManager,
    options: Required<WorkQueueOptions>,
  ) {
    this.#connection = connection;
    this.#stream = stream;
    this.#manager = manager;
    this.#name = options.name;
    this.#maxPending = options.maxPending;
    this.shards = options.shards;
    this.ackWaitMs = options.ackWaitMs;
  }

  /** Opens the queue, and makes it where there is none. @throws MissingDataError if NATS's client is not installed or its server not there. */
  static async open(options: WorkQueueOptions): Promise<WorkQueue> {
    const { servers, name = 'sensorium', shards, ackWaitMs = 30_000, maxPending = 256 } = options;
    if (!/^[a-z0-9_-]{1,40}$/.test(name)) {
      throw new TypeError(`a queue is named with small letters, digits, _ and -, got ${name}`);
    }
    const { nats, jets } = await loadClient();
    const connection = await nats
      .connect({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 500, name: `sensorium ${process.pid}` })
      .catch((cause: unknown) => {
        throw new MissingDataError(`no NATS server at ${servers}: ${(cause as Error).message}; start nats-server -js`, {
          cause,
        });
      });
    const manager = await jets.jetstreamManager(connection);
    const queue = new WorkQueue(connection, jets.jetstream(connection), manager, {
      ...{ servers, name, shards, ackWaitMs, maxPending },
    });
    await queue.#make();
    return queue;
  }

  get #work(): string {
    return `${this.#name}-work`;
  }

  get #dead(): string {
    return `${this.#name}-dead`;
  }

  async #make(): Promise<void> {
    const { streams, consumers } = this.#manager;
    await streams.add({
      name: this.#work,
      subjects: [`${this.#work}.*`],
      retention: 'workqueue',
      storage: 'file',
      duplicate_window: duplicateWindowMs * nanosOfMs,
    });
    await streams.add({ name: this.#dead, subjects: [`${this.#dead}.*`], retention: 'limits', storage: 'file' });
    for (let shard = 0; shard < this.shards; shard++) {
      await consumers.add(this.#work, {
        durable_name: `shard-${shard}`,
        filter_subject: `${this.#work}.${shard}`,
        ack_policy: 'explicit',
        ack_wait: this.ackWaitMs * nanosOfMs,
        max_ack_pending: this.#maxPending,
        // Workers count tries themselves, so that what is given up leaves a reason.
        max_deliver: -1,
      });
    }
  }

  /** Puts a task into the queue; durable when it returns. @param stamp tells the states of a file apart: the same twice within two minutes is taken once. */
  async publish(shard: number, task: FileTask, stamp: string): Promise<void> {
    const msgID = `${task.path} ${stamp}`;
    await persist(() => this.#stream.publish(`${this.#work}.${shard}`, JSON.stringify(task), { msgID }));
  }

  /** Where a worker takes the tasks of a shard from. */
  consumer(shard: number): Promise<Consumer> {
    return this.#stream.consumers.get(this.#work, `shard-${shard}`);
  }

  /** Gives a task up, for good. */
  async bury(shard: number, message: JsMsg, letter: DeadLetter): Promise<void> {
    const msgID = `${message.seq} ${letter.path}`;
    await persist(() => this.#stream.publish(`${this.#dead}.${shard}`, JSON.stringify(letter), { msgID }));
    // It is done, as far as the queue goes; older servers do not know an end with a reason.
    await message.ackAck().catch(() => false);
  }

  /**
   * Tasks that are not done yet: what no worker has and what some worker has. (The length of the stream does not tell: a server that was killed may keep messages that
   * were acknowledged.)
   */
  async remaining(): Promise<number> {
    let sum = 0;
    for (let shard = 0; shard < this.shards; shard++) {
      const info = await persist(() => this.#manager.consumers.info(this.#work, `shard-${shard}`));
      sum += info.num_pending + info.num_ack_pending;
    }
    return sum;
  }

  /** Tasks that were given up since the queue was made. */
  async countDead(): Promise<number> {
    return (await persist(() => this.#manager.streams.info(this.#dead))).state.messages;
  }

  /** Tasks that were given up, the oldest first, at most `count`. */
  async deadLetters(count: number): Promise<DeadLetter[]> {
    const { state } = await this.#manager.streams.info(this.#dead);
    const letters: DeadLetter[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq && letters.length < count; seq++) {
      const message = await this.#manager.streams.getMessage(this.#dead, { seq });
      if (message !== null) letters.push(message.json<DeadLetter>());
    }
    return letters;
  }

  async close(): Promise<void> {
    await this.#connection.drain().catch(() => {});
  }
}

/** Does what may be done again, again: a server that was restarted does not answer for a while. */
async function persist<T>(work: () => Promise<T>): Promise<T> {
  for (let triesLeft = 10; ; triesLeft--) {
    try {
      return await work();
    } catch (error) {
      if (triesLeft === 0) throw error;
      await wait(500);
    }
  }
}

async function loadClient() {
  try {
    const [nats, jets] = await Promise.all([import('@nats-io/transport-node'), import('@nats-io/jetstream')]);
    return { nats, jets };
  } catch (cause) {
    throw new MissingDataError(
      'many machines work through NATS, whose client is not installed: npm install @nats-io/transport-node @nats-io/jetstream',
      { cause },
    );
  }
}
