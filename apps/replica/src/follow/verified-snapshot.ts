import type { RdbVerdict } from '@forebay/rdb';
import type { AcceptedSnapshots, ReplicaError } from '@forebay/replica';
import type { Reporter } from '../reporter.ts';

/** The snapshots that a replica accepts under the setting `accept-unverified-rdb`. */
export function acceptedBy(acceptUnverified: boolean): AcceptedSnapshots {
  return acceptUnverified ? 'unproven' : 'proven';
}

/** Why a snapshot was refused, and what to do; undefined: another error. */
export function refusalOf({ verdict, message }: ReplicaError): string | undefined {
  if (verdict === undefined) return undefined;
  if (verdict.outcome !== 'unproven') return message;
  return `${message}: set rdbchecksum yes on the primary, or use --accept-unverified-rdb to adopt the snapshot anyway`;
}

/** Warnings about an adopted snapshot, one line each. */
function warningsOf(verdict: RdbVerdict): string[] {
  const { findings, damagedValues, outcome } = verdict;
  const values = findings.filter(({ kind }) => kind === 'value');
  const untold = damagedValues - values.length;
  const proof =
    outcome === 'flawed'
      ? 'the checksum proves that the primary sent these bytes'
      : '--accept-unverified-rdb is set (the snapshot has no checksum)';
  const lines = values.map(
    ({ message }) => `the snapshot has a damaged value: ${message}; adopted, since ${proof}`,
  );
  if (untold > 0) lines.push(`the snapshot has ${untold} more damaged values`);
  const unreadable = findings.filter(({ kind }) => kind === 'unreadable');
  if (unreadable.length > 0) {
    const what = unreadable.map(({ message }) => message).join('; ');
    lines.push(
      `the snapshot is newer than this forebay and was adopted unchanged (${what}): ` +
        `forebay cannot read the part after that, and only ${writerOf(verdict)} can load the snapshot; adopted, since ${proof}`,
    );
  }
  return lines;
}

/** Warns about a snapshot that has been adopted. */
export function warnOf(verdict: RdbVerdict | undefined, reporter: Reporter): void {
  for (const reason of verdict === undefined ? [] : warningsOf(verdict)) {
    reporter.trouble(reason, { event: 'snapshot-flawed', reason });
  }
}

/** The servers that can load a snapshot that forebay cannot read. */
function writerOf({ fields }: RdbVerdict): string {
  const [redis, valkey] = [fields.get('redis-ver'), fields.get('valkey-ver')];
  if (valkey !== undefined) return `Valkey ${valkey} or newer`;
  return redis === undefined ? 'a server as new as the primary' : `Redis ${redis} or newer`;
}
