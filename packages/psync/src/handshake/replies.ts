/** The classes of reply line that a replica tells apart (`replication.c: syncWithMaster`). */
export type ReplyClass =
  /** Nothing but the line's end: the primary is busy with the snapshot and says so. */
  | 'empty'
  | '+FULLRESYNC'
  | '+CONTINUE'
  /** Any other line that begins with `+`. */
  | '+'
  /** The primary wants a password first. */
  | '-NOAUTH'
  /** The user lacks a right. Before 6.0.7 `-ERR operation not permitted`. */
  | '-NOPERM'
  /** The primary is well, and cannot serve just now: loading, busy with a script, its own link down. */
  | '-transient'
  /** A replica without a link to its primary, which serves no stale data; it answers INFO all the same. */
  | '-MASTERDOWN'
  /** Any other line that begins with `-`. */
  | '-'
  /** The header of a bulk reply. */
  | '$'
  /** None of the protocol's. */
  | 'junk';

const BY_PREFIX: readonly (readonly [prefix: string, reply: ReplyClass])[] = [
  ['+FULLRESYNC', '+FULLRESYNC'],
  ['+CONTINUE', '+CONTINUE'],
  ['+', '+'],
  ['-NOAUTH', '-NOAUTH'],
  ['-NOPERM', '-NOPERM'],
  ['-ERR operation not permitted', '-NOPERM'],
  ['-NOMASTERLINK', '-transient'],
  ['-LOADING', '-transient'],
  ['-BUSY', '-transient'],
  ['-MASTERDOWN', '-MASTERDOWN'],
  ['-', '-'],
  ['$', '$'],
];

export function classifyReply(line: string): ReplyClass {
  if (line === '') return 'empty';
  return BY_PREFIX.find(([prefix]) => line.startsWith(prefix))?.[1] ?? 'junk';
}
