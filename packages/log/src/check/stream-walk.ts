import { crc32 } from 'node:zlib';
import type { Boundary } from '@forebay/psync';
import { PsyncError, StreamTracker } from '@forebay/psync';
import { RespError } from '@forebay/resp';
import type { DiskFile } from '../disk/disk.ts';
import { placeOf } from '../increment/preamble.ts';
import type { Increment } from '../manifest/manifest.ts';
import { piecesOf } from './pieces.ts';

/** Where a stream stops being commands. */
export interface Refusal {
  /** Offset of the first byte that fits nowhere. */
  readonly offset: number;
  /** Offset of the first byte of the command that it is in. */
  readonly command: number;
  readonly what: string;
}

/** Reads an increment's stream from its first byte on, or from another place where it may be cut, and follows its commands. A few kilobytes. */
export class StreamWalk {
  readonly #file: DiskFile;
  readonly #path: string;
  readonly #increment: Increment;
  readonly #onRead: (bytes: number) => void;
  #offset: number;
  #tracker: StreamTracker | undefined;
  #followedFrom: number;
  #refusal: Refusal | undefined;
  #commands = 0;
  /** CRC-32 of what was read since it was last set to 0. */
  crc = 0;

  constructor(
    file: DiskFile,
    path: string,
    increment: Increment,
    onRead: (bytes: number) => void = () => {},
    from: Boundary = { offset: increment.startOffset, database: increment.database },
  ) {
    const { offset, database } = from;
    this.#file = file;
    this.#path = path;
    this.#increment = increment;
    this.#onRead = onRead;
    this.#offset = offset;
    this.#followedFrom = offset;
    this.#tracker = new StreamTracker({ offset, database });
  }

  /** Offset of the last byte read. */
  get offset(): number {
    return this.#offset;
  }

  /** The last place where the stream may be cut; undefined while its commands are not followed. */
  get boundary(): Boundary | undefined {
    return this.#refusal === undefined ? this.#tracker?.boundary : undefined;
  }

  /** Where its commands could not be followed any further. */
  get refusal(): Refusal | undefined {
    return this.#refusal;
  }

  /** How many commands were followed. */
  get commands(): number {
    return this.#commands + (this.#tracker?.commands ?? 0);
  }

  /** Reads on up to `offset`, or the end of the file; gives each piece to `take`. @throws {LogError} `IO` */
  async to(
    offset: number,
    take: (bytes: Uint8Array) => Promise<void> | void = () => {},
  ): Promise<void> {
    const [from, end] = [this.#offset + 1, offset + 1].map((at) => placeOf(this.#increment, at));
    for await (const bytes of piecesOf(this.#file, this.#path, from!, end!)) {
      this.crc = crc32(bytes, this.crc);
      this.#offset += bytes.length;
      this.#follow(bytes);
      await take(bytes);
      this.#onRead(bytes.length);
    }
  }

  /** Passes over what comes next without following its commands. */
  lose(): void {
    this.#commands = this.commands;
    this.#tracker = undefined;
    this.#refusal = undefined;
  }

  /** Follows the commands from here on, where the stream may be cut. */
  resume(boundary: Boundary): void {
    this.lose();
    this.#tracker = new StreamTracker(boundary);
    this.#followedFrom = boundary.offset;
  }

  #follow(bytes: Uint8Array): void {
    if (this.#refusal !== undefined) return;
    try {
      this.#tracker?.push(bytes);
    } catch (error) {
      if (!(error instanceof PsyncError) || error.offset === undefined) throw error;
      const { cause, offset: command } = error;
      const known = cause instanceof RespError && cause.offset !== undefined;
      this.#refusal = {
        offset: known ? this.#followedFrom + 1 + (cause.offset ?? 0) : command,
        command,
        what: known ? cause.reason : error.message,
      };
    }
  }
}

/**
 * The last place up to `offset` where the stream may be cut. It is followed from `from`.
 *
 * @throws {LogError} `IO`
 */
export async function boundaryUpTo(
  file: DiskFile,
  path: string,
  increment: Increment,
  from: Boundary,
  offset: number,
): Promise<Boundary> {
  const { offset: startOffset, database } = from;
  const [at, end] = [startOffset + 1, offset + 1].map((each) => placeOf(increment, each));
  const tracker = new StreamTracker({ offset: startOffset, database });
  for await (const bytes of piecesOf(file, path, at!, end!)) tracker.push(bytes);
  return tracker.boundary;
}
