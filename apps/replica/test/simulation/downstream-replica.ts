import type { Log } from '@forebay/log';
import type { Position } from '@forebay/psync';
import { encodeCommand } from '@forebay/resp';
import type { Random, SimulatedClock, SimulatedConnection, SimulatedLink } from '@forebay/testkit';
import { concatBytes } from '@forebay/testkit';
import type { Held } from './held.ts';
import { heldBy } from './held.ts';
import { contentAt, contentOf } from './server.ts';
import type { ReplicaAct, ReplicaName, ReplicaWay } from './steps.ts';
import { StreamCopy } from './stream-copy.ts';
import type { Truth } from './truth.ts';

/** Milliseconds between two acknowledgements, and before a replica reconnects. */
const ACK_INTERVAL = 1000;
const RETRY = 200;

export interface DownstreamHost {
  readonly truth: Truth;
  readonly clock: SimulatedClock;
  /** The log that is served; undefined: none is open. */
  readonly log: Log | undefined;
  /** Offset of the last byte that was ever in the log under an id. */
  highestUnder(id: string): number;
  /** A connection to the daemon; undefined: it does not listen. */
  connect(random: Random): SimulatedLink | undefined;
  /** The daemon has granted a partial resync, or sent a snapshot. */
  onSync(how: 'continued' | 'copied'): void;
  tell(line: string): void;
  fail(rule: string, message: string): void;
}

/**
 * A server that replicates from the daemon: its side of the handshake, and all bytes of the stream that it
 * holds. Each byte is compared with the bytes written under the replica's id.
 */
export class DownstreamReplica {
  readonly name: ReplicaName;
  readonly #random: Random;
  readonly #host: DownstreamHost;
  #way: ReplicaWay = 'psync';
  #wanted = false;
  #stalled = false;
  #link: SimulatedLink | undefined;
  #connection: Conversation | undefined;
  /** All that it holds; undefined: nothing. */
  #copy: StreamCopy | undefined;
  /** What it held under earlier ids, up to each change of the id. */
  #former: StreamCopy[] = [];
  /** If set, it asks to continue from here instead of from its newest position. */
  #asks: StreamCopy | undefined;
  /** The id that a replica without `psync2` still assumes, because CONTINUE did not report a change of the id. */
  #mistaken: string | undefined;

  constructor(name: ReplicaName, random: Random, host: DownstreamHost) {
    this.name = name;
    this.#random = random;
    this.#host = host;
  }

  /** Whether it replicates the stream as fast as it can. */
  get follows(): boolean {
    return this.#wanted && !this.#stalled && this.#way !== 'rdb-only';
  }

  /** Its position; undefined if it holds nothing or its link is down. */
  get position(): StreamCopy['position'] | undefined {
    return this.#connection?.streaming === true ? this.#copy?.position : undefined;
  }

  act(act: ReplicaAct, way: ReplicaWay): void {
    switch (act) {
      case 'connect':
        this.#way = way;
        this.#wanted = true;
        if (this.#link === undefined) this.#connect();
        return;
      case 'disconnect':
        this.#wanted = false;
        this.cut();
        return;
      case 'cut':
        this.cut();
        return;
      case 'stall':
        this.#stalled = true;
        this.#link?.stall();
        return;
      case 'unstall':
        this.#stalled = false;
        this.#link?.unstall();
        return;
      case 'forget':
        this.#copy = undefined;
        this.#former = [];
        this.#mistaken = undefined;
        this.cut();
        return;
      case 'ask-old':
        this.#asks = this.#former.at(-1);
        this.cut();
        return;
    }
  }

  /** From now on it replicates as an undisturbed server does. */
  settle(): void {
    this.#stalled = false;
    this.#link?.unstall();
    if (!this.#wanted || this.#way !== 'rdb-only') return;
    this.#way = 'psync';
    this.cut();
  }

  /** Cuts the connection; bytes in transit are lost. */
  cut(): void {
    this.#link?.cut();
  }

  #connect(): void {
    const link = this.#host.connect(this.#random);
    this.#link = link;
    if (link === undefined) {
      this.#retry();
      return;
    }
    if (this.#stalled) link.stall();
    if (this.#asks !== undefined) {
      this.#copy = this.#asks.clone();
      this.#mistaken = undefined;
    }
    this.#asks = undefined;
    const position = this.#copy?.position;
    const id = this.#mistaken ?? position?.id;
    const from = position === undefined || id === undefined ? undefined : { ...position, id };
    // A change of the way during the transfer applies to the next link.
    const way = this.#way;
    const conversation = new Conversation(link.far, way, from, {
      onFull: (id, offset) => this.#onFull(id, offset, way, asked),
      onSnapshot: (rdb, position) => this.#onSnapshot(rdb, position, way),
      onContinue: (id) => this.#onContinue(id),
      onStream: (bytes) => this.#onStream(bytes),
      onRefused: (line) => {
        this.#host.tell(`replica ${this.name}: ${line}`);
        link.cut();
      },
      onClose: () => {
        if (this.#link !== link) return;
        this.#link = undefined;
        this.#connection = undefined;
        this.#retry();
      },
    });
    this.#connection = conversation;
    const asked = heldBy(this.#host.log);
    conversation.begin();
    this.#acknowledge(conversation);
  }

  #acknowledge(conversation: Conversation): void {
    this.#host.clock.after(ACK_INTERVAL, () => {
      if (conversation !== this.#connection) return;
      if (conversation.streaming) conversation.acknowledge(this.#copy?.position.offset ?? 0);
      this.#acknowledge(conversation);
    });
  }

  #retry(): void {
    this.#host.clock.after(RETRY, () => {
      if (this.#wanted && this.#link === undefined) this.#connect();
    });
  }

  /** Checks that a partial resync was not possible, neither before nor after the request. */
  #onFull(id: string, offset: number, way: ReplicaWay, before: Held | undefined): void {
    this.#host.tell(`replica ${this.name}: full resync at ${id}:${offset}`);
    if (this.#copy === undefined || this.#mistaken !== undefined) return;
    if (way !== 'psync' && way !== 'psync-plain') return;
    const { id: asked, offset: held } = this.#copy.position;
    const after = heldBy(this.#host.log);
    if (before === undefined || after === undefined) return;
    if (before.id !== asked || after.id !== asked) return;
    const from = Math.max(before.lowest, after.lowest);
    if (held < from || held > Math.min(before.written, after.written)) return;
    const message = `${this.name} could continue after ${asked}:${held}`;
    this.#host.fail('a replica gets a full resync as the last resort', message);
  }

  #onSnapshot(rdb: Uint8Array, position: Position | undefined, way: ReplicaWay): void {
    const { truth, log } = this.#host;
    const content = contentOf(rdb);
    // After SYNC neither is known: the snapshot is of the history that is served.
    const id = position?.id ?? log?.history?.id;
    const offset = position?.offset ?? Number(content?.split(' ')[0]);
    const stream = id === undefined ? undefined : truth.streamOf(id);
    if (id === undefined || stream === undefined) {
      if (position === undefined) {
        this.cut();
        return;
      }
      this.#host.fail('replicas get what was written', `a snapshot of ${id}`);
      return;
    }
    const expected = contentAt(stream, offset);
    if (content !== expected) {
      // The history may have changed since the snapshot was sent.
      if (position === undefined) {
        this.cut();
        return;
      }
      const message = `${this.name} got a snapshot ${content} as ${id}:${offset}, ${expected}`;
      this.#host.fail('replicas get what was written', message);
    }
    this.#host.onSync('copied');
    if (way === 'rdb-only') return;
    this.#copy = new StreamCopy({ id, offset });
    this.#former = [];
    this.#mistaken = undefined;
    this.#connection?.acknowledge(offset);
  }

  #onContinue(id: string | undefined): void {
    this.#host.onSync('continued');
    const copy = this.#copy;
    if (copy === undefined) {
      this.#host.fail(
        'a partial resync continues from the requested position',
        `${this.name} has nothing`,
      );
      return;
    }
    this.#host.tell(`replica ${this.name}: continues at ${id ?? ''}:${copy.position.offset}`);
    // Without `psync2` CONTINUE has no id: the replica keeps its own.
    const served = id ?? this.#host.log?.history?.id;
    if (served === undefined) {
      this.cut();
      return;
    }
    if (id === undefined) this.#mistaken ??= copy.position.id;
    if (served !== copy.position.id) this.#former.push(copy.clone());
    copy.append(served, new Uint8Array(0));
    this.#check(undefined);
  }

  #onStream(bytes: Uint8Array): void {
    const copy = this.#copy;
    if (copy === undefined) return;
    const { id, offset } = copy.position;
    copy.append(id, bytes);
    this.#check(offset);
    const highest = this.#host.highestUnder(id);
    if (copy.position.offset <= highest) return;
    const message = `${this.name} at ${id}:${copy.position.offset}, the log was at ${highest}`;
    this.#host.fail('replicas get no more than the log has', message);
  }

  #check(from: number | undefined): void {
    const fault = this.#copy?.faultIn(this.#host.truth, from);
    if (fault === undefined) return;
    const { id, offset } = this.#copy!.position;
    this.#host.fail('replicas get what was written', `${this.name} at ${id}:${offset}: ${fault}`);
  }
}

interface ConversationEvents {
  onFull(id: string, offset: number): void;
  /** `position`: that of FULLRESYNC; undefined after SYNC. */
  onSnapshot(rdb: Uint8Array, position: Position | undefined): void;
  onContinue(id: string | undefined): void;
  onStream(bytes: Uint8Array): void;
  onRefused(line: string): void;
  onClose(): void;
}

/** One connection of a replica, from the handshake on (`replication.c: syncWithMaster`). */
class Conversation {
  readonly #connection: SimulatedConnection;
  readonly #way: ReplicaWay;
  readonly #events: ConversationEvents;
  readonly #requests: string[][];
  #received: Uint8Array = new Uint8Array(0);
  #state: 'replies' | 'header' | 'payload' | 'stream' = 'replies';
  #position: Position | undefined;
  /** How the payload ends: its length, or a mark. */
  #length: number | undefined;
  #mark = '';

  constructor(
    connection: SimulatedConnection,
    way: ReplicaWay,
    from: Position | undefined,
    events: ConversationEvents,
  ) {
    this.#connection = connection;
    this.#way = way;
    this.#events = events;
    const { id, offset } = from ?? { id: '?', offset: -2 };
    const capabilities = {
      psync: ['eof', 'psync2'],
      'psync-plain': [],
      sync: [],
      'rdb-only': ['eof'],
    };
    const announced = capabilities[way].flatMap((name) => ['capa', name]);
    const isCopy = way === 'rdb-only';
    this.#requests = [
      ['PING'],
      ['REPLCONF', 'listening-port', '6379'],
      ...(announced.length === 0 ? [] : [['REPLCONF', ...announced]]),
      ...(isCopy ? [['REPLCONF', 'rdb-only', '1']] : []),
      way === 'sync' ? ['SYNC'] : ['PSYNC', isCopy ? '?' : id, String(isCopy ? -1 : offset + 1)],
    ];
  }

  get streaming(): boolean {
    return this.#state === 'stream';
  }

  begin(): void {
    this.#connection.listen({
      onBytes: (bytes) => this.#push(bytes),
      onClose: () => this.#events.onClose(),
    });
    this.#ask();
  }

  acknowledge(offset: number): void {
    this.#connection.write(encodeCommand(['REPLCONF', 'ACK', String(offset)]));
  }

  #ask(): void {
    const request = this.#requests.shift();
    if (request === undefined) return;
    if (request[0] === 'SYNC') this.#state = 'header';
    this.#connection.write(encodeCommand(request));
  }

  #push(bytes: Uint8Array): void {
    if (this.#state === 'stream') {
      this.#events.onStream(bytes);
      return;
    }
    this.#received = concatBytes([this.#received, bytes]);
    while (this.#take());
  }

  /** Parses the next part of what was received; false if it is incomplete. */
  #take(): boolean {
    switch (this.#state) {
      case 'replies':
        return this.#takeReply();
      case 'header':
        return this.#takeHeader();
      case 'payload':
        return this.#takePayload();
      case 'stream':
        return false;
    }
  }

  #takeReply(): boolean {
    const line = this.#line();
    if (line === undefined) return false;
    // An empty line keeps the link alive while the reply is prepared.
    if (line === '') return true;
    if (this.#requests.length > 0) {
      this.#ask();
      return true;
    }
    const [word, id, offset] = line.split(' ');
    if (word === '+FULLRESYNC' && id !== undefined) {
      this.#position = { id, offset: Number(offset) };
      this.#events.onFull(id, Number(offset));
      this.#state = 'header';
    } else if (word === '+CONTINUE') {
      this.#events.onContinue(id);
      this.#stream();
    } else this.#events.onRefused(line);
    return true;
  }

  #takeHeader(): boolean {
    const line = this.#line();
    if (line === undefined) return false;
    if (line === '') return true;
    if (!line.startsWith('$')) {
      this.#events.onRefused(line);
      return false;
    }
    if (line.startsWith('$EOF:')) this.#mark = line.slice(5);
    else this.#length = Number(line.slice(1));
    this.#state = 'payload';
    return true;
  }

  #takePayload(): boolean {
    const marked = Buffer.from(this.#received).indexOf(this.#mark, 0, 'latin1');
    const length = this.#length ?? marked;
    if (length < 0 || this.#received.length < length) return false;
    const rdb = this.#received.slice(0, length);
    this.#received = this.#received.slice(length + (this.#length === undefined ? 40 : 0));
    this.#events.onSnapshot(rdb, this.#position);
    if (this.#way === 'rdb-only') this.#connection.destroy();
    else this.#stream();
    return false;
  }

  #stream(): void {
    this.#state = 'stream';
    const rest = this.#received;
    this.#received = new Uint8Array(0);
    if (rest.length > 0) this.#events.onStream(rest);
  }

  #line(): string | undefined {
    const end = this.#received.indexOf(10);
    if (end < 0) return undefined;
    const line = Buffer.from(this.#received.subarray(0, end)).toString('latin1');
    this.#received = this.#received.slice(end + 1);
    return line.replace(/\r$/, '');
  }
}
