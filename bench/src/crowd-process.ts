// Clients that ask nothing: `crowd-process PORT IDLE DRIBBLING`. So many that have said PING once, and so
// many that send a byte a second of a command that never ends, and come again when they are let go.
// "there" is printed when the idle ones have had their answers.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';

const [port, idle, dribbling] = process.argv.slice(2).map(Number) as [number, number, number];
/** That many ask to be let in at once. */
const ABREAST = 100;

for (let i = 0; i < idle; i += ABREAST) {
  const some = Array.from({ length: Math.min(ABREAST, idle - i) }, () => opened());
  await Promise.all(
    some.map(async (socket) => {
      socket.write('PING\r\n');
      const [answer] = await once(socket, 'data');
      if (String(answer) !== '+PONG\r\n') throw new Error(`one was answered ${answer}`);
    }),
  );
}
for (let i = 0; i < dribbling; i++) dribble();
process.stderr.write('there\n');

function dribble(): void {
  const socket = opened();
  socket.write('*1\r\n$60000\r\n');
  const timer = setInterval(() => socket.write('x'), 1000);
  socket.once('close', () => {
    clearInterval(timer);
    dribble();
  });
}

function opened(): Socket {
  // What becomes of it is seen elsewhere.
  return connect({ host: '127.0.0.1', port }).on('error', () => {});
}
