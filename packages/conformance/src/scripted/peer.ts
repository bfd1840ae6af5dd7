import type { Socket } from 'node:net';
import { ConformanceError } from '../errors.ts';
import { beginsWith, PeerCommands, unexpected } from './commands.ts';

/** One connection of a replica, as the script of a `ScriptedPrimary` sees it. */
export interface ScriptedPeer {
  /**
   * The next command, its words as text of one character a byte; RESP or inline.
   *
   * @throws {ConformanceError} `PEER_CLOSED` when the replica has closed, `TIMED_OUT`
   */
  command(): Promise<string[]>;
  /** The next command if it has arrived already. */
  tryCommand(): string[] | undefined;
  /**
   * The next command, which must begin with these words (in any case).
   *
   * @throws {ConformanceError} `UNEXPECTED_COMMAND`, `PEER_CLOSED`, `TIMED_OUT`
   */
  expect(...words: string[]): Promise<string[]>;
  /** Commands up to and including the first that begins with these words; the others are dropped. */
  skipTo(...words: string[]): Promise<string[]>;
  /** Bare newlines so far. They are no commands. */
  readonly newlines: number;
  /** Bytes received so far. */
  readonly bytesReceived: number;
  /** Sends text (one byte a character) or bytes; resolves when the kernel has taken them. */
  send(data: string | Uint8Array): Promise<void>;
  /** Answers as a primary would, up to PSYNC or SYNC, which is left to the script. */
  handshake(options?: HandshakeOptions): Promise<Handshake>;
  /** Reads nothing more from the socket until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends the connection at once, with a reset. */
  cut(): void;
  /** Ends it in order, after all that was sent. */
  end(): void;
  /** Resolves when the connection is closed, by either side. */
  readonly closed: Promise<void>;
}

export interface HandshakeOptions {
  /** Ask for this password, `[password]` or `[user, password]`, as a primary does: `-NOAUTH` to PING. */
  readonly password?: readonly string[];
  /** Replies to REPLCONF by its first option, such as `{ version: '-ERR unknown' }`. Default `+OK`. */
  readonly replconf?: Readonly<Record<string, string>>;
  /** The fields of INFO; by default one of before 4.0, which names no id. */
  readonly info?: string;
}

/** What a replica said of itself. */
export interface Handshake {
  /** Options of REPLCONF and all values given for each, in order; names in lower case. */
  readonly replconf: Map<string, string[]>;
  /** `PSYNC id offset`, or `SYNC`: name in capitals. */
  readonly psync: string[];
}

const OLD_INFO = '# Replication\r\nrole:master\r\n';

/** How long a script waits for a command, in milliseconds: a test fails by name rather than hangs. */
const PATIENCE = 10_000;

export class SocketPeer implements ScriptedPeer {
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #commands = new PeerCommands();

  constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#commands.push(chunk));
    socket.on('error', () => {});
    const gone = (): void => {
      this.#commands.fail(new ConformanceError('PEER_CLOSED', 'the replica closed the connection'));
    };
    socket.once('end', gone);
    socket.once('close', gone);
  }

  get newlines(): number {
    return this.#commands.newlines;
  }

  get bytesReceived(): number {
    return this.#socket.bytesRead;
  }

  async command(): Promise<string[]> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new ConformanceError('TIMED_OUT', `no command within ${PATIENCE} ms`));
      }, PATIENCE);
    });
    try {
      return await Promise.race([this.#commands.next(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  tryCommand(): string[] | undefined {
    return this.#commands.get();
  }

  async expect(...words: string[]): Promise<string[]> {
    const command = await this.command();
    if (!beginsWith(command, words)) throw unexpected(command, words);
    return command;
  }

  async skipTo(...words: string[]): Promise<string[]> {
    for (;;) {
      const command = await this.command();
      if (beginsWith(command, words)) return command;
    }
  }

  send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => {
        if (error == null) resolve();
        else
          reject(new ConformanceError('PEER_CLOSED', 'the replica is gone', { errors: [error] }));
      });
    });
  }

  async handshake(options: HandshakeOptions = {}): Promise<Handshake> {
    const { password, replconf = {}, info = OLD_INFO } = options;
    const said = new Map<string, string[]>();
    let allowed = password === undefined;
    for (;;) {
      const command = await this.command();
      const [name = '', ...words] = command;
      const upper = name.toUpperCase();
      if (upper === 'AUTH') {
        allowed ||= JSON.stringify(words) === JSON.stringify(password);
        await this.send(allowed ? '+OK\r\n' : '-WRONGPASS invalid username-password pair\r\n');
      } else if (!allowed) await this.send('-NOAUTH Authentication required.\r\n');
      else if (upper === 'PING') await this.send('+PONG\r\n');
      else if (upper === 'PSYNC' || upper === 'SYNC') {
        return { replconf: said, psync: [upper, ...words] };
      } else if (upper === 'REPLCONF') {
        for (let i = 0; i + 1 < words.length; i += 2) {
          const option = words[i]!.toLowerCase();
          said.set(option, [...(said.get(option) ?? []), words[i + 1]!]);
        }
        await this.send(`${replconf[words[0]?.toLowerCase() ?? ''] ?? '+OK'}\r\n`);
      } else if (upper === 'INFO') await this.send(`$${info.length}\r\n${info}\r\n`);
      else if (upper === 'CONFIG') await this.send('-ERR unknown command\r\n');
      else throw unexpected(command, ['PING', 'AUTH', 'REPLCONF', 'INFO', 'PSYNC']);
    }
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  cut(): void {
    this.#socket.resetAndDestroy();
  }

  end(): void {
    this.#socket.end();
  }
}
