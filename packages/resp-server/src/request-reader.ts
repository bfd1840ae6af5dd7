import { CommandCursor, RespError } from '@forebay/resp';

/** A command with its arguments, one character a byte; of no length for an empty line. */
export type Request = readonly string[];

/** Limits before authentication (`networking.c: processMultibulkBuffer`). */
const BEFORE_AUTHENTICATION = { maxArguments: 10, maxBulkLength: 16_384 };
const AUTHENTICATED = { maxArguments: 1024, maxBulkLength: 65_536 };
/** Bytes of one request, all its arguments together. */
const LONGEST = 1024 * 1024;

/** Malformed bytes; the message is the reply that servers send before they close. */
export class BadRequest extends Error {}

/** Reads the requests of one connection, as arrays or as lines. No I/O. */
export class RequestReader {
  #cursor: CommandCursor;
  #authenticated: boolean;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(authenticated: boolean) {
    this.#authenticated = authenticated;
    this.#cursor = new CommandCursor(authenticated ? AUTHENTICATED : BEFORE_AUTHENTICATION);
  }

  /** The next bytes. They must not change until `next` has returned undefined. */
  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#cursor.push(chunk);
  }

  /** Bytes that are not a whole request yet. */
  get pendingBytes(): number {
    return this.#cursor.pendingBytes;
  }

  /** The bytes after the last request, up to the end of what was pushed. To be called right after `next` returned a request. */
  get rest(): Uint8Array {
    return this.#chunk.subarray(this.#chunk.length - this.#cursor.pendingBytes);
  }

  /** The client is authenticated: later requests may be longer. */
  authenticate(): void {
    if (this.#authenticated) return;
    this.#authenticated = true;
    const { rest } = this;
    this.#cursor = new CommandCursor(AUTHENTICATED);
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
        return this.#authenticated
          ? 'invalid multibulk length'
          : 'unauthenticated multibulk length';
      case 'BULK_TOO_LONG':
        return this.#authenticated ? 'invalid bulk length' : 'unauthenticated bulk length';
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
