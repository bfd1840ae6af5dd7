import type { TtlMode } from '@forebay/rdb';
import { Option } from 'commander';

/** What to do with TTLs. */
export type TtlChoice = 'keep' | TtlMode;

/** The words that `--ttl` takes. */
export const TTL_CHOICES: readonly TtlChoice[] = ['keep', 'drop', 'shift'];

export function ttlOption(): Option {
  return new Option('--ttl <what>', 'keep TTLs, drop them, or shift them to the present')
    .choices(TTL_CHOICES)
    .default('keep');
}
