import type { Backlog } from '@forebay/backlog';
import { CommandCursor, RespError } from '@forebay/resp';
import type { Channels, MessageKind } from '@forebay/resp-server';
import type { Source } from './source.ts';

/** Bytes of the longest message that is passed on: where servers cut a subscriber off by default. */
const LONGEST = 32 * 1024 * 1024;
/** Name, channel and message. */
const WORDS = 3;
/** Bytes of messages that a transaction may hold back; more are sent before its end. */
const MOST_HELD = 8 * 1024 * 1024;

const KINDS: Readonly<Record<number, MessageKind>> = { 7: 'message', 8: 'smessage' };
const NAMES: Readonly<Record<MessageKind, string>> = { message: 'PUBLISH', smessage: 'SPUBLISH' };

interface Message {
  readonly kind: MessageKind;
  readonly channel: string;
  /** Undefined: it is too long to be passed on. */
  readonly text: string | undefined;
}

/**
 * Sends messages published on the primary to the subscribers here: PUBLISH and SPUBLISH are in the
 * stream (`pubsub.c: publishCommand`). Without subscribers the stream is not read.
 *
 * Invariant: the stream is read from a boundary on, command by command.
 */
export class StreamMessages {
  readonly #channels: Channels;
  readonly #stream: { readonly backlog: Backlog };
  readonly #source: Pick<Source, 'boundary'>;
  /** The last boundary before the bytes that come next. */
  #boundary: number | undefined;
  #cursor: CommandCursor | undefined;
  /** Set from MULTI to EXEC. */
  #held: Message[] | undefined;
  #heldBytes = 0;

  constructor(
    channels: Channels,
    stream: { readonly backlog: Backlog },
    source: Pick<Source, 'boundary'>,
  ) {
    this.#channels = channels;
    this.#stream = stream;
    this.#source = source;
    this.restart();
  }

  /** The next bytes are of another stream or position. */
  restart(): void {
    this.#stop();
    this.#boundary = this.#source.boundary;
  }

  /** `bytes` are the newest of the backlog. */
  propagated(bytes: Uint8Array): void {
    const before = this.#boundary;
    this.#boundary = this.#source.boundary;
    if (!this.#channels.listening) this.#stop();
    else if (this.#cursor !== undefined) this.#read(bytes);
    else if (before !== undefined) this.#begin(before);
  }

  /** Where the memory does not reach back to the boundary, it waits for the next. */
  #begin(boundary: number): void {
    const { backlog } = this.#stream;
    if (!backlog.covers(boundary + 1)) return;
    this.#cursor = new CommandCursor({
      maxArguments: 2 ** 31 - 1,
      maxBulkLength: Number.MAX_SAFE_INTEGER,
      maxRetainedLength: LONGEST,
      maxRetainedArguments: WORDS,
    });
    for (const view of backlog.readFrom(boundary + 1)) this.#read(view);
  }

  #stop(): void {
    this.#cursor = undefined;
    this.#held = undefined;
    this.#heldBytes = 0;
  }

  #read(bytes: Uint8Array): void {
    const cursor = this.#cursor;
    if (cursor === undefined) return;
    try {
      cursor.push(bytes);
      while (cursor.next()) if (cursor.argumentCount > 0) this.#onCommand(cursor);
    } catch (error) {
      if (!(error instanceof RespError)) throw error;
      this.#stop();
    }
  }

  /** The length tells nearly all commands apart from those that matter. */
  #onCommand(cursor: CommandCursor): void {
    const length = cursor.argumentLength(0);
    if (length === 4 && cursor.argumentIs(0, 'EXEC')) this.#send();
    else if (length === 5 && cursor.argumentIs(0, 'MULTI')) this.#held ??= [];
    const kind = KINDS[length];
    if (kind === undefined || !cursor.argumentIs(0, NAMES[kind])) return;
    if (cursor.argumentCount === WORDS) this.#take(cursor, kind);
  }

  #take(cursor: CommandCursor, kind: MessageKind): void {
    if (cursor.argumentLength(1) > LONGEST) return;
    const size = cursor.argumentLength(2);
    const text = size > LONGEST ? undefined : cursor.argumentLatin1(2);
    const message = { kind, channel: cursor.argumentLatin1(1), text };
    if (this.#held === undefined) {
      this.#publish(message);
      return;
    }
    this.#held.push(message);
    this.#heldBytes += size;
    if (this.#heldBytes <= MOST_HELD) return;
    this.#send();
    this.#held = [];
  }

  #send(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#heldBytes = 0;
    for (const message of held) this.#publish(message);
  }

  #publish({ kind, channel, text }: Message): void {
    this.#channels.publish(channel, text, kind);
  }
}
