import { type Random, randomFrom, runSeed } from '@forebay/testkit';
import type { Redis } from 'ioredis';
import { whatItKnows } from '../compare/keyspace.ts';
import type { Word } from '../servers/server.ts';
import { operationMaker } from './draw.ts';
import type { LoadContext, Operation } from './recipe.ts';

export interface LoadOptions {
  /** The same seed draws the same operations. Default: the seed of the run. */
  readonly seed?: number;
  /** About how many commands are sent a second, besides the SELECTs between them. Default 1000. */
  readonly rate?: number;
  /** Databases written to, from 0 on. Default 4. */
  readonly databases?: number;
  /** Keys of each kind and database. Default 12. */
  readonly keys?: number;
  /** Send no relative times to a server before 7.0, which would replicate them as they are. Default false. */
  readonly absoluteTimes?: boolean;
  /** Empty the last database now and then. Default true. */
  readonly flushes?: boolean;
  /** Bytes of a large value. Default 1 MiB. */
  readonly largeBytes?: number;
}

export interface LoadResult {
  /** Commands that were answered, errors included. */
  readonly commands: number;
  /** Error replies that the operation does not expect. */
  readonly errors: number;
  /** The first of them: the command and the reply. */
  readonly failures: readonly string[];
  /** Commands without an answer, for the connection was lost or the server did not take writes. */
  readonly interrupted: number;
}

/** How often commands are sent, in milliseconds. */
const PERIOD = 10;
const FAILURES_KEPT = 20;
const NOT_NOW = /^(READONLY|LOADING|MASTERDOWN|BUSY |UNBLOCKED|NOREPLICAS|EXECABORT)/;

/**
 * A paced load over all types, several databases, transactions, scripts and functions, on a
 * connection of its own: not running until `start`.
 */
export function mixedLoad(client: Redis, options: LoadOptions = {}): Load {
  return new Load(client, options);
}

/** A load that goes on until it is stopped; made by `mixedLoad`. */
export class Load {
  /** Repeats the run when given as an option. */
  readonly seed: number;
  readonly #client: Redis;
  readonly #options: LoadOptions;
  readonly #failures: string[] = [];
  #run: Promise<void> | undefined;
  #running = false;
  #paused = false;
  #commands = 0;
  #errors = 0;
  #interrupted = 0;
  /** What was sent last is answered. */
  #idle: Promise<void> = Promise.resolve();
  /** The selected database; undefined where that is not known. */
  #selected: number | undefined;

  constructor(client: Redis, options: LoadOptions) {
    this.seed = options.seed ?? runSeed();
    this.#options = options;
    this.#client = client.duplicate({
      lazyConnect: true,
      db: 0,
      autoResendUnfulfilledCommands: false,
    });
    this.#client.on('error', () => {});
    this.#client.on('close', () => {
      this.#selected = undefined;
    });
  }

  get running(): boolean {
    return this.#running && !this.#paused;
  }

  /** Commands answered so far. */
  get commands(): number {
    return this.#commands;
  }

  /** Begins, or goes on after a pause. */
  start(): this {
    this.#paused = false;
    if (this.#run === undefined) {
      this.#running = true;
      this.#run = this.#loop();
    }
    return this;
  }

  /** Sends no more until `start`; what was sent is answered when this resolves. */
  async pause(): Promise<void> {
    this.#paused = true;
    await this.#idle;
  }

  /** Ends it; resolves when every command is answered. */
  async stop(): Promise<LoadResult> {
    this.#running = false;
    await this.#run;
    this.#client.disconnect();
    return {
      commands: this.#commands,
      errors: this.#errors,
      failures: this.#failures,
      interrupted: this.#interrupted,
    };
  }

  async #loop(): Promise<void> {
    const { rate = 1000, databases = 4 } = this.#options;
    const random = randomFrom(this.seed);
    let draw: (() => Operation) | undefined;
    let due = performance.now();
    let owed = 0;
    while (this.#running) {
      const now = performance.now();
      // What could not be sent in time is not caught up with.
      owed = Math.min(owed + (Math.max(0, now - due) * rate) / 1000, rate / 5);
      due = now;
      if (!this.#paused) {
        draw ??= await this.#maker(random, databases);
        if (draw === undefined) this.#interrupted++;
        else {
          const operations: [number, Operation][] = [];
          for (; owed >= 1; ) {
            const operation = draw();
            operations.push([random.integer(0, databases - 1), operation]);
            owed -= operation.commands.length;
          }
          this.#idle = this.#sendAll(operations);
          await this.#idle;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, PERIOD));
    }
  }

  async #maker(random: Random, databases: number): Promise<(() => Operation) | undefined> {
    try {
      return operationMaker(this.#context(random, databases, await whatItKnows(this.#client)));
    } catch {
      return undefined;
    }
  }

  #context(random: Random, databases: number, knows: LoadContext['knows']): LoadContext {
    const { keys = 12, absoluteTimes = false, flushes = true } = this.#options;
    const { largeBytes = 1_048_576 } = this.#options;
    let counter = 0;
    return {
      random,
      knows,
      databases,
      absoluteTimes,
      flushes,
      largeBytes,
      key: (kind) => `${kind}:${random.integer(0, keys - 1)}`,
      value: () => valueFrom(random),
      next: () => ++counter,
      expire(key, low, high): Word[] {
        const ms = random.integer(low, high);
        const absolute = random.float() < 0.5 || (absoluteTimes && !knows.absoluteTimes);
        if (absolute) return ['PEXPIREAT', key, Date.now() + ms];
        return random.float() < 0.5 ? ['PEXPIRE', key, ms] : ['EXPIRE', key, Math.ceil(ms / 1000)];
      },
    };
  }

  async #sendAll(operations: readonly [number, Operation][]): Promise<void> {
    const further: Promise<void>[] = [];
    for (const [database, operation] of operations) {
      const { commands, tolerates, leavesDatabase } = operation;
      const selects = this.#selected === database ? [] : [['SELECT', database]];
      this.#selected = leavesDatabase ?? database;
      if (operation.afterwards === undefined) {
        further.push(this.#send([...selects, ...commands], tolerates).then(() => {}));
        continue;
      }
      // What follows is made of the replies, so it waits for them, and everything behind it too.
      const replies = await this.#send([...selects, ...commands], tolerates);
      await this.#send(operation.afterwards(replies.slice(selects.length)), tolerates);
    }
    await Promise.all(further);
  }

  /** Sends commands one behind another, and counts their replies. */
  #send(commands: readonly (readonly Word[])[], tolerates?: RegExp): Promise<unknown[]> {
    return Promise.all(
      commands.map(async ([name, ...words]) => {
        try {
          const reply = await this.#client.callBuffer(String(name), words);
          this.#commands++;
          const inside = Array.isArray(reply) ? reply.filter((one) => one instanceof Error) : [];
          for (const error of inside as Error[]) this.#failed([name!, ...words], error, tolerates);
          return reply;
        } catch (error) {
          this.#failed([name!, ...words], error as Error, tolerates);
          return undefined;
        }
      }),
    );
  }

  #failed(command: readonly Word[], error: Error, tolerates?: RegExp): void {
    const isReply = error.name === 'ReplyError';
    if (!isReply || NOT_NOW.test(error.message)) {
      this.#interrupted++;
      this.#selected = undefined;
      return;
    }
    this.#commands++;
    if (tolerates?.test(error.message)) return;
    this.#errors++;
    if (this.#failures.length < FAILURES_KEPT) {
      const words = command.map((word) => String(word).slice(0, 80));
      this.#failures.push(`${words.join(' ')}: ${error.message}`);
    }
  }
}

function valueFrom(random: Random): Word {
  switch (random.integer(0, 5)) {
    case 0:
      return random.integer(-100_000, 100_000);
    case 1:
      return Buffer.from(random.bytes(random.integer(0, 60)));
    case 2:
      return 'repeated '.repeat(random.integer(1, 6));
    default:
      return `value ${random.integer(0, 1_000_000)}`;
  }
}
