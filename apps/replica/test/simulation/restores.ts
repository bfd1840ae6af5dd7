import { join } from 'node:path';
import type { Log, RestorePlan, RestoreTarget } from '@forebay/log';
import { LogError, planRestore, restore } from '@forebay/log';
import { encodeCommand } from '@forebay/resp';
import type { SimulatedDisk } from '@forebay/testkit';
import { concatBytes } from '@forebay/testkit';
import { DIRECTORY } from './daemon.ts';
import type { Held } from './held.ts';
import { heldBy } from './held.ts';
import { contentAt, contentOf } from './server.ts';
import type { Truth } from './truth.ts';

/** The position of the log at some time. */
export interface Mark {
  readonly id: string;
  readonly offset: number;
  /** By the wall clock, milliseconds since 1970. */
  readonly time: number;
}

export interface RestoreHost {
  readonly truth: Truth;
  readonly disk: SimulatedDisk;
  readonly log: Log | undefined;
  /** Whether disk operations may have failed: faults were injected, or the disk was filled. */
  readonly mayRefuse: boolean;
  /** Offset of the last byte that had arrived by a time; undefined if the clock has jumped. */
  arrivedBy(time: number): number | undefined;
  now(): number;
  fail(rule: string, message: string): void;
}

/** Restores made while the daemon runs, each compared with what was written. */
export class Restores {
  readonly #host: RestoreHost;
  #count = 0;
  done = 0;

  constructor(host: RestoreHost) {
    this.#host = host;
  }

  async make(target: RestoreTarget | undefined, single: boolean): Promise<void> {
    const { log, disk } = this.#host;
    const { process } = disk;
    const before = heldBy(log);
    const out = `/restored/${++this.#count}`;
    try {
      await using plan = await planRestore(process, DIRECTORY, target);
      await process.makeDirectory('/restored');
      const options = { single, now: this.#host.now() };
      const { position, files } = await restore(plan, out, options);
      this.#check(plan, position.offset, target, out, files);
      if (target === undefined && before !== undefined) this.#checkEnd(position.offset, before);
      this.done++;
      await process.removeTree(out);
    } catch (error) {
      if (process !== disk.process) return;
      this.#onError(error, target, before);
    }
  }

  #check(
    plan: RestorePlan,
    reached: number,
    target: RestoreTarget | undefined,
    out: string,
    files: readonly string[],
  ): void {
    const { truth, disk } = this.#host;
    const { base, position } = plan;
    const stream = truth.streamOf(position.id);
    if (stream === undefined) {
      this.#wrong(`nothing was written under ${position.id}`);
      return;
    }
    // While the log is written to, its end may be later when it is read.
    if (reached !== position.offset) return;
    const end = stream.cutUpTo(reached);
    if (end?.offset !== reached) this.#wrong(`${reached} is in the middle of a command`);
    if (target !== undefined && 'position' in target) {
      const { id, offset } = target.position;
      const expected = truth.streamOf(id)?.cutUpTo(offset)?.offset;
      if (expected !== reached) this.#wrong(`${reached} for ${id}:${offset}, not ${expected}`);
    }
    if (target !== undefined && 'time' in target) {
      const most = this.#host.arrivedBy(target.time);
      if (most !== undefined && reached > most && reached > base.offset) {
        this.#wrong(`${reached} for a time at which ${most} had arrived`);
      }
    }
    const bytes = concatBytes(files.map((name) => disk.peek(join(out, name))));
    const content = contentAt(stream, base.offset);
    const found = contentOf(bytes.subarray(0, base.size));
    if (found !== content) {
      this.#wrong(`the base says ${found}, and ${content} was at ${base.offset}`);
    }
    const parts = plan.parts.map(({ from, to }) => {
      const database = stream.cutUpTo(from)?.database ?? 0;
      const select = encodeCommand(['SELECT', String(database)]);
      return concatBytes([select, stream.slice(from, to)]);
    });
    if (Buffer.compare(bytes.subarray(base.size), concatBytes(parts)) !== 0) {
      this.#wrong(`other bytes after ${base.offset} up to ${position.id}:${reached}`);
    }
  }

  /** A restore of the end contains every whole command that the log held when it began, if the log still has it. */
  #checkEnd(reached: number, before: Held): void {
    const after = heldBy(this.#host.log);
    if (after?.id !== before.id || after.written < before.written) return;
    const least = this.#host.truth.streamOf(before.id)?.cutUpTo(before.written)?.offset ?? 0;
    if (reached < least) this.#wrong(`the end is ${reached}, and ${least} was held before`);
  }

  #onError(error: unknown, target: RestoreTarget | undefined, before: Held | undefined): void {
    const { log, mayRefuse, fail } = this.#host;
    const code = error instanceof LogError ? error.code : undefined;
    const text = `${JSON.stringify(target ?? 'the end')}: ${(error as Error).stack}`;
    if (code === 'IO' && mayRefuse) return;
    const after = heldBy(log);
    if (code === 'FOREIGN' && before === undefined) return;
    if (code === 'NOT_COVERED' && !isHeld(target, before, after)) return;
    fail('what is held can be restored', text);
  }

  #wrong(message: string): void {
    this.#host.fail('a restore contains what was written', message);
  }
}

/** Whether the target was certainly held all the time. */
function isHeld(
  target: RestoreTarget | undefined,
  before: Held | undefined,
  after: Held | undefined,
): boolean {
  if (before === undefined || after?.id !== before.id) return false;
  if (target === undefined) return true;
  if ('time' in target) return false;
  const { id, offset } = target.position;
  const from = Math.max(before.lowest, after.lowest);
  return id === after.id && offset >= from && offset <= Math.min(before.written, after.written);
}
