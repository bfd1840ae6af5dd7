import { FORMS, LONGEST_WORD, SCRIPTS } from './relative-times.ts';
import type { Form } from './stream-rewriter.ts';
import { StreamRewriter } from './stream-rewriter.ts';

export interface AbsoluteTimesOptions {
  /**
   * Most bytes of a value (any argument after the key) that is held until its command is whole;
   * 64 KiB unless given, and never below 20: times and options are among these arguments.
   */
  readonly maxHeldLength?: number;
}

const MAX_HELD_LENGTH = 65_536;

/**
 * Turns the verbatim stream of a primary before Redis 7.0 into one whose times to live are
 * absolute, for a server to load later. What has none passes as it came, without waiting for its
 * command to be whole; the times of the rest count from their arrival:
 *
 * | comes                                        | goes                                          |
 * | -------------------------------------------- | --------------------------------------------- |
 * | `EXPIRE k s`, `PEXPIRE k ms`                 | `PEXPIREAT k t`                               |
 * | `GETEX k EX s`, `… PX ms`                    | `PEXPIREAT k t`                               |
 * | `SETEX k s v`, `PSETEX k ms v`               | `SET k v`, `PEXPIREAT k t`                    |
 * | `SET k v … EX s`, `… PX ms`                  | `SET k v …`, `PEXPIREAT k t`                  |
 * | `RESTORE k ms v …` (no ABSTTL, `ms` above 0) | `RESTORE k 0 v …`, `PEXPIREAT k t`            |
 * | the same with a `v` above `maxHeldLength`    | as it came, `PEXPIREAT k t`: it overrules     |
 *
 * PEXPIREAT is of 2.6: the server that loads it may be as old as the primary. What servers refuse,
 * for a time that is no number say, passes as it came.
 *
 * A command arrives with its last byte. One of these kinds is held until then, unless its value is
 * long: a caller that stops within a command loses it (`pending`). The memory used is
 * that of the key and, for each of 15 further arguments at most, `maxHeldLength`, twice over.
 */
export class AbsoluteTimes extends StreamRewriter {
  #scriptsPassed = 0;

  constructor({ maxHeldLength = MAX_HELD_LENGTH }: AbsoluteTimesOptions = {}) {
    super(ABSOLUTE, Math.max(maxHeldLength, LONGEST_WORD));
  }

  /**
   * How many EVAL and EVALSHA have passed, counted when their name has come: what they do to times
   * is not seen. Primaries up to 4.0 propagate them; later ones do so if told to.
   */
  get scriptsPassed(): number {
    return this.#scriptsPassed;
  }

  protected override passes(nameIs: (name: string) => boolean): void {
    if (SCRIPTS.some(nameIs)) this.#scriptsPassed++;
  }
}

const ABSOLUTE: readonly Form[] = FORMS.map(({ read, ...form }) => ({
  ...form,
  change: (words, arrived) => {
    const relative = read(words);
    const time = Math.floor(arrived + (relative?.span ?? Number.NaN));
    if (relative === undefined || !Number.isSafeInteger(time)) return undefined;
    // To servers a time below 0 is none (`db.c: keyIsExpired`): the key would live for ever.
    const after = [['PEXPIREAT', words[1]!, String(Math.max(0, time))]];
    return { instead: relative.rest === undefined ? after : [relative.rest, ...after], after };
  },
}));
