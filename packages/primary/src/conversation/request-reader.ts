import { CommandCursor, RespError } from '@forebay/resp';

/** A command with its arguments, one character a byte; of no length for an empty line. */
export type Request = readonly string[];

/** What nobody who is not known yet may pass (`networking.c: processMultibulkBuffer`). */
const STRANGERS = { maxArguments: 10, maxBulkLength: 16_384 };
/** Nothing that is served needs more. */
const KNOWN = { maxArguments: 1024, maxBulkLength: 65_536 };
/** Bytes of one request, all its arguments together. */
const LONGEST = 1024 * 1024;

/** What a peer sent is no request; the message is what servers answer before they close. */
export class BadRequest extends Error {}

/** Reads the requests of one connection, as arrays or as lines. No I/O. */
export class RequestReader {
  #cursor: CommandCursor;
  #known: boolean;
  #chunk: Uint8Array = new Uint8Array(0);

  /** `known`: whether no password is asked for. */
  constructor(known: boolean) {
    this.#known = known;
    this.#cursor = new CommandCursor(known ? KNOWN : STRANGERS);
  }

  /** The next bytes. They must not change until `next` has returned undefined. */
  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#cursor.push(chunk);
  }

  /** Bytes that are no whole request yet. */
  get pendingBytes(): number {
    return this.#cursor.pendingBytes;
  }

  /** The peer has said who it is: what follows may be longer. */
  trust(): void {
    if (this.#known) return;
    this.#known = true;
    const rest = this.#chunk.subarray(this.#chunk.length - this.#cursor.pendingBytes);
    this.#cursor = new CommandCursor(KNOWN);
    this.#cursor.push(rest);
  }

  /** The next whole request. @throws {BadRequest} after which nothing more can be read */
  next(): Request | undefined {
    const cursor = this.#cursor;
    try {
      if (!cursor.next()) {
        if (cursor.pendingBytes > LONGEST) throw new BadRequest('Protocol error: too big request');
        return undefined;
      }
      return Array.from({ length: cursor.argumentCount }, (_, i) => cursor.argumentLatin1(i));
    } catch (error) {
      if (!(error instanceof RespError)) throw error;
      throw new BadRequest(`Protocol error: ${this.#complaint(error)}`);
    }
  }

  #complaint({ code, reason }: RespError): string {
    switch (code) {
      case 'TOO_MANY_ARGUMENTS':
        return this.#known ? 'invalid multibulk length' : 'unauthenticated multibulk length';
      case 'BULK_TOO_LONG':
        return this.#known ? 'invalid bulk length' : 'unauthenticated bulk length';
      case 'INVALID_COUNT':
        return 'invalid multibulk length';
      case 'INVALID_LENGTH':
        return 'invalid bulk length';
      case 'INVALID_INLINE':
        return 'unbalanced quotes in request';
      case 'LINE_TOO_LONG':
        return 'too big inline request';
      default:
        return reason;
    }
  }
}
