// Replicas that do nothing: they take a data set and the stream as fast as it comes, and say how far they
// are once a second. `readers-process PORT COUNT [STALLED]`: so many of them, of which the first
// STALLED stop reading when they have the data set. A number on standard input: "reached" is printed
// when all that read have come to that offset.
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { encodeCommand } from '@forebay/resp';

const [port, count, stalled] = process.argv.slice(2).map(Number) as [number, number, number?];
const HEADER = /\+FULLRESYNC \S+ (\d+)\r\n\n*\$(\d+)\r\n/;

/** One of them, and how far it is. */
class Reader {
  readonly #socket = connect({ host: '127.0.0.1', port });
  readonly #stalls: boolean;
  #head = '';
  /** Bytes of the payload that are still to come; undefined before its header. */
  #payload: number | undefined;
  offset = -1;

  constructor(stalls: boolean) {
    this.#stalls = stalls;
    this.#socket.write('PSYNC ? -1\r\n');
    this.#socket.on('data', (bytes: Buffer) => this.#take(bytes));
    setInterval(() => this.acknowledge(), 1000);
  }

  get streaming(): boolean {
    return this.#payload === 0;
  }

  acknowledge(): void {
    if (!this.streaming) return;
    this.#socket.write(encodeCommand(['REPLCONF', 'ACK', this.offset]));
  }

  #take(bytes: Buffer): void {
    let rest = bytes.length;
    if (this.#payload === undefined) {
      this.#head += bytes.toString('latin1');
      const found = HEADER.exec(this.#head);
      if (found === null) return;
      this.offset = Number(found[1]);
      this.#payload = Number(found[2]);
      rest = this.#head.length - found.index - found[0].length;
    }
    const payload = Math.min(rest, this.#payload);
    this.#payload -= payload;
    this.offset += rest - payload;
    if (this.streaming && this.#stalls) this.#socket.pause();
    reached?.();
  }
}

const readers = Array.from({ length: count }, (_, i) => new Reader(i < (stalled ?? 0)));
let reached: (() => void) | undefined = () => {
  if (readers.some((reader) => !reader.streaming)) return;
  reached = undefined;
  process.stderr.write('attached\n');
};
for await (const line of createInterface({ input: process.stdin })) {
  const target = Number(line);
  const reading = readers.slice(stalled ?? 0);
  reached = () => {
    if (reading.some(({ offset }) => offset < target)) return;
    reached = undefined;
    process.stderr.write(`reached ${target}\n`);
  };
  reached();
}
process.exit();
