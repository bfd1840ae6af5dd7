import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { InstalledServer } from '@forebay/conformance';
import { freePort, Server, Wire } from '@forebay/conformance';
import { onTestFinished } from 'vitest';
import { Daemon, freshDirectory } from '../daemon.ts';
import { syncsOf } from '../primary.ts';
import { signalDaemon } from '../torture/signals.ts';

/** A member of the tree: a server, or a daemon, which is never the top of it. */
export interface Node {
  readonly port: number;
  follow(port: number): Promise<void>;
  /** `<id>:<offset>`, by INFO, and whether the link above stands. */
  place(): Promise<string>;
  cut(): Promise<void>;
  /** Full copies that it has given. */
  copies(): Promise<number>;
}

export class ServerNode implements Node {
  readonly server: Server;

  constructor(server: Server) {
    this.server = server;
  }

  static async start(installed: InstalledServer): Promise<ServerNode> {
    // With no PING at the end of anybody's stream all of what is held is shared.
    const server = await Server.start(installed, {
      config: { 'repl-ping-replica-period': 3600, 'repl-backlog-size': '16mb' },
    });
    onTestFinished(() => server.stop());
    return new ServerNode(server);
  }

  get port(): number {
    return this.server.port;
  }

  async follow(port: number): Promise<void> {
    await this.server.command('REPLICAOF', '127.0.0.1', port);
  }

  async place(): Promise<string> {
    return placeIn(await this.server.info('replication'));
  }

  async cut(): Promise<void> {
    for (const type of ['master', 'replica'])
      await this.server.command('CLIENT', 'KILL', 'TYPE', type);
  }

  async copies(): Promise<number> {
    return (await syncsOf(this.server)).full;
  }
}

export class DaemonNode implements Node {
  readonly daemon: Daemon;
  readonly directory: string;
  readonly port: number;
  readonly #file: string;

  private constructor(daemon: Daemon, directory: string, port: number, file: string) {
    this.daemon = daemon;
    this.directory = directory;
    this.port = port;
    this.#file = file;
  }

  static async start(upstream: number): Promise<DaemonNode> {
    const directory = await freshDirectory();
    const file = join(dirname(directory), 'candidates');
    await writeFile(file, `127.0.0.1 ${upstream}\n`);
    const port = await freePort();
    const daemon = Daemon.start([
      ...['replica', '--replicaof-file', file, '--dir', directory, '--port', String(port)],
    ]);
    await daemon.prints(/full copy done/);
    return new DaemonNode(daemon, directory, port, file);
  }

  async follow(port: number): Promise<void> {
    const said = new RegExp(`following 127\\.0\\.0\\.1:${port} from now on`);
    const times = this.daemon.printed.match(new RegExp(said, 'g'))?.length ?? 0;
    const { master_port } = await this.#info();
    if (Number(master_port) === port) return;
    await writeFile(this.#file, `127.0.0.1 ${port}\n`);
    await signalDaemon(this.directory, 'SIGHUP');
    await this.daemon.prints(said, times + 1);
  }

  async place(): Promise<string> {
    return placeIn(await this.#info());
  }

  async cut(): Promise<void> {
    const wire = await Wire.connect(this.port);
    await wire.ask('CLIENT', 'KILL', 'TYPE', 'replica');
    wire.close();
  }

  async copies(): Promise<number> {
    return this.daemon.printed.match(/gets a full copy/g)?.length ?? 0;
  }

  async #info(): Promise<Record<string, string>> {
    const wire = await Wire.connect(this.port);
    const text = await wire.askBulk('INFO', 'replication');
    wire.close();
    return Object.fromEntries(text.split('\r\n').map((line) => line.split(/:(.*)/, 2)));
  }
}

function placeIn(info: Record<string, string>): string {
  const { role, master_link_status = 'up', master_replid, master_repl_offset } = info;
  if (role === 'slave' && master_link_status !== 'up') return 'down';
  return `${master_replid}:${master_repl_offset}`;
}
