import type { Stream } from './stream.ts';

interface Written {
  readonly stream: Stream;
  /** Offset of the last byte under the id; undefined while the id is in use. */
  end: number | undefined;
}

/** What primaries have written under each replication id. Every copy of a stream is compared with it. */
export class Truth {
  readonly #written = new Map<string, Written>();

  /** From now on bytes of `stream` are written under this id. */
  begin(id: string, stream: Stream): void {
    this.#written.set(id, { stream, end: undefined });
  }

  /** From now on `stream` is written under another id. A replica that is promoted did not write under the old id. */
  end(id: string, stream: Stream): void {
    const written = this.#written.get(id);
    if (written?.stream === stream) written.end ??= stream.end;
  }

  streamOf(id: string): Stream | undefined {
    return this.#written.get(id)?.stream;
  }

  /** What is wrong with these bytes after `from` under this id; undefined: nothing. */
  faultIn(id: string, from: number, bytes: Uint8Array): string | undefined {
    const written = this.#written.get(id);
    if (written === undefined) return 'nothing was written under the id';
    const { stream } = written;
    const end = written.end ?? stream.end;
    const to = from + bytes.length;
    if (to > end) return `only ${end} was written under the id`;
    if (from < stream.start) return `the stream begins at ${stream.start}`;
    return Buffer.compare(stream.slice(from, to), bytes) === 0 ? undefined : 'other bytes';
  }
}
