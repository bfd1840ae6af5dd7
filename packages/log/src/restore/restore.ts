import { dirname, join, resolve } from 'node:path';
import type { Position } from '@forebay/psync';
import type { TtlMode } from '@forebay/rdb';
import { RespError } from '@forebay/resp';
import type { Disk } from '../disk/disk.ts';
import { writeWhole } from '../disk/durable.ts';
import { refuseFilled } from '../disk/refuse-filled.ts';
import { LogError, orLogError } from '../errors.ts';
import { AppendFile } from '../increment/append-file.ts';
import { preambleOf } from '../increment/preamble.ts';
import { APPEND_DIRECTORY, baseName, incrementName, MANIFEST_NAME } from '../manifest/manifest.ts';
import { isStill } from '../recovery/settle-copy.ts';
import { AbsoluteTimes } from './absolute-times.ts';
import type { CheckedPiece } from './checked-bytes.ts';
import { checkedBase, checkedStream } from './checked-bytes.ts';
import { joined } from './joined.ts';
import type { OpenPlan, PartSource, RestorePlan } from './plan.ts';
import { planRestore } from './plan.ts';
import type { Ttl } from './retimed.ts';
import { retimedBase, ttlRewriter } from './retimed.ts';
import type { StreamRewriter } from './stream-rewriter.ts';

export interface RestoreOptions {
  /** The one file that servers before 7.0 boot from, in place of the multi-part directory; false by default. */
  readonly single?: boolean;
  /**
   * What becomes of times to live: `keep` leaves what is written as it stands, and what has expired since the
   * moment expires when a server loads it; `drop`: what had not expired by the moment does not expire any more;
   * `shift`: the time left is what it was then. `keep` by default.
   */
  readonly ttl?: 'keep' | TtlMode;
  /** What `shift` counts from, milliseconds since 1970; the time of the call by default. */
  readonly now?: number;
  /** Called as the bytes go: how many have been read, and how many there are. */
  readonly onProgress?: (progress: { readonly read: number; readonly total: number }) => void;
  /** Aborted: nothing is left of what was written, and the signal's reason is thrown. */
  readonly signal?: AbortSignal;
}

/** What was written. */
export interface Restored {
  /** What is reached: the plan's position, or a later end of a log that was written to. */
  readonly position: Position;
  /** The files, from the directory on, in the order in which a server reads them. */
  readonly files: readonly string[];
  /** Bytes in them. */
  readonly bytes: number;
  /** Commands whose relative times were made absolute. */
  readonly changed: number;
  /** Number of commands in the stream with TTLs that were dropped or shifted. */
  readonly retimed: number;
  /** Scripts that were passed as they came: the relative times that they set count from the boot. */
  readonly scripts: number;
}

/** The one-file form, by the name that servers give it. */
const SINGLE_NAME = 'appendonly.aof';
/** How often a plan is made anew where the log takes back what was to be read. */
const TRIES = 10;

/**
 * Writes the directory that a server boots as of the plan's position: beside `out` first, synced, and
 * then renamed; where it fails nothing is left. Each byte that is read is checked.
 *
 * @throws {LogError} `FOREIGN` where `out` is not empty; `CORRUPT` with the file and the place; `IO`
 */
export async function restore(
  plan: RestorePlan,
  out: string,
  options: RestoreOptions = {},
): Promise<Restored> {
  const { disk } = opened(plan);
  const target = resolve(out);
  await refuseFilled(disk, target);
  const partial = `${target}.partial-${process.pid}`;
  try {
    const restored = await writeUncut(opened(plan), partial, options);
    await orLogError(target, 'making', async () => {
      await disk.rename(partial, target);
      await disk.syncDirectory(dirname(target));
    });
    return restored;
  } catch (error) {
    // What is told is why it failed, and not that this fails as well.
    await disk.removeTree(partial).catch(() => {});
    throw error;
  }
}

/** The time that was asked for, or that of the last byte. */
function momentOf({ target, time }: OpenPlan): number {
  return target !== undefined && 'time' in target ? target.time : time;
}

/** Plans have one form only; which one is not the caller's concern. */
function opened(plan: RestorePlan): OpenPlan {
  return plan as OpenPlan;
}

/** A log that is written to may cut a file after its plan was made, and name another for the rest. */
async function writeUncut(
  plan: OpenPlan,
  partial: string,
  options: RestoreOptions,
  tries = 1,
): Promise<Restored> {
  const { disk, directory, manifest } = plan;
  try {
    return await writeAll(plan, partial, options);
  } catch (error) {
    const isDamage = error instanceof LogError && error.code === 'CORRUPT';
    if (!isDamage || tries === TRIES || (await isStill(disk, directory, manifest))) throw error;
  }
  await using again = await plannedAnew(plan);
  return await writeUncut(again, partial, options, tries + 1);
}

/** For the place that was promised; the end may be a later one, where retention has dropped that too. */
async function plannedAnew({ disk, directory, target, position }: OpenPlan): Promise<OpenPlan> {
  try {
    return opened(await planRestore(disk, directory, { position }));
  } catch (error) {
    const isGone = error instanceof LogError && error.code === 'NOT_COVERED';
    if (!isGone || target !== undefined) throw error;
    return opened(await planRestore(disk, directory));
  }
}

async function writeAll(
  plan: OpenPlan,
  partial: string,
  { single = false, ttl: mode = 'keep', now = Date.now(), onProgress, signal }: RestoreOptions,
): Promise<Restored> {
  const { disk, bytes: total } = plan;
  const times = plan.relative ? new AbsoluteTimes() : undefined;
  const ttl = mode === 'keep' ? undefined : { mode, moment: momentOf(plan), now };
  const retimes = ttl && ttlRewriter(ttl);
  // Relative times must be made absolute first.
  const rewriters = [times, retimes].filter((each) => each !== undefined);
  const inner = single ? partial : join(partial, APPEND_DIRECTORY);
  await orLogError(partial, 'making the directory', async () => {
    // An earlier process of this number may have been killed.
    await disk.removeTree(partial);
    await disk.makeDirectory(partial);
    await disk.makeDirectory(inner);
  });
  let read = 0;
  const onPiece = (piece: Piece) => {
    signal?.throwIfAborted();
    read += piece.read;
    onProgress?.({ read, total });
  };
  let bytes = 0;
  const files = filesOf(plan, single, rewriters, ttl);
  for (const { name, contents } of files) {
    bytes += await writeFile(disk, join(inner, name), contents, onPiece);
  }
  if (!single) {
    const path = join(inner, MANIFEST_NAME);
    const manifest = Buffer.from(manifestFor(files));
    await orLogError(path, 'writing', () => writeWhole(disk, path, manifest));
  }
  await orLogError(partial, 'syncing', async () => {
    await disk.syncDirectory(inner);
    await disk.syncDirectory(partial);
  });
  return {
    position: plan.position,
    files: files.map(({ name }) => (single ? name : join(APPEND_DIRECTORY, name))),
    bytes,
    changed: times?.changed ?? 0,
    retimed: retimes?.changed ?? 0,
    scripts: times?.scriptsPassed ?? 0,
  };
}

/** Bytes after which the disk is set to work while more is read: a sync in the end alone takes longer. */
const SYNC_EACH = 64 * 1024 * 1024;

/** Bytes to be written, valid until the next are asked for, and how many were read for them. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly read: number;
}

type Contents = AsyncGenerator<Piece, void, void>;

interface OutputFile {
  readonly name: string;
  readonly sequence: number;
  readonly type: 'b' | 'i';
  readonly contents: Contents;
}

function filesOf(
  plan: OpenPlan,
  single: boolean,
  rewriters: readonly StreamRewriter[],
  ttl: Ttl | undefined,
): OutputFile[] {
  const { sources } = plan;
  if (single) {
    const parts = sources.map((each) => partOf(each, rewriters));
    const contents = behindEachOther([baseOf(plan, ttl), ...parts]);
    return [{ name: SINGLE_NAME, sequence: 1, type: 'b', contents }];
  }
  return [
    { name: baseName(1), sequence: 1, type: 'b', contents: baseOf(plan, ttl) },
    ...sources.map((source, i): OutputFile => {
      const sequence = i + 2;
      const contents = partOf(source, rewriters);
      return { name: incrementName(sequence), sequence, type: 'i', contents };
    }),
  ];
}

/**
 * As servers write it (`aof.c: getAofManifestAsString`), and without the lines of ours: a server
 * appends to this directory, which makes it none of a log.
 */
function manifestFor(files: readonly OutputFile[]): string {
  return files
    .map(({ name, sequence, type }) => `file ${name} seq ${sequence} type ${type}\n`)
    .join('');
}

async function* behindEachOther(all: readonly Contents[]): Contents {
  for (const each of all) yield* each;
}

async function* baseOf(plan: OpenPlan, ttl: Ttl | undefined): Contents {
  if (ttl !== undefined) return yield* retimedBase(plan, ttl);
  for await (const bytes of checkedBase(plan)) yield { bytes, read: bytes.length };
}

async function* partOf(source: PartSource, rewriters: readonly StreamRewriter[]): Contents {
  const { reader } = source;
  const preamble = preambleOf(reader.increment);
  yield { bytes: preamble, read: preamble.length };
  for await (const piece of checkedStream(source)) {
    const read = piece.bytes.length;
    if (rewriters.length === 0) yield { bytes: piece.bytes, read };
    else yield { bytes: rewritten(piece, rewriters, reader.path), read };
  }
  if (rewriters.every(({ pending }) => pending === 0)) return;
  const message = `${reader.path} ends inside of a command at offset ${source.to}`;
  throw new LogError('CORRUPT', reader.path, message);
}

function rewritten(
  { bytes, arrivals }: CheckedPiece,
  rewriters: readonly StreamRewriter[],
  path: string,
): Uint8Array {
  const pieces: Uint8Array[] = [];
  let from = 0;
  try {
    for (const { end, time } of arrivals) {
      let changed = [bytes.subarray(from, end)];
      for (const each of rewriters) changed = changed.flatMap((piece) => each.push(piece, time));
      for (const piece of changed) pieces.push(piece);
      from = end;
    }
  } catch (error) {
    if (!(error instanceof RespError)) throw error;
    const message = `${path} is no sequence of commands: ${error.message}`;
    throw new LogError('CORRUPT', path, message, error);
  }
  return joined(pieces);
}

async function writeFile(
  disk: Disk,
  path: string,
  contents: Contents,
  onPiece: (piece: Piece) => void,
): Promise<number> {
  const file = await AppendFile.create(disk, path);
  let syncing: Promise<void> | undefined;
  let synced = 0;
  try {
    for await (const piece of contents) {
      onPiece(piece);
      await file.append(piece.bytes);
      if (file.size - synced < SYNC_EACH) continue;
      await syncing;
      synced = file.size;
      syncing = file.sync();
      // Told where it is awaited.
      syncing.catch(() => {});
    }
    await syncing;
    await file.sync();
    return file.size;
  } finally {
    await syncing?.catch(() => {});
    await file.close();
  }
}
