import { RdbReceiverError } from './errors.ts';
import { MAX_HEADER_LENGTH, parseHeader } from './header.ts';
import { MarkSearch } from './mark-search.ts';

/** What a new reader may be told. */
export interface BulkPayloadOptions {
  /** The longest payload to accept in bytes, 1 to 2^53 - 1, the default. */
  readonly maxLength?: number;
}

/** What a reader has found. */
export type PayloadEvent =
  /** A newline before the header: the peer is alive and not ready. */
  | { readonly type: 'keepalive' }
  /** The payload begins. `length` in bytes, 1 or more; undefined if the payload ends at a mark. */
  | { readonly type: 'header'; readonly length: number | undefined }
  /** The next bytes of the payload, 1 or more: a view of what was pushed, or up to 39 held back before. */
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  /** The payload is complete. */
  | { readonly type: 'end' }
  /** The peer's error line as it came, its `-` included and its line end not; nothing comes after. */
  | { readonly type: 'refused'; readonly line: string };

/** How far a payload has come. */
export interface PayloadProgress {
  /** Bytes of payload handed out so far. */
  readonly read: number;
  /** The announced length, or undefined: none was, or not yet. */
  readonly total: number | undefined;
}

const NEWLINE = 0x0a;
const NOTHING = new Uint8Array(0);

/**
 * Reads the bulk payload of a full sync: keepalive newlines, the header, the RDB, and for `$EOF` its
 * mark (`replication.c: readSyncBulkPayload`). After `end`, what was pushed beyond the payload is for
 * `takeRest`: it is the beginning of the stream.
 *
 * What is pushed must not change until `next` returns undefined. An error is final: each later call
 * of `next` throws it again.
 */
export class BulkPayloadReader {
  readonly #maxLength: number;
  /** What was pushed and not read yet; #at is an index into the first. No chunk is empty. */
  readonly #chunks: Uint8Array[] = [];
  #at = 0;
  #state: 'header' | 'counted' | 'marked' | 'ended' | 'refused' = 'header';
  /** The part of a header line that came with former chunks. */
  #line: Uint8Array = NOTHING;
  #total: number | undefined;
  #read = 0;
  #search: MarkSearch | undefined;
  /** Whether the mark was found; what is #ready comes before it, and nothing else does. */
  #markFound = false;
  /** Bytes of payload that were found and not handed out. */
  readonly #ready: Uint8Array[] = [];
  #failure: RdbReceiverError | undefined;

  /** @throws {RdbReceiverError} `INVALID_OPTION` */
  constructor({ maxLength = Number.MAX_SAFE_INTEGER }: BulkPayloadOptions = {}) {
    if (!Number.isSafeInteger(maxLength) || maxLength < 1) {
      throw new RdbReceiverError('INVALID_OPTION', `a maxLength of ${maxLength} cannot be kept`);
    }
    this.#maxLength = maxLength;
  }

  /** Takes the next bytes from the peer, without a copy. */
  push(chunk: Uint8Array): void {
    if (chunk.length > 0) this.#chunks.push(chunk);
  }

  /**
   * What was found next; undefined if more bytes are needed, or after `end` or `refused`.
   *
   * @throws {RdbReceiverError} `BAD_HEADER`, `HEADER_TOO_LONG`, `LENGTH_OUT_OF_RANGE`,
   * `EMPTY_PAYLOAD`
   */
  next(): PayloadEvent | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      if (this.#state === 'header') return this.#nextOfHeader();
      if (this.#state === 'counted') return this.#nextCounted(this.#total!);
      if (this.#state === 'marked') return this.#nextMarked(this.#search!);
      return undefined;
    } catch (error) {
      this.#failure = error as RdbReceiverError;
      throw error;
    }
  }

  /**
   * To be called when the peer has closed and `next` returned undefined.
   *
   * @throws {RdbReceiverError} `CUT_SHORT` unless `end` or `refused` was returned
   */
  finish(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#state === 'ended' || this.#state === 'refused') return;
    const read = this.#read;
    const message = `the peer closed ${this.#whereItIs()}`;
    if (this.#total === undefined) throw new RdbReceiverError('CUT_SHORT', message, { read });
    throw new RdbReceiverError('CUT_SHORT', message, { read, total: this.#total });
  }

  /**
   * The bytes pushed beyond the payload, possibly none; each is handed back once. One view, or a
   * copy where several chunks were pushed since.
   *
   * @throws {RdbReceiverError} `NOT_ENDED` before `end` or `refused` was returned
   */
  takeRest(): Uint8Array {
    if (this.#state !== 'ended' && this.#state !== 'refused') {
      throw new RdbReceiverError('NOT_ENDED', 'the payload has not ended: there is no rest of it');
    }
    const [first = NOTHING, ...others] = this.#chunks;
    const rest = joined([first.subarray(this.#at), ...others]);
    this.#chunks.length = 0;
    this.#at = 0;
    return rest;
  }

  /** How much was read, of how much. Made anew at each access. */
  get progress(): PayloadProgress {
    return { read: this.#read, total: this.#total };
  }

  #whereItIs(): string {
    if (this.#state === 'header') return 'before the payload began';
    if (this.#total === undefined) return `after ${this.#read} bytes of payload without its mark`;
    return `after ${this.#read} of ${this.#total} bytes of payload`;
  }

  #nextOfHeader(): PayloadEvent | undefined {
    for (let chunk = this.#chunks[0]; chunk !== undefined; chunk = this.#chunks[0]) {
      const newline = chunk.indexOf(NEWLINE, this.#at);
      const end = newline < 0 ? chunk.length : newline;
      if (this.#line.length + end - this.#at > MAX_HEADER_LENGTH) {
        const message = `no payload header within ${MAX_HEADER_LENGTH} bytes`;
        throw new RdbReceiverError('HEADER_TOO_LONG', message);
      }
      const piece = chunk.subarray(this.#at, end);
      if (newline >= 0) {
        const line = joined([this.#line, piece]);
        this.#line = NOTHING;
        this.#moveTo(newline + 1);
        return this.#beginPayload(line);
      }
      this.#line = joined([this.#line, new Uint8Array(piece)]);
      this.#moveTo(end);
    }
    return undefined;
  }

  #beginPayload(line: Uint8Array): PayloadEvent {
    const header = parseHeader(line, this.#maxLength);
    switch (header.type) {
      case 'keepalive':
        return header;
      case 'refused':
        this.#state = 'refused';
        return header;
      case 'counted':
        this.#state = 'counted';
        this.#total = header.length;
        return { type: 'header', length: header.length };
      case 'marked':
        this.#state = 'marked';
        this.#search = new MarkSearch(header.mark);
        return { type: 'header', length: undefined };
    }
  }

  #nextCounted(total: number): PayloadEvent | undefined {
    if (this.#read === total) return this.#end();
    const chunk = this.#chunks[0];
    if (chunk === undefined) return undefined;
    const from = this.#at;
    const until = Math.min(chunk.length, from + total - this.#read);
    this.#read += until - from;
    this.#moveTo(until);
    return { type: 'bytes', bytes: chunk.subarray(from, until) };
  }

  #nextMarked(search: MarkSearch): PayloadEvent | undefined {
    for (;;) {
      const bytes = this.#ready.shift();
      if (bytes !== undefined) {
        this.#read += bytes.length;
        return { type: 'bytes', bytes };
      }
      if (this.#markFound) return this.#end();
      const chunk = this.#chunks[0];
      if (chunk === undefined) return undefined;
      this.#scan(search, chunk);
    }
  }

  #scan(search: MarkSearch, chunk: Uint8Array): void {
    const from = this.#at;
    const { released, until, markEnd } = search.scan(chunk, from);
    if (this.#read + released + until - from > this.#maxLength) {
      const message = `the payload has no mark within ${this.#maxLength} bytes`;
      throw new RdbReceiverError('LENGTH_OUT_OF_RANGE', message, { read: this.#read });
    }
    if (released > 0) this.#ready.push(search.beginning(released));
    if (until > from) this.#ready.push(chunk.subarray(from, until));
    this.#markFound = markEnd !== undefined;
    this.#moveTo(markEnd ?? chunk.length);
  }

  #end(): PayloadEvent {
    if (this.#read === 0) {
      throw new RdbReceiverError('EMPTY_PAYLOAD', 'the mark came before a byte of payload');
    }
    this.#state = 'ended';
    this.#search = undefined;
    return { type: 'end' };
  }

  /** Moves on within the first chunk, and lets go of it at its end. */
  #moveTo(index: number): void {
    this.#at = index;
    if (index === this.#chunks[0]!.length) {
      this.#chunks.shift();
      this.#at = 0;
    }
  }
}

/** The only part that is not empty as it is; a new array if there are several. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const filled = parts.filter((part) => part.length > 0);
  if (filled.length < 2) return filled[0] ?? NOTHING;
  const whole = new Uint8Array(filled.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of filled) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
