import { encodeCommand } from '@forebay/resp';
import { PsyncError } from '../errors.ts';
import type { Position } from '../history.ts';
import { BLANK_ID, isReplicationId } from '../history.ts';
import type { ReplicationReport } from '../report.ts';
import { parseReplicationReport } from '../report.ts';
import { nextState } from '../transitions.ts';
import { BulkReader } from './bulk-reader.ts';
import { concatBytes } from './concat-bytes.ts';
import { LineReader } from './line-reader.ts';
import { parseBulkHeader, parseContinue, parseFullResync } from './psync-replies.ts';
import type { HandshakeMove, HandshakeState } from './transitions.ts';
import { meaningOf, NEXT } from './transitions.ts';

/** Bytes of the longest reply line. Servers read 255, but protected mode's refusal has over 1,000. */
const MAX_REPLY_LENGTH = 4096;
/** Bytes of the longest report that is taken: one of hundreds of replicas. */
const MAX_REPORT_LENGTH = 64 * 1024;

/** `SYNC\r\n`: inline, the one form that every primary takes. */
const INLINE_SYNC = Uint8Array.of(0x53, 0x59, 0x4e, 0x43, 0x0d, 0x0a);

/** What a replica tells its primary, and what it asks for. */
export interface ReplicaHandshakeOptions {
  readonly password?: string;
  /** Sent with the password where given (Redis 6.0 and later). */
  readonly username?: string;
  /** Told as `REPLCONF listening-port`, 0 to 65535; 0 by default: nothing listens here. */
  readonly listeningPort?: number;
  /** Told as `REPLCONF ip-address` (3.2.2 and later) where given. */
  readonly announcedAddress?: string;
  /**
   * Told as `REPLCONF version`, by which Valkey 9.1 chooses the RDB it sends; false omits it, and a
   * Valkey 9.1 that holds fields with a time to live then refuses each full sync.
   */
  readonly version?: string | false;
  /** The last byte received and the history it belongs to; without it a full resync is asked for. */
  readonly resume?: Position;
  /**
   * Tells `REPLCONF rdb-only 1` (6.2 and later): the snapshot is wanted, and no stream after it. Not
   * with `resume`.
   */
  readonly rdbOnly?: boolean;
  /**
   * Told as `REPLCONF rdb-filter-only` (7.0 and later) where given: what the snapshot of a full resync is
   * to hold, `functions` or nothing (`""`). The stream after it is the whole one (`replication.c:
   * replconfCommand`).
   */
  readonly rdbFilterOnly?: string;
  /**
   * Asks for `INFO` before PSYNC, and then waits for `ask`, which says what to resume in
   * the place of `resume`.
   */
  readonly askReport?: boolean;
}

/** How a negotiation ended. */
export type HandshakeOutcome =
  /**
   * A bulk payload follows. A malformed reply leaves the id blank and the offset undefined, so that
   * the next PSYNC cannot be continued; the transfer goes on all the same, as on the servers.
   */
  | { readonly type: 'full-resync'; readonly id: string; readonly offset: number | undefined }
  /** The stream goes on after the byte asked for; `id` where the primary named one. */
  | { readonly type: 'continue'; readonly id: string | undefined }
  /** PSYNC was answered by `reply`; SYNC has been sent, a bulk payload follows. */
  | { readonly type: 'sync'; readonly reply: string }
  /** The primary cannot serve just now. Close, keep the history, ask again in about a second. */
  | { readonly type: 'try-later'; readonly step: HandshakeStep; readonly reply: string }
  /** Credentials are missing, wrong, or do not reach. */
  | { readonly type: 'denied'; readonly step: HandshakeStep; readonly reply: string }
  /** An error that says nothing of rights or of patience, protected mode's say: drop the link. */
  | { readonly type: 'refused'; readonly step: HandshakeStep; readonly reply: string }
  /** No primary speaks like this: drop the link. */
  | { readonly type: 'not-understood'; readonly step: HandshakeStep; readonly reply: string };

/** The step a reply answers. */
export type HandshakeStep = Exclude<HandshakeState, 'ended'>;

export type HandshakeEvent =
  | { readonly type: 'send'; readonly bytes: Uint8Array }
  /** A REPLCONF that the primary does not take; the negotiation goes on. */
  | { readonly type: 'option-refused'; readonly option: string; readonly reply: string }
  /**
   * What the primary says of itself; it is the caller's turn: `ask`. Undefined where it said nothing
   * of replication, or did not grant INFO; `reply` is its line then.
   */
  | {
      readonly type: 'report';
      readonly report: ReplicationReport | undefined;
      readonly reply?: string;
    }
  /** The primary asks for patience: the snapshot is being made. */
  | { readonly type: 'waiting' }
  | { readonly type: 'outcome'; readonly outcome: HandshakeOutcome };

/**
 * The replica's half of the negotiation: PING, AUTH, REPLCONF, INFO where it is wanted, PSYNC, in the
 * server's order, by the table in `transitions.ts`. Bytes in, events out.
 *
 * The first events are there before the first push: send them when the link stands. After the
 * outcome, what was glued to it is `takeRest()`'s.
 */
export class ReplicaHandshake {
  readonly #options: ReplicaHandshakeOptions;
  readonly #lines = new LineReader(MAX_REPLY_LENGTH);
  readonly #events: HandshakeEvent[] = [];
  /** The REPLCONFs sent whose replies are still to come, by option. */
  #unanswered: string[] = [];
  #resume: Position | undefined;
  /** The report on its way. */
  #body: BulkReader | undefined;
  #state: HandshakeState = 'ping';

  /** @throws {PsyncError} `INVALID_ARGUMENT` */
  constructor(options: ReplicaHandshakeOptions = {}) {
    checkOptions(options);
    this.#options = options;
    this.#resume = options.resume;
    this.#send(['PING']);
  }

  get state(): HandshakeState {
    return this.#state;
  }

  /** @throws {PsyncError} `ENDED` after the outcome */
  push(bytes: Uint8Array): void {
    if (this.#state === 'ended') throw new PsyncError('ENDED', 'this handshake has ended');
    this.#lines.push(bytes);
  }

  /** @throws {PsyncError} `LINE_TOO_LONG` */
  next(): HandshakeEvent | undefined {
    while (this.#events.length === 0 && this.#state !== 'ended') {
      const came =
        this.#body === undefined ? this.#nextReply(this.#state) : this.#nextOf(this.#body);
      if (!came) return undefined;
    }
    return this.#events.shift();
  }

  /**
   * Sends PSYNC, in state `report` only: `resume` is the last byte received and the history it
   * belongs to; undefined asks for a full resync.
   *
   * @throws {PsyncError} `INVALID_ARGUMENT`, also in another state; `ENDED` after the outcome
   */
  ask(resume: Position | undefined): void {
    if (this.#state === 'ended') throw new PsyncError('ENDED', 'this handshake has ended');
    if (this.#state !== 'report') {
      throw new PsyncError('INVALID_ARGUMENT', 'PSYNC can be asked for after the report only');
    }
    if (resume !== undefined) checkResume(resume);
    this.#resume = resume;
    this.#ask();
  }

  /** The bytes after the outcome's line: payload, or stream. */
  takeRest(): Uint8Array {
    return this.#lines.takeRest();
  }

  /** Whether a whole line came. */
  #nextReply(step: HandshakeStep): boolean {
    const line = this.#lines.next();
    if (line !== undefined) this.#onReply(line, step);
    return line !== undefined;
  }

  /** Whether the whole report came. */
  #nextOf(body: BulkReader): boolean {
    const text = body.read(this.#lines);
    if (text === undefined) return false;
    this.#body = undefined;
    this.#report(parseReplicationReport(text));
    return true;
  }

  #onReply(reply: string, step: HandshakeStep): void {
    const meaning = meaningOf(step, reply);
    switch (meaning) {
      case 'proceed':
        this.#proceed(step);
        break;
      case 'proceed-refused':
        this.#events.push({ type: 'option-refused', option: this.#unanswered[0] ?? '', reply });
        this.#proceed(step);
        break;
      case 'read-report': {
        const length = parseBulkHeader(reply, MAX_REPORT_LENGTH);
        if (length === undefined) this.#end({ type: 'not-understood', step, reply });
        else this.#body = new BulkReader(length);
        break;
      }
      case 'proceed-unreported':
        this.#report(undefined, reply);
        break;
      case 'wait':
        this.#events.push({ type: 'waiting' });
        break;
      case 'full-resync':
        this.#end({ type: 'full-resync', ...parseFullResync(reply) });
        break;
      case 'continue':
        // A real replica that sent `?` crashes on this answer (seen on Redis 6.0); we drop the link.
        // A history without a name could not be asked for again.
        if (this.#resume === undefined || parseContinue(reply) === BLANK_ID) {
          this.#end({ type: 'not-understood', step, reply });
        } else this.#end({ type: 'continue', id: parseContinue(reply) });
        break;
      case 'fall-back-to-sync':
        this.#events.push({ type: 'send', bytes: INLINE_SYNC });
        this.#end({ type: 'sync', reply });
        break;
      default:
        this.#end({ type: meaning, step, reply });
    }
  }

  #proceed(step: HandshakeStep): void {
    if (step === 'ping' && this.#options.password !== undefined) this.#authenticate();
    else if (step === 'ping' || step === 'auth') this.#introduce();
    else {
      this.#unanswered.shift();
      if (this.#unanswered.length > 0) return;
      if (this.#options.askReport === true) this.#askReport();
      else this.#ask();
    }
  }

  #authenticate(): void {
    const { username, password = '' } = this.#options;
    this.#enter('authenticate');
    this.#send(username === undefined ? ['AUTH', password] : ['AUTH', username, password]);
  }

  /** The REPLCONFs, in one write; each in a command of its own, for one bad option ends a command. */
  #introduce(): void {
    const { listeningPort = 0, announcedAddress, version = '9.1.2' } = this.#options;
    const { rdbOnly, rdbFilterOnly } = this.#options;
    const told: [option: string, words: string[]][] = [
      ['listening-port', ['listening-port', String(listeningPort)]],
      ['capa', ['capa', 'eof', 'capa', 'psync2']],
    ];
    if (announcedAddress !== undefined) {
      told.splice(1, 0, ['ip-address', ['ip-address', announcedAddress]]);
    }
    if (version !== false) told.push(['version', ['version', version]]);
    if (rdbOnly === true) told.push(['rdb-only', ['rdb-only', '1']]);
    if (rdbFilterOnly !== undefined) {
      told.push(['rdb-filter-only', ['rdb-filter-only', rdbFilterOnly]]);
    }
    this.#enter('introduce');
    this.#unanswered = told.map(([option]) => option);
    this.#send(...told.map(([, words]) => ['REPLCONF', ...words]));
  }

  #askReport(): void {
    this.#enter('ask-report');
    // Before 7.0 INFO takes one section or none: all of the default ones, some 6 KB.
    this.#send(['INFO']);
  }

  #report(report: ReplicationReport | undefined, reply?: string): void {
    this.#enter('report');
    this.#events.push({ type: 'report', report, ...(reply === undefined ? {} : { reply }) });
  }

  /** PSYNC is sent alone: a primary with replies still to send refuses it (`syncCommand`). */
  #ask(): void {
    const resume = this.#resume;
    this.#enter('ask');
    if (resume === undefined) this.#send(['PSYNC', '?', '-1']);
    else this.#send(['PSYNC', resume.id, String(resume.offset + 1)]);
  }

  #send(...commands: string[][]): void {
    const bytes = concatBytes(commands.map((words) => encodeCommand(words)));
    this.#events.push({ type: 'send', bytes });
  }

  #end(outcome: HandshakeOutcome): void {
    this.#enter('end');
    this.#events.push({ type: 'outcome', outcome });
  }

  #enter(move: HandshakeMove): void {
    this.#state = nextState(NEXT, this.#state, move);
  }
}

function checkOptions(options: ReplicaHandshakeOptions): void {
  const { listeningPort, resume, rdbOnly, username, password } = options;
  if (listeningPort !== undefined && !(listeningPort >= 0 && listeningPort <= 65535)) {
    refuse(`${listeningPort} is not a port`);
  }
  if (username !== undefined && password === undefined) refuse('a user needs a password');
  if (resume === undefined) return;
  if (rdbOnly === true) refuse('a snapshot alone goes on from nothing');
  checkResume(resume);
}

function checkResume({ id, offset }: Position): void {
  if (!isReplicationId(id) || id === BLANK_ID) {
    refuse(`history ${JSON.stringify(id)} cannot be asked for`);
  }
  if (!Number.isSafeInteger(offset) || offset < 0) refuse(`${offset} is not a replication offset`);
}

function refuse(message: string): never {
  throw new PsyncError('INVALID_ARGUMENT', message);
}
