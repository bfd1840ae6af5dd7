import type { Wire } from './wire.ts';

/**
 * Sends one byte each second of a simulated clock until the server closes the connection, for 100 seconds at the most.
 * Returns the seconds. `witness` is another connection to the same server: the reply to its PING shows that the server
 * has read the byte, and has seen the time.
 */
export async function dribble(
  wire: Wire,
  witness: Wire,
  clock: { advance(milliseconds: number): void },
): Promise<number> {
  let seconds = 0;
  while (!wire.closed && seconds < 100) {
    wire.sendRaw('x');
    await witness.ask('PING');
    clock.advance(1000);
    seconds++;
    await witness.ask('PING');
  }
  return seconds;
}
