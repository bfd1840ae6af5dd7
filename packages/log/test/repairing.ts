import { textOf } from '@forebay/testkit';
import { expect } from 'vitest';
import type { RepairReport } from '../src/index.ts';
import { Log, repair } from '../src/index.ts';
import type { Subject } from './check-subject.ts';
import { DIRECTORY, INNER } from './check-subject.ts';

/** Changes `length` bytes: two or more are damage that no single bit explains. */
export function spoil({ disk }: Subject, name: string, place: number, length: number): void {
  for (let at = place; at < place + length; at++) disk.flipBit(`${INNER}/${name}`, at, 0);
}

export async function repaired({ disk }: Subject): Promise<RepairReport> {
  const report = await repair(disk.process, DIRECTORY);
  expect(report.refused).toBeUndefined();
  return report;
}

export function opened({ disk, clock }: Subject): Promise<Log> {
  return Log.open(DIRECTORY, { disk: disk.process, clock });
}

/** All that was there is there, under some name; but for a SELECT of ours that was written anew. */
export function expectNothingDeleted(
  damaged: ReadonlyMap<string, Uint8Array>,
  subject: Subject,
  done: string,
  what: string,
): void {
  const held = new Set([...subject.files().values()].map(textOf));
  for (const [path, bytes] of damaged) {
    const isMended = done.includes(`the SELECT that ${path.slice(INNER.length + 1)}`);
    if (!isMended) expect(held.has(textOf(bytes)), `${what}: ${path} is gone`).toBe(true);
  }
}
