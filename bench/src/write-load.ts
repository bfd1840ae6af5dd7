import { once } from 'node:events';
import { connect } from 'node:net';
import { encodeSets } from './sets.ts';

/** Bytes that are handed to the socket at once. */
const BLOCK = 1024 * 1024;
const VALUE = 64;

/**
 * Sends about `bytes` of `SET`s with values of 64 bytes to a server, pipelined and as fast as it takes
 * them, and returns when it has carried out the last one.
 */
export async function writeLoad(port: number, bytes: number): Promise<void> {
  const block = encodeSets(BLOCK, VALUE).bytes;
  const socket = connect({ host: '127.0.0.1', port });
  let replied = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    replied += text;
  });
  // Replies would cost more than the commands: none is sent until the last one.
  socket.write('CLIENT REPLY OFF\r\n');
  for (let sent = 0; sent < bytes; sent += block.length) {
    if (!socket.write(block)) await once(socket, 'drain');
  }
  socket.write('CLIENT REPLY ON\r\n');
  while (replied === '') await once(socket, 'data');
  socket.destroy();
  if (replied !== '+OK\r\n') throw new Error(`the server answered ${replied}`);
}
