import type { TtlMode } from '@forebay/rdb';
import { RdbError, RdbRetimer, retimeBy, retimePayload } from '@forebay/rdb';
import { LogError } from '../errors.ts';
import { checkedBase } from './checked-bytes.ts';
import type { OpenPlan } from './plan.ts';
import { StreamRewriter } from './stream-rewriter.ts';
import { ttlForms } from './ttl-forms.ts';

/** The time to which TTLs refer, and how to change them. */
export interface Ttl {
  readonly mode: TtlMode;
  /** Milliseconds since 1970. */
  readonly moment: number;
  readonly now: number;
}

/** Longer values are not changed: the fields of a hash in RESTORE then keep their TTLs. */
const MAX_HELD_LENGTH = 64 * 1024 * 1024;

/** Changes the TTLs in a stream with absolute times. */
export function ttlRewriter(ttl: Ttl): StreamRewriter {
  const payload = (bytes: Uint8Array) => retimePayload(bytes, ttl);
  const forms = ttlForms({ retime: retimeBy(ttl), retimePayload: payload });
  return new StreamRewriter(forms, MAX_HELD_LENGTH);
}

/**
 * The bytes of a plan's base with other times to live, and how many were read for them.
 *
 * @throws {LogError} `CORRUPT` where it is damaged, or cannot be read here; `IO`
 */
export async function* retimedBase(
  plan: OpenPlan,
  ttl: Ttl,
): AsyncGenerator<{ bytes: Uint8Array; read: number }, void, void> {
  const retimer = new RdbRetimer(ttl);
  try {
    for await (const bytes of checkedBase(plan)) {
      yield { bytes: retimer.push(bytes), read: bytes.length };
    }
    retimer.finish();
  } catch (error) {
    if (!(error instanceof RdbError)) throw error;
    const path = `${plan.directory}: ${plan.base.name}`;
    const message = `cannot change the TTLs in ${path}: ${error.message}. Restore it with the TTLs unchanged`;
    throw new LogError('CORRUPT', path, message, error);
  }
}
