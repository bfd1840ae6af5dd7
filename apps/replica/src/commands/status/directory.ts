import type { Inventory } from '@forebay/log';
import { hasWriter, inspect, nodeDisk } from '@forebay/log';
import type { Told } from './ask.ts';

/**
 * The status of a directory without its daemon, in the form of `/status.json`. Nothing is locked or written.
 *
 * @throws {LogError} as `inspect`
 */
export async function lookAtDirectory(directory: string): Promise<Told> {
  const inventory = await inspect(nodeDisk, directory);
  const runs = await hasWriter(directory);
  const now = Date.now();
  const { files, bytes, free, segments } = inventory;
  const held = { seen: now, bytes, files, free, segments: segments.map(segmentOf) };
  return {
    report: { now, log: logOf(inventory), held, cursors: cursorsOf(inventory, now) },
    ready: runs === true,
    text: textOf(runs, directory),
  };
}

function textOf(runs: boolean | undefined, directory: string): string {
  if (runs === undefined) return `unknown whether a daemon runs on ${directory}`;
  if (!runs) return `no daemon runs on ${directory}`;
  return `a daemon runs on ${directory}; --http shows its link`;
}

function logOf({ segments }: Inventory) {
  const { ids, from, to, bases } = segments.at(-1)!;
  const base = bases.at(-1);
  return {
    id: ids.at(-1)?.id ?? null,
    written: to,
    lowest: from,
    base: base === undefined ? null : { ...base, size: base.bytes ?? null },
  };
}

function segmentOf({ state, from, to, first, last, bytes }: Inventory['segments'][number]) {
  return { state, from, to, first: first ?? null, last: last ?? null, bytes };
}

function cursorsOf({ cursors }: Inventory, now: number) {
  return cursors.map(({ name, state, position, behind, next }) => ({
    name,
    state,
    offset: position?.offset ?? null,
    behind: behind ?? null,
    next: next ?? null,
    age: behind === 0 ? 0 : next === undefined ? null : Math.max(0, now - next) / 1000,
  }));
}
