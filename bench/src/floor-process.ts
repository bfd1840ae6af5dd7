// The floor: a process that reads the socket and writes the file, and does nothing else. It looks at
// no byte of the stream, syncs nothing and cannot resume. Arguments: the primary's port, the file.
import { openSync, writeSync } from 'node:fs';
import { connect } from 'node:net';

const [port, path] = process.argv.slice(2);
const file = openSync(path!, 'w');
const room = Buffer.allocUnsafeSlow(64 * 1024);
const greeting = [
  'PING',
  'REPLCONF listening-port 0',
  'REPLCONF capa eof capa psync2',
  'PSYNC ? -1',
];

/** What came before the stream: replies, the payload's header, the payload. */
let head: Buffer | undefined = Buffer.alloc(0);
let offset = 0;
let greeted = 0;

const socket = connect({
  host: '127.0.0.1',
  port: Number(port),
  noDelay: true,
  onread: {
    buffer: room,
    callback: (length) => {
      if (head === undefined) append(room, 0, length);
      else begin(Buffer.concat([head, room.subarray(0, length)]));
      return true;
    },
  },
});
greet(0);

/** PSYNC is refused while a reply is on its way: one line after another. */
function greet(replies: number): void {
  if (replies !== greeted || replies >= greeting.length) return;
  socket.write(`${greeting[replies]}\r\n`);
  greeted++;
}

/** Looks for the end of the payload, which is small: `$EOF:` and a mark, or `$` and a length. */
function begin(bytes: Buffer): void {
  head = bytes;
  const text = bytes.toString('latin1');
  greet(text.split('\r\n').length - 1);
  const header = /\+FULLRESYNC \w+ (\d+)\r\n\n*\$(?:EOF:(\w{40})|(\d+))\r\n/.exec(text);
  if (header === null) return;
  const start = header.index + header[0].length;
  const mark = header[2];
  const markAt = mark === undefined ? -1 : text.indexOf(mark, start);
  if (mark !== undefined && markAt < 0) return;
  const end = mark === undefined ? start + Number(header[3]) : markAt + mark.length;
  if (bytes.length < end) return;
  head = undefined;
  offset = Number(header[1]);
  if (bytes.length > end) append(bytes, end, bytes.length - end);
  acknowledge();
  setInterval(acknowledge, 1000);
}

function append(bytes: Buffer, from: number, length: number): void {
  for (let done = 0; done < length; ) done += writeSync(file, bytes, from + done, length - done);
  offset += length;
}

function acknowledge(): void {
  const text = String(offset);
  socket.write(`*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$${text.length}\r\n${text}\r\n`);
}
