import { access, constants, open, stat } from 'node:fs/promises';
import { EXIT, ExitError } from '../../exit.ts';

/** What is read from a file in one go, while the piece before it is looked at. */
const PIECE = 256 * 1024;

/** Where an RDB is read from. */
export interface Input {
  /** What it is called in messages. */
  readonly name: string;
  /** Bytes that there are; undefined where nobody knows, as in a pipe. */
  readonly total: number | undefined;
  /** The bytes, each piece valid until the next is asked for. To be gone through once. */
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** A file that is there and may be read; `-` is standard input. @throws {ExitError} usage, disk */
export async function openInput(path: string): Promise<Input> {
  if (path === '') throw new ExitError(EXIT.usage, 'FILE names no file');
  if (path === '-')
    return { name: 'standard input', total: undefined, pieces: plainPieces(process.stdin) };
  try {
    await access(path, constants.R_OK);
    const found = await stat(path);
    if (found.isDirectory()) throw Object.assign(new Error('a directory'), { code: 'EISDIR' });
    return { name: path, total: found.isFile() ? found.size : undefined, pieces: piecesOf(path) };
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** The next piece is read while one is looked at. It is opened when it is read, and not left open if it never is. */
async function* piecesOf(path: string): AsyncGenerator<Uint8Array, void, void> {
  const handle = await open(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  const buffers = [Buffer.allocUnsafeSlow(PIECE), Buffer.allocUnsafeSlow(PIECE)] as const;
  let reading = handle.read(buffers[0], 0, PIECE, null);
  try {
    for (let turn = 0; ; turn ^= 1) {
      const { bytesRead, buffer } = await reading.catch((error: unknown) => {
        throw unreadable(path, error);
      });
      if (bytesRead === 0) return;
      reading = handle.read(buffers[turn ^ 1]!, 0, PIECE, null);
      // It may fail while nobody waits for it: that is told when it is waited for.
      reading.catch(() => {});
      yield plain(buffer.subarray(0, bytesRead));
    }
  } finally {
    await reading.catch(() => {});
    await handle.close();
  }
}

async function* plainPieces(stream: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array, void, void> {
  try {
    for await (const piece of stream) yield plain(piece);
  } catch (error) {
    throw unreadable('standard input', error);
  }
}

/** No Buffer: whoever keeps a part of it copies it with `slice`, which of a Buffer is a view. */
function plain({ buffer, byteOffset, length }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}

function unreadable(path: string, error: unknown): ExitError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new ExitError(EXIT.disk, `${path} cannot be read: ${code ?? message}`, error);
}
