import { appendFileSync } from 'node:fs';
import { installedServers } from '@forebay/conformance';

/** With FOREBAY_TORTURE=full all of each is done, as in scripts/soak.mjs; else a few of each. */
const FULL = process.env.FOREBAY_TORTURE === 'full';
const NAMES = ['redis-6.0', 'redis-7.0', 'redis-8.0', 'valkey-9.1'];

/** Milliseconds that keep a broken test from hanging; a full run takes its time. */
export const BOUND = FULL ? 3_600_000 : 600_000;

/** The oldest and the newest of each kind: those between them differ in nothing that is tried here. */
export const servers = installedServers().filter(({ name }) => NAMES.includes(name));

/** How often something is done: what CI has the time for, or with FOREBAY_TORTURE=full all of it. */
export function scaled(few: number, full: number): number {
  return FULL ? full : few;
}

/** Counts what was done, for the one who runs all this for an hour: see scripts/soak.mjs. */
export function tally(what: 'kill' | 'failover' | 'cut'): void {
  const path = process.env.FOREBAY_TORTURE_TALLY;
  if (path !== undefined) appendFileSync(path, `${what}\n`);
}
