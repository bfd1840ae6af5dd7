import { join } from 'node:path';
import { LogError } from './errors.ts';
import type { Manifest } from './manifest.ts';
import { APPEND_DIRECTORY } from './manifest.ts';
import type { LogChunk } from './read-increment.ts';
import { readIncrement } from './read-increment.ts';

export interface ReadOptions {
  /** Whether to wait for more at the end; true by default. */
  readonly follow?: boolean;
  /** Aborted: the reading ends. */
  readonly signal?: AbortSignal;
}

/** What a reader sees of a log that is written to meanwhile. */
export interface ReadableLog {
  readonly directory: string;
  readonly manifest: Manifest;
  /** Offset of the last byte that may be read. */
  readonly written: number;
  readonly closed: boolean;
  /** Calls `wake` once, at the next change. */
  onChange(wake: () => void): void;
}

/** See `Log.read`. */
export async function* readLog(
  log: ReadableLog,
  from: number,
  { follow = true, signal }: ReadOptions,
): AsyncGenerator<LogChunk, void, void> {
  const base = log.manifest.base.name;
  checkCovered(log, from);
  for (let next = from; !log.closed && signal?.aborted !== true; ) {
    for await (const chunk of readHeld(log, base, next)) {
      next = chunk.offset + 1;
      yield chunk;
    }
    if (next <= log.written) continue;
    if (!follow) return;
    await changed(log, signal);
  }
}

/** What is held from `from` on, as long as the base is the one that the reader began with. */
async function* readHeld(
  log: ReadableLog,
  base: string,
  from: number,
): AsyncGenerator<LogChunk, void, void> {
  try {
    checkBase(log, base);
    const { increments } = log.manifest;
    for (const [index, increment] of increments.entries()) {
      const end = increments[index + 1]?.startOffset ?? log.written;
      if (from > end) continue;
      const path = join(log.directory, APPEND_DIRECTORY, increment.name);
      yield* readIncrement(path, increment, Math.max(from, increment.startOffset + 1), end);
    }
  } catch (error) {
    // The files of a history that was replaced are gone: that is why they cannot be read.
    checkBase(log, base);
    throw error;
  }
}

function checkBase({ directory, manifest }: ReadableLog, base: string): void {
  if (manifest.base.name === base) return;
  const message = `the history read from ${directory} was replaced by a full resync`;
  throw new LogError('REPLACED', directory, message);
}

function checkCovered({ directory, manifest, written }: ReadableLog, from: number): void {
  const first = manifest.increments[0].startOffset + 1;
  if (Number.isInteger(from) && from >= first && from <= written + 1) return;
  const message = `offset ${from} is outside of ${first} to ${written} in ${directory}`;
  throw new LogError('NOT_COVERED', directory, message);
}

function changed(log: ReadableLog, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      signal?.removeEventListener('abort', wake);
      resolve();
    };
    log.onChange(wake);
    signal?.addEventListener('abort', wake);
    // What came before this was listening has woken nobody.
    if (log.closed || signal?.aborted) wake();
  });
}
