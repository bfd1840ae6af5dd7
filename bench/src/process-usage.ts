import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Ticks of the system's accounting in a second. */
const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
const MB = 1e6;

/**
 * CPU seconds of a process that runs, all its threads together, user and system; with those of its
 * children that have ended, where that is asked for.
 */
export function cpuSeconds(pid: number, options: { readonly withChildren?: boolean } = {}): number {
  const { withChildren = false } = options;
  const ticks = statOf(pid).slice(11, withChildren ? 15 : 13);
  return ticks.reduce((sum, each) => sum + Number(each), 0) / TICKS;
}

/** CPU seconds of all children of ours that have ended. */
export function cpuSecondsOfEndedChildren(): number {
  const [utime, stime] = statOf(process.pid).slice(13, 15);
  return (Number(utime) + Number(stime)) / TICKS;
}

/** Resident megabytes (10^6 bytes) of a process: now, and the most there were so far. */
export function residentMegabytes(pid: number): { readonly now: number; readonly most: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024) / MB;
  return { now: field('VmRSS'), most: field('VmHWM') };
}

/** The fields of `/proc/PID/stat` from the third on: the second may hold blanks. */
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
