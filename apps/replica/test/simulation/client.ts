import { encodeCommand } from '@forebay/resp';
import type { SimulatedLink } from '@forebay/testkit';

/** Sends one command to the daemon's port, and closes the connection after the first line of the reply. */
export function sendCommand(
  link: SimulatedLink,
  words: readonly string[],
  onReply: (line: string | undefined) => void,
): void {
  let text = '';
  let answered = false;
  link.far.listen({
    onBytes: (bytes) => {
      text += Buffer.from(bytes).toString('latin1');
      const end = text.indexOf('\r\n');
      if (end < 0 || answered) return;
      answered = true;
      onReply(text.slice(0, end));
      link.far.destroy();
    },
    onClose: () => {
      if (!answered) onReply(undefined);
      answered = true;
    },
  });
  link.far.write(encodeCommand([...words]));
}
