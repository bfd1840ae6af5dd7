import { connect } from 'node:net';

/** A TCP endpoint. */
interface Place {
  readonly host: string;
  readonly port: number;
}

/** Milliseconds that a server has to show what it speaks. */
const PATIENCE = 2000;

const PING = Buffer.from('*1\r\n$4\r\nPING\r\n');
/** A handshake record with a malformed ClientHello: a TLS server answers it with an alert, and logs one line. */
const MALFORMED_HELLO = Uint8Array.of(0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3);

const ALERT = 0x15;
const HANDSHAKE = 0x16;

/** Why a link cannot stand: one side speaks TLS, and the other does not. */
export class TlsMismatch extends Error {
  override readonly name = 'TlsMismatch';
  readonly code: 'TLS_EXPECTED' | 'TLS_NOT_SPOKEN';

  constructor(code: TlsMismatch['code']) {
    super(code === 'TLS_EXPECTED' ? 'the port speaks TLS' : 'the port does not speak TLS');
    this.code = code;
  }
}

/** Whether a server sent this as its first bytes because it expects TLS. */
export function isTlsRecord(bytes: Uint8Array): boolean {
  return (bytes[0] === ALERT || bytes[0] === HANDSHAKE) && bytes[1] === 3;
}

/**
 * Whether the port speaks TLS, tried over a connection of its own. Servers close a plain link without a word
 * (OpenSSL sends no alert for what does not look like TLS), as a proxy without a backend does.
 */
export async function speaksTls(place: Place, signal: AbortSignal): Promise<boolean> {
  return isTlsRecord(await firstBytes(place, MALFORMED_HELLO, signal));
}

/**
 * Whether the port answers a plain PING, tried over a connection of its own. A Redis or Valkey without TLS takes
 * a ClientHello for the beginning of an inline command, and waits for the rest of it.
 */
export async function speaksPlain(place: Place, signal: AbortSignal): Promise<boolean> {
  const [first] = await firstBytes(place, PING, signal);
  return first === 0x2b || first === 0x2d;
}

/** What is answered first; empty where nothing is. It never rejects. */
function firstBytes(
  { host, port }: Place,
  request: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    // Not by AbortSignal.any: what nobody else holds is collected with its timer, and the socket stays.
    const end = () => void socket.destroy();
    const timer = setTimeout(end, PATIENCE);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    socket.once('connect', () => socket.write(request));
    socket.once('data', (bytes: Uint8Array) => {
      resolve(bytes);
      socket.destroy();
    });
    socket.on('error', () => {});
    socket.once('close', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve(new Uint8Array());
    });
  });
}
