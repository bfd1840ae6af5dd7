import type { Clock } from '@forebay/clock';
import { describeEndpoint, RequestClient } from '@forebay/replica';
import type { Candidate } from '../../config/candidate.ts';
import type { ReplicaConfig } from '../../config.ts';
import type { Reporter } from '../../reporter.ts';
import { formatBytes } from '../../reporter.ts';
import { targetOf } from './replica-options.ts';

/** Milliseconds that the primary has for each answer. */
const PATIENCE = 3000;
/** Milliseconds between two ticks by which it is known that this process runs. */
const TICK = 1000;
const MEGABYTE = 1024 * 1024;

/** The facts about closed links that a primary reports. */
interface Told {
  /** Clients that it has disconnected at their output buffer limit since its start; undefined before 7.2. */
  readonly cuts: number | undefined;
  /** Seconds since its start. */
  readonly uptime: number;
  /** Undefined where CONFIG GET is not granted. */
  readonly limit: BufferLimit | undefined;
  /** Seconds of silence after which it gives a replica up; undefined where CONFIG GET is not granted. */
  readonly timeout: number | undefined;
}

/** `client-output-buffer-limit` for replicas, in bytes; 0: none. */
interface BufferLimit {
  readonly hard: number;
  readonly soft: number;
  readonly softSeconds: number;
}

/** A link that was lost. */
interface LostLink {
  readonly phase: 'transfer' | 'stream';
  /** Milliseconds since it began this phase. */
  readonly lasted: number;
}

/** Finds out why a primary closed a link. The primary reports the reason only in its own log. */
export class CutInquiry {
  readonly #clock: Clock;
  readonly #reporter: Reporter;
  #cuts: number | undefined;
  /** By `Clock.elapsed`, as `ended`. */
  #lastTick: number;
  /** The last time that this process stood still for more than a second. */
  #standstill = { ended: 0, milliseconds: 0 };

  constructor(clock: Clock, reporter: Reporter) {
    this.#clock = clock;
    this.#reporter = reporter;
    this.#lastTick = clock.elapsed();
  }

  /** Runs until the function returned is called. */
  start(): () => void {
    let cancel = (): void => {};
    const tick = (): void => {
      this.#note();
      cancel = this.#clock.after(TICK, tick);
    };
    this.#lastTick = this.#clock.elapsed();
    cancel = this.#clock.after(TICK, tick);
    return () => cancel();
  }

  /** The primary's count of such disconnections when the link began. */
  saw(cuts: number | undefined): void {
    this.#cuts = cuts;
  }

  /** Asks the primary, and logs the probable reason. It never rejects. */
  async inquire(upstream: Candidate, { tls }: ReplicaConfig, link: LostLink): Promise<void> {
    this.#note();
    const before = this.#cuts;
    const { ended, milliseconds } = this.#standstill;
    const still = this.#clock.elapsed() - ended < 2 * TICK ? milliseconds / 1000 : 0;
    let told: Told;
    try {
      told = await ask(upstream, tls, this.#clock);
    } catch {
      // If the primary does not answer, that is the reason for the lost link.
      return;
    }
    // Counted once: the link that stands while a base is fetched may be closed for another reason.
    this.#cuts = told.cuts;
    // It was restarted; the uptime is rounded down.
    if ((told.uptime + 1) * 1000 < link.lasted) return;
    const primary = describeEndpoint(upstream.endpoint);
    const reason = silenceIn(told, still) ?? overflowIn(told, before, link);
    if (reason === undefined) return;
    this.#reporter.trouble(`why ${primary} closed the link: ${reason}`, {
      event: 'cut-cause',
      primary,
      reason,
    });
  }

  #note(): void {
    const now = this.#clock.elapsed();
    const gap = now - this.#lastTick;
    if (gap > 2 * TICK) this.#standstill = { ended: now, milliseconds: gap };
    this.#lastTick = now;
  }
}

/** `replication.c: replicationCron` gives up a replica that acknowledges nothing for `repl-timeout`. */
function silenceIn({ timeout }: Told, still: number): string | undefined {
  // The last acknowledgement was up to a second before.
  if (timeout === undefined || still === 0 || still + 1 < timeout) return undefined;
  return (
    `probably its repl-timeout of ${timeout} s: this process did not run for ${still.toFixed(0)} s ` +
    '(process stopped, machine suspended or overloaded); on the primary: ' +
    `CONFIG SET repl-timeout ${Math.ceil(still * 2)}`
  );
}

/** `networking.c: closeClientOnOutputBufferLimitReached`. */
function overflowIn(
  { cuts, limit }: Told,
  before: number | undefined,
  { phase }: LostLink,
): string | undefined {
  if (limit !== undefined && limit.hard === 0 && limit.soft === 0) return undefined;
  if (cuts !== undefined && cuts <= (before ?? 0)) return undefined;
  const { hard, soft, softSeconds } = limit ?? { hard: 0, soft: 0, softSeconds: 120 };
  const limits = [
    ...(hard > 0 ? [formatBytes(hard)] : []),
    ...(soft > 0 ? [`${formatBytes(soft)} for ${softSeconds} s`] : []),
  ];
  const allowed = limits.length === 0 ? 'it allows' : limits.join(', or ');
  const value = limit === undefined ? '1gb 512mb' : `${raised(hard)} ${raised(soft)}`;
  const advice = `CONFIG SET client-output-buffer-limit "replica ${value} ${softSeconds}"`;
  const what = `client-output-buffer-limit: the output buffer of this replica exceeded ${allowed}`;
  const isCounted = cuts !== undefined && before !== undefined;
  if (isCounted) return `${what}; on the primary: ${advice}`;
  if (phase === 'transfer') return `probably ${what}; on the primary: ${advice}`;
  // Without a count it cannot be distinguished from CLIENT KILL or a network failure.
  return (
    `possibly ${what}; if the primary's log has "overcoming of output buffer limits", ` +
    `on the primary: ${advice}`
  );
}

/** Four times as much, in full megabytes; no limit stays none. */
function raised(bytes: number): string {
  return bytes === 0 ? '0' : `${Math.ceil((4 * bytes) / MEGABYTE)}mb`;
}

async function ask(upstream: Candidate, tls: ReplicaConfig['tls'], clock: Clock): Promise<Told> {
  const target = targetOf(upstream);
  const connection = await RequestClient.open({ ...target, tls, clock, timeout: PATIENCE });
  try {
    await connection.authenticate();
    const info = await connection.ask('INFO');
    const text = info.kind === 'text' ? info.text : '';
    const field = (name: string) => new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1];
    const setting = async (name: string): Promise<string | undefined> => {
      const reply = await connection.ask('CONFIG', 'GET', name);
      return reply.kind === 'list' ? reply.items[1] : undefined;
    };
    const cuts = field('client_output_buffer_limit_disconnections');
    const timeout = await setting('repl-timeout');
    return {
      cuts: cuts === undefined ? undefined : Number(cuts),
      uptime: Number(field('uptime_in_seconds') ?? Infinity),
      limit: limitIn(await setting('client-output-buffer-limit')),
      timeout: timeout === undefined ? undefined : Number(timeout),
    };
  } finally {
    connection.close();
  }
}

function limitIn(setting: string | undefined): BufferLimit | undefined {
  const found = /(?:slave|replica) (\d+) (\d+) (\d+)/.exec(setting ?? '');
  if (found === null) return undefined;
  const [hard = 0, soft = 0, softSeconds = 0] = found.slice(1).map(Number);
  return { hard, soft, softSeconds };
}
